#include "cluster/lane.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/control.h"
#include "cluster/record_codec.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

constexpr std::uint64_t kMetaWords = 14;   // of RecordMeta, to size a message in advance
constexpr std::uint64_t kBatchWords = 32;  // what else a batch needs
constexpr MonoNs kChatterDelay = 500'000;
constexpr std::size_t kChatterBytes = 4096;
static_assert(capnp::_::structSize<peer::RecordMeta>().total() <= kMetaWords);

kj::Exception ToKj(const absl::Status& status) {
  const std::string text = status.ToString();
  return KJ_EXCEPTION(FAILED, text.c_str());
}

}  // namespace

struct Lane::Shared {
  Lane* lane;  // null once it is gone
};

class Lane::SinkServer final : public peer::RecordSink::Server {
 public:
  explicit SinkServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

 protected:
  kj::Promise<void> append(AppendContext context) override {
    if (shared_->lane == nullptr) return KJ_EXCEPTION(DISCONNECTED, "the lane is gone");
    if (absl::Status status = shared_->lane->Append(context.getParams()); !status.ok())
      return ToKj(status);
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<Shared> shared_;
};

class Lane::AckServer final : public peer::AckSink::Server {
 public:
  explicit AckServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

 protected:
  kj::Promise<void> applied(AppliedContext context) override {
    if (shared_->lane == nullptr) return KJ_EXCEPTION(DISCONNECTED, "the lane is gone");
    if (absl::Status status = shared_->lane->OnAck(context.getParams().getNumber()); !status.ok())
      return ToKj(status);
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<Shared> shared_;
};

class Lane::LaneServer final : public peer::Lane::Server {
 public:
  explicit LaneServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

