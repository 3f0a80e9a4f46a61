#include "cluster/rpc_link.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"

namespace tandem::cluster {
namespace {

constexpr std::size_t kWord = sizeof(capnp::word);
// Frames that may wait for the RPC system before no more are received.
constexpr std::size_t kFramesWaiting = 64;
// A message without a blob up to this size is copied behind others; larger ones go out from where
// they were built.
constexpr std::size_t kCopyMessageBelow = SendQueue::kCopyBelow;
constexpr std::array<std::uint8_t, kWord> kPadding{};
constexpr std::uint64_t kEnvelopeWords = 1 + capnp::_::structSize<peer::LaneFrame>().total();

// Addresses that nothing else has: memory without access, as large as the largest blob. Whoever
// reads through a placeholder ends the process instead of sending nonsense.
const std::uint8_t* Nowhere() {
  static const void* const base = [] {
    void* const memory = mmap(nullptr, kLaneFrame.bytes_max, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TANDEM_CHECK_MSG(memory != MAP_FAILED, "no address space for the placeholder of a batch");
    return memory;
  }();
  return static_cast<const std::uint8_t*>(base);
}

void AppendU32(ByteBuffer& out, std::size_t value) {
  std::uint8_t* const place = out.Extend(4);
  for (unsigned i = 0; i < 4; ++i) place[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

Bytes AsBytes(kj::ArrayPtr<const capnp::word> segment) {
  const auto bytes = segment.asBytes();
  return {bytes.begin(), bytes.size()};
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------------
// out

class RpcLink::Outgoing final : public capnp::OutgoingRpcMessage, public kj::Refcounted {
 public:
  Outgoing(RpcLink& link, unsigned first_segment_words)
      : link_(link),
        message_(first_segment_words == 0 ? capnp::SUGGESTED_FIRST_SEGMENT_WORDS
                                          : first_segment_words) {}

  capnp::AnyPointer::Builder getBody() override {
    return link_.handler_ == nullptr ? message_.getRoot<capnp::AnyPointer>() : frame().getRpc();
  }
  peer::LaneFrame::Builder frame() { return message_.getRoot<peer::LaneFrame>(); }
  std::size_t sizeInWords() override { return message_.sizeInWords(); }
  void send() override;

 private:
  struct Parcel final : SendQueue::Parcel {
    ~Parcel() noexcept override = default;
    kj::Own<Outgoing> message;
    ByteBuffer table;
    std::optional<Blob> blob;
  };
  using Segments = kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>;

  static ByteBuffer Table(Segments segments);
  Blob TakeStaged();
  void SendCopied(Segments segments);
  void SendInPlace(Segments segments);

  RpcLink& link_;
  capnp::MallocMessageBuilder message_;
};

void RpcLink::Outgoing::send() {
  const Segments segments = message_.getSegmentsForOutput();
  std::size_t words = 0;
  for (const auto& segment : segments) words += segment.size();
  const bool gathers = link_.staged_ && link_.staged_->gathered_bytes() != 0;
  if (words * kWord < kCopyMessageBelow && !gathers) return SendCopied(segments);
  SendInPlace(segments);
}

ByteBuffer RpcLink::Outgoing::Table(Segments segments) {
  ByteBuffer table;
  AppendU32(table, segments.size() - 1);
  for (const auto& segment : segments) AppendU32(table, segment.size());
  if (segments.size() % 2 == 0) AppendU32(table, 0);
  return table;
}

// What stands where the placeholder was.
Blob RpcLink::Outgoing::TakeStaged() {
  TANDEM_CHECK_MSG(link_.staged_, "a placeholder without its blob");
  Blob blob = *std::exchange(link_.staged_, std::nullopt);
  link_.traffic_.bytes_copied += blob.copied_bytes();
  link_.traffic_.bytes_gathered += blob.gathered_bytes();
  return blob;
}

void RpcLink::Outgoing::SendCopied(Segments segments) {
  SendQueue& out = link_.connection_.out();
  out.Copy(Table(segments).bytes());
  for (const auto& segment : segments) {
    const Bytes bytes = AsBytes(segment);
    if (bytes.data() != Nowhere()) {
      out.Copy(bytes);
      continue;
    }
    const Blob blob = TakeStaged();
    out.Copy(blob.copied());
    out.Copy(Bytes(kPadding).first(bytes.size() - blob.size()));
  }
}

void RpcLink::Outgoing::SendInPlace(Segments segments) {
  auto parcel = std::make_unique<Parcel>();
  parcel->message = kj::addRef(*this);
  parcel->table = Table(segments);
  parcel->fragments.push_back({parcel->table.data(), parcel->table.size()});
  for (const auto& segment : segments) {
    const Bytes bytes = AsBytes(segment);
    if (bytes.data() != Nowhere()) {
      if (!bytes.empty()) parcel->fragments.push_back({bytes.data(), bytes.size()});
      continue;
    }
    parcel->blob = TakeStaged();
    parcel->blob->AppendTo(parcel->fragments);
    const std::size_t padding = bytes.size() - parcel->blob->size();
    if (padding != 0) parcel->fragments.push_back({kPadding.data(), padding});
  }
  link_.connection_.out().Push(std::move(parcel));
}

void RpcLink::SendFrame(std::size_t words, absl::FunctionRef<void(peer::LaneFrame::Builder)> fill) {
  TANDEM_CHECK(handler_ != nullptr);
  auto message = kj::refcounted<Outgoing>(*this, static_cast<unsigned>(words + kEnvelopeWords));
  fill(message->frame());
  message->send();
}

capnp::Orphan<capnp::Data> RpcLink::Stage(capnp::Orphanage orphanage, Blob blob) {
  TANDEM_CHECK(!staged_ && blob.size() <= kLaneFrame.bytes_max);
  staged_ = std::move(blob);
  return orphanage.referenceExternalData(capnp::Data::Reader(Nowhere(), staged_->size()));
}

// -------------------------------------------------------------------------------------------------------------------
// in

class RpcLink::Incoming final : public capnp::IncomingRpcMessage {
 public:
  Incoming(RpcLink& link, ReceiveBuffer::Frame frame)
      : enveloped_(link.handler_ != nullptr),
        live_(link.live_),
        frame_(std::move(frame)),
        reader_(Segments(), Options(frame_.bytes.size())) {
    live_->push_back(this);
  }
  ~Incoming() noexcept { live_->erase(std::find(live_->begin(), live_->end(), this)); }

  capnp::AnyPointer::Reader getBody() override {
    return enveloped_ ? lane_frame().getRpc() : reader_.getRoot<capnp::AnyPointer>();
  }
  std::size_t sizeInWords() override { return frame_.bytes.size() / kWord; }
  peer::LaneFrame::Reader lane_frame() { return reader_.getRoot<peer::LaneFrame>(); }

  bool Holds(const void* place) const noexcept {
    const auto* const byte = static_cast<const std::uint8_t*>(place);
    return byte >= frame_.bytes.data() && byte < frame_.bytes.data() + frame_.bytes.size();
  }
  const broker::BufferPtr& slab() const noexcept { return frame_.slab; }

 private:
  // The frame's limits were checked by FrameBytes.
  kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> Segments() {
    const auto* const words = reinterpret_cast<const capnp::word*>(frame_.bytes.data());
    const auto* const sizes = reinterpret_cast<const std::uint32_t*>(frame_.bytes.data());
    const std::size_t count = sizes[0] + std::size_t{1};
    segments_.reserve(count);
    const capnp::word* at = words + (count + 2) / 2;
    for (std::size_t i = 0; i < count; ++i) {
      segments_.push_back(kj::arrayPtr(at, sizes[1 + i]));
      at += sizes[1 + i];
    }
    return kj::arrayPtr(segments_.data(), segments_.size());
  }
  static capnp::ReaderOptions Options(std::size_t bytes) {
    capnp::ReaderOptions options;
    // Enough to read everything some times, and no more: a small message can't be made to look like
    // a large one.
    options.traversalLimitInWords = 4 * (bytes / kWord) + 1024;
    options.nestingLimit = 32;
    return options;
  }

  const bool enveloped_;
  std::shared_ptr<std::vector<const Incoming*>> live_;
  ReceiveBuffer::Frame frame_;
  absl::InlinedVector<kj::ArrayPtr<const capnp::word>, 4> segments_;
  capnp::SegmentArrayMessageReader reader_;
};

absl::Status RpcLink::Pump() {
  while (frames_.size() < kFramesWaiting) {
    TANDEM_ASSIGN_OR_RETURN(std::optional<ReceiveBuffer::Frame> frame, connection_.NextFrame());
    if (!frame) break;
    if (handler_ != nullptr) {
      TANDEM_ASSIGN_OR_RETURN(const bool handled, HandleFrame(*frame));
      if (handled) continue;
    }
    frames_.push_back(*std::move(frame));
  }
  if (!frames_.empty()) {
    KJ_IF_MAYBE (fulfiller, waiting_) {
      auto taken = kj::mv(*fulfiller);
      waiting_ = nullptr;
      kj::Maybe<kj::Own<capnp::IncomingRpcMessage>> message = Wrap(std::move(frames_.front()));
      frames_.pop_front();
      taken->fulfill(kj::mv(message));
    }
  }
  if (connection_.failed()) return connection_.error();
  if (shut_) return absl::AbortedError("the other side broke the protocol of the link");
  if (frames_.size() < kFramesWaiting) connection_.Receive(false);
  return absl::OkStatus();
}

// False if it is for the RPC system.
absl::StatusOr<bool> RpcLink::HandleFrame(const ReceiveBuffer::Frame& frame) {
  Incoming message(*this, frame);
  absl::StatusOr<bool> handled = false;
  // KJ throws on pointers that lead out of the message.
  const kj::Maybe<kj::Exception> exception = kj::runCatchingExceptions([&] {
    const peer::LaneFrame::Reader content = message.lane_frame();
    if (content.isRpc()) return;
    const absl::Status status = handler_->OnFrame(content);
    handled = status.ok() ? absl::StatusOr<bool>(true) : status;
  });
  KJ_IF_MAYBE (thrown, exception) {
    return absl::DataLossError(
        absl::StrCat("a frame that can't be read: ", thrown->getDescription().cStr()));
  }
  return handled;
}

kj::Own<capnp::IncomingRpcMessage> RpcLink::Wrap(ReceiveBuffer::Frame frame) {
  return kj::heap<Incoming>(*this, std::move(frame));
}

broker::BufferPtr RpcLink::SlabAt(const void* place) const {
  for (const Incoming* const message : *live_) {
    if (message->Holds(place)) return message->slab();
  }
  return {};
}

// --------------------------------------------------------------------------------------------------------------
// network

RpcLink::RpcLink(LinkConnection& connection, bool dialer, const FrameLimits& limits,
                 capnp::Capability::Client bootstrap, FrameHandler* handler)
    : connection_(connection), handler_(handler) {
  connection_.SetLimits(limits);
  peer_vat_id_.initRoot<capnp::rpc::twoparty::VatId>().setSide(
      dialer ? capnp::rpc::twoparty::Side::SERVER : capnp::rpc::twoparty::Side::CLIENT);
  capnp::TwoPartyVatNetworkBase& network = *this;
  system_.emplace(network, kj::mv(bootstrap));
}

RpcLink::~RpcLink() noexcept {
  // Breaking what is open throws nothing that anybody could act on.
  [[maybe_unused]] const auto exception = kj::runCatchingExceptions([this] { system_.reset(); });
}

capnp::Capability::Client RpcLink::remote() { return system_->bootstrap(getPeerVatId()); }

kj::Own<capnp::TwoPartyVatNetworkBase::Connection> RpcLink::AsConnection() {
  return kj::Own<capnp::TwoPartyVatNetworkBase::Connection>(this, kj::NullDisposer::instance);
}

kj::Maybe<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>> RpcLink::connect(
    capnp::rpc::twoparty::VatId::Reader) {
  return AsConnection();
}

kj::Promise<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>> RpcLink::accept() {
  if (!accepted_) {
    accepted_ = true;
    return AsConnection();
  }
  auto paf = kj::newPromiseAndFulfiller<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>>();
  never_accepted_ = kj::mv(paf.fulfiller);
  return kj::mv(paf.promise);
}

capnp::rpc::twoparty::VatId::Reader RpcLink::getPeerVatId() {
  return peer_vat_id_.getRoot<capnp::rpc::twoparty::VatId>();
}

kj::Own<capnp::OutgoingRpcMessage> RpcLink::newOutgoingMessage(unsigned first_segment_words) {
  const auto envelope = static_cast<unsigned>(handler_ != nullptr ? kEnvelopeWords : 0);
  return kj::refcounted<Outgoing>(*this,
                                  first_segment_words == 0 ? 0 : first_segment_words + envelope);
}

kj::Promise<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>> RpcLink::receiveIncomingMessage() {
  if (!frames_.empty()) {
    kj::Maybe<kj::Own<capnp::IncomingRpcMessage>> message = Wrap(std::move(frames_.front()));
    frames_.pop_front();
    return kj::mv(message);
  }
  auto paf = kj::newPromiseAndFulfiller<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>>();
  waiting_ = kj::mv(paf.fulfiller);
  return kj::mv(paf.promise);
}

kj::Promise<void> RpcLink::shutdown() {
  shut_ = true;
  return kj::READY_NOW;
}

}  // namespace tandem::cluster