 protected:
  kj::Promise<void> open(OpenContext context) override {
    if (shared_->lane == nullptr) return KJ_EXCEPTION(DISCONNECTED, "the lane is gone");
    const auto in = context.getParams();
    if (absl::Status status = shared_->lane->OnOpen(in.getEpoch(), in.getStream(), in.getAcks());
        !status.ok()) {
      return ToKj(status);
    }
    auto out = context.getResults();
    out.setReceived(shared_->lane->receiver_->received());
    out.setSink(kj::heap<SinkServer>(shared_));
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<Shared> shared_;
};

Lane::Lane(const Terms& terms, std::unique_ptr<LinkConnection> connection, StreamSender* sender,
           StreamReceiver* receiver, LaneHost& host)
    : terms_(terms),
      connection_(std::move(connection)),
      sender_(sender),
      receiver_(receiver),
      host_(host),
      shared_(std::make_shared<Shared>(Shared{this})),
      rpc_(std::make_unique<RpcLink>(*connection_, terms.dialer, kLaneFrame,
                                     kj::heap<LaneServer>(shared_),
                                     terms.frames ? static_cast<FrameHandler*>(this) : nullptr)),
      heard_at_(host.now().mono_ns),
      tasks_(*this) {
  if (sender_ != nullptr) Open();
}

Lane::~Lane() noexcept(false) {
  shared_->lane = nullptr;
  if (sender_ != nullptr) sender_->Suspend();
  if (receiver_ != nullptr) receiver_->Suspend();
}

absl::Status Lane::Pump() {
  TANDEM_RETURN_IF_ERROR(error_);
  return rpc_->Pump();
}

// ------------------------------------------------------------------------------------------------------------------
// out

void Lane::Open() {
  urgent_ = true;
  auto request = rpc_->remote().castAs<peer::Lane>().openRequest();
  request.setEpoch(terms_.epoch);
  request.setStream(terms_.number);
  request.setAcks(kj::heap<AckServer>(shared_));
  NoteAwaited();
  tasks_.add(request.send().then([this](capnp::Response<peer::Lane::OpenResults>&& response) {
    --awaited_;
    if (absl::Status status = sender_->Resume(response.getReceived()); !status.ok())
      return Fail(std::move(status));
    // An import, not a promise: calls on it are sent as they are built.
    sink_ = response.getSink();
  }));
}

bool Lane::HasWork() const {
  if (!error_.ok()) return true;
  return (sink_ && sender_->HasBatch()) || (acks_ && receiver_->HasAck());
}

void Lane::Send() {
  if (!error_.ok() || rpc_->shut()) return;
  while (sink_ && sender_->HasBatch() && !rpc_->shut()) {
    if (!Awaits()) awaited_since_ = host_.now().mono_ns;
    SendBatch(*sender_->NextBatch());
  }
  if (acks_) Confirm();
  Flush();
}

// Records, acknowledgements and what opens a lane go at once. Receipts, and what the RPC system
// says by itself (it has returned, it has heard of a return), wait a moment for company: alone they
// would cost both cores a system call and a wake-up per batch.
void Lane::Flush() {
  if (connection_->sent_all()) {
    flush_at_ = kNever;
    return;
  }
  const MonoNs now = host_.now().mono_ns;
  if (flush_at_ == kNever) flush_at_ = now + kChatterDelay;
  if (!urgent_ && now < flush_at_ && connection_->out().bytes() < kChatterBytes) return;
  urgent_ = false;
  flush_at_ = kNever;
  connection_->Flush();
}

void Lane::SendBatch(const StreamSender::Batch& batch) {
  urgent_ = true;
  if (terms_.frames) {
    rpc_->SendFrame(kBatchWords + batch.count * kMetaWords, [&](peer::LaneFrame::Builder frame) {
      PutNumbers(frame);
      Fill(batch, frame.initAppend().initAs<peer::RecordSink::AppendParams>());
    });
  } else {
    CallAppend(batch);
  }
  TANDEM_CHECK_MSG(!rpc_->staged() || rpc_->shut(),
                   "a batch must leave with the message it was built for");
}

void Lane::CallAppend(const StreamSender::Batch& batch) {
  auto request =
      sink_->appendRequest(capnp::MessageSize{kBatchWords + batch.count * kMetaWords, 0});
  Fill(batch, request);
  tasks_.add(request.send().ignoreResult().then([this, last = batch.last()] {
    if (absl::Status status = sender_->OnReceived(last); !status.ok()) Fail(std::move(status));
  }));
}

void Lane::Fill(const StreamSender::Batch& batch, peer::RecordSink::AppendParams::Builder out) {
  out.setFirst(batch.first);
  auto metas = out.initRecords(static_cast<unsigned>(batch.count));
  Blob blob;
  blob.Reserve(std::min(batch.bytes, batch.count * Blob::kGatherFrom));
  for (unsigned i = 0; i < batch.count; ++i) {
    EncodeRecord(sender_->record(batch.first + i), host_.now(), metas[i], blob);
  }
  if (blob.size() == 0) return;
  out.adoptBlob(rpc_->Stage(capnp::Orphanage::getForMessageContaining(out), std::move(blob)));
}

absl::Status Lane::OnNumbers(std::uint64_t received, std::uint64_t applied) {
  if (received == 0 && applied == 0) return absl::OkStatus();
  if (sender_ == nullptr)
    return absl::DataLossError("a receipt on a lane without a stream of ours");
  TANDEM_RETURN_IF_ERROR(sender_->OnReceived(received));
  return OnAck(applied);
}

absl::Status Lane::OnAck(std::uint64_t number) {
  absl::StatusOr<bool> news =
      sender_ == nullptr
          ? absl::DataLossError("an acknowledgement on a lane without a stream of ours")
          : sender_->OnApplied(number);
  if (!news.ok()) {
    Fail(news.status());
    return news.status();
  }
  if (*news) host_.OnApplied(number);
  return absl::OkStatus();
}

// -------------------------------------------------------------------------------------------------------------------
// in

absl::Status Lane::OnOpen(std::uint64_t epoch, std::uint16_t stream, peer::AckSink::Client acks) {
  if (epoch != terms_.epoch || stream != terms_.number || receiver_ == nullptr) {
    absl::Status status = absl::DataLossError(absl::StrCat("stream ", stream, " of epoch ", epoch,
                                                           " was opened on lane ", terms_.number,
                                                           " of epoch ", terms_.epoch));
    Fail(status);
    return status;
  }
  receiver_->Resume();
  confirmed_ = receiver_->received();  // the answer says so
  urgent_ = true;
  acks_ = kj::mv(acks);
  return absl::OkStatus();
}

absl::Status Lane::OnFrame(peer::LaneFrame::Reader frame) {
  TANDEM_RETURN_IF_ERROR(OnNumbers(frame.getReceived(), frame.getApplied()));
  switch (frame.which()) {
    case peer::LaneFrame::APPEND:
      if (!acks_) return absl::DataLossError("a batch of a stream that is not open");
      return Deliver(frame.getAppend().getAs<peer::RecordSink::AppendParams>());
    case peer::LaneFrame::CONFIRM:
      return absl::OkStatus();
    case peer::LaneFrame::RPC:
      break;
  }
  return absl::DataLossError("a frame of an unknown kind");
}

absl::Status Lane::Append(peer::RecordSink::AppendParams::Reader batch) {
  absl::Status status;
  // KJ throws on pointers that lead out of the message.
  const kj::Maybe<kj::Exception> exception =
      kj::runCatchingExceptions([&] { status = Deliver(batch); });
  KJ_IF_MAYBE (thrown, exception) {
    status = absl::DataLossError(ToStatus(*thrown).message());
  }
  if (!status.ok()) Fail(status);
  return status;
}

absl::Status Lane::Deliver(peer::RecordSink::AppendParams::Reader batch) {
  const auto metas = batch.getRecords();
  const capnp::Data::Reader data = batch.getBlob();
  const broker::BufferPtr slab =
      data.size() == 0 ? broker::BufferPtr() : rpc_->SlabAt(data.begin());
  TANDEM_ASSIGN_OR_RETURN(const std::size_t known,
                          receiver_->Accept(batch.getFirst(), metas.size()));
  Bytes blob{data.begin(), data.size()};
  broker::PeerRecord record;
  for (unsigned i = 0; i < metas.size(); ++i) {
    if (absl::Status read = DecodeRecord(metas[i], blob, slab, host_.now(), record); !read.ok())
      return absl::DataLossError(read.message());
    if (i < known) continue;
    host_.OnRecord(CoreId(terms_.number), receiver_->Delivered(), std::move(record));
  }
  return blob.empty() ? absl::OkStatus()
                      : absl::DataLossError("a batch with more bytes than its records need");
}

// An acknowledgement goes at once; that records have come is said with the next batch or
// acknowledgement, or else soon.
void Lane::Confirm() {
  if (!terms_.frames) {
    if (const std::optional<std::uint64_t> number = receiver_->TakeAck()) CallApplied(*number);
    return;
  }
  const bool owes_receipt = confirmed_ != receiver_->received();
  if (owes_receipt && confirm_at_ == kNever) confirm_at_ = host_.now().mono_ns + kChatterDelay;
  if (receiver_->HasAck()) {
    urgent_ = true;
    SendConfirm();
  } else if (owes_receipt && host_.now().mono_ns >= confirm_at_) {
    SendConfirm();
  }
}

void Lane::SendConfirm() {
  rpc_->SendFrame(0, [this](peer::LaneFrame::Builder frame) {
    PutNumbers(frame);
    frame.setConfirm();
  });
}

void Lane::PutNumbers(peer::LaneFrame::Builder frame) {
  if (!acks_) return;
  receiver_->TakeAck();
  confirmed_ = receiver_->received();
  confirm_at_ = kNever;
  frame.setReceived(confirmed_);
  frame.setApplied(receiver_->applied());
}

void Lane::CallApplied(std::uint64_t number) {
  auto request = acks_->appliedRequest();
  request.setNumber(number);
  urgent_ = true;
  tasks_.add(request.send().ignoreResult());
}

// -------------------------------------------------------------------------------------------------------------------
// whether anybody is there

bool Lane::Awaits() const {
  return awaited_ != 0 || (sender_ != nullptr && sender_->awaits_receipt());
}

void Lane::NoteAwaited() {
  if (!Awaits()) awaited_since_ = host_.now().mono_ns;
  ++awaited_;
}

void Lane::CheckHeard(MonoNs patience, bool excused) {
  const MonoNs now = host_.now().mono_ns;
  if (excused || heard_bytes_ != connection_->bytes_received()) {
    heard_bytes_ = connection_->bytes_received();
    heard_at_ = now;
  }
  // The other end opens its stream as soon as it has the lane.
  const bool awaits = Awaits();
  const bool waits = awaits || (receiver_ != nullptr && !acks_);
  const MonoNs since = awaits ? std::max(heard_at_, awaited_since_) : heard_at_;
  if (waits && now - since > patience) Fail(absl::UnavailableError("its other end says nothing"));
  const bool may_ask = terms_.dialer && !waits && acks_;
  if (may_ask && now - heard_at_ > patience / 2) Ask();
  check_at_ = waits ? since + patience + 1 : may_ask ? heard_at_ + patience / 2 + 1 : kNever;
}

// What the other end knows already; its return says that it is there.
void Lane::Ask() {
  auto request = acks_->appliedRequest();
  request.setNumber(receiver_->applied());
  urgent_ = true;
  NoteAwaited();
  tasks_.add(request.send().ignoreResult().then([this] { --awaited_; }));
}

void Lane::Fail(absl::Status error) {
  if (error_.ok()) error_ = std::move(error);
}

void Lane::taskFailed(kj::Exception&& exception) { Fail(ToStatus(exception)); }

}  // namespace tandem::cluster
