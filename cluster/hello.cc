#include "cluster/hello.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "proto/peer/peer.capnp.h"
#include "proto/peer/peer_version.h"

namespace tandem::cluster {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kTextBytesMax = 256;
constexpr const char* kDialerLabel = "tandem-dialer-1";
constexpr const char* kListenerLabel = "tandem-listener-1";

std::vector<std::uint8_t> Serialize(capnp::MessageBuilder& message) {
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return {bytes.begin(), bytes.end()};
}

std::string ToString(capnp::Text::Reader text) { return {text.cStr(), text.size()}; }

}  // namespace

// A frame of the handshake, copied out of its message.
struct Handshake::Frame {
  peer::Handshake::Which kind{};
  std::vector<std::uint8_t> proof;
  // hello
  std::uint16_t major = 0, min_major = 0, cores = 0, lane = 0;
  std::uint64_t features = 0, incarnation = 0, epoch = 0;
  std::string cluster, node, release;
  std::size_t nonce_bytes = 0;
  bool secured = false;
  peer::Purpose purpose{};
  std::uint8_t path = 0;
  // verdict
  bool accepted = false;
  std::uint16_t reason = 0;
  std::string text;

  static std::optional<Frame> Parse(Bytes bytes);

 private:
  void Read(peer::Handshake::Reader in);
};

std::optional<Handshake::Frame> Handshake::Frame::Parse(Bytes bytes) {
  if (bytes.size() % sizeof(capnp::word) != 0) return std::nullopt;
  Frame frame;
  // KJ throws on pointers that lead out of the message.
  const auto exception = kj::runCatchingExceptions([&] {
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(
        reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)));
    frame.Read(reader.getRoot<peer::Handshake>());
  });
  if (exception != nullptr) return std::nullopt;
  return frame;
}

void Handshake::Frame::Read(peer::Handshake::Reader in) {
  kind = in.which();
  if (in.isProof()) {
    const capnp::Data::Reader data = in.getProof();
    proof.assign(data.begin(), data.end());
  } else if (in.isHello()) {
    const peer::Hello::Reader hello = in.getHello();
    major = hello.getMajor();
    min_major = hello.getMinMajor();
    features = hello.getFeatures();
    cluster = ToString(hello.getCluster());
    node = ToString(hello.getNode());
    release = ToString(hello.getRelease());
    incarnation = hello.getIncarnation();
    cores = hello.getCores();
    nonce_bytes = hello.getNonce().size();
    secured = hello.getSecured();
    purpose = hello.getPurpose();
    path = hello.getPath();
    lane = hello.getLane();
    epoch = hello.getEpoch();
  } else if (in.isVerdict()) {
    const peer::Verdict::Reader verdict = in.getVerdict();
    accepted = verdict.getAccepted();
    reason = static_cast<std::uint16_t>(verdict.getReason());
    text = ToString(verdict.getText()).substr(0, kTextBytesMax);
  }
}

std::string_view Name(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kVersion:
      return "version";
    case Refusal::kWrongCluster:
      return "wrong_cluster";
    case Refusal::kWrongNode:
      return "wrong_node";
    case Refusal::kUnsecured:
      return "unsecured";
    case Refusal::kWrongSecret:
      return "wrong_secret";
    case Refusal::kWrongEpoch:
      return "wrong_epoch";
    case Refusal::kStopping:
      return "stopping";
    case Refusal::kBusy:
      return "busy";
  }
  return "unknown";
}

std::vector<std::uint8_t> KeyedHash(std::string_view secret, const char* label,
                                    std::initializer_list<Bytes> parts) {
  const std::string_view text(label);
  std::vector<std::uint8_t> input(text.begin(), text.end());
  input.push_back(0);
  for (const Bytes part : parts) input.insert(input.end(), part.begin(), part.end());
  std::vector<std::uint8_t> hash(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  const unsigned char* const done =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), input.data(), input.size(),
           hash.data(), &size);
  TANDEM_CHECK_MSG(done != nullptr, "HMAC-SHA256 is not available");
  hash.resize(size);
  return hash;
}

bool EqualInConstantTime(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool IsLoopback(std::string_view host) noexcept {
  return host.starts_with("127.") || host == "::1" || host.starts_with("::ffff:127.");
}

Handshake::Handshake(Role role, const NodeIdentity& self, std::string_view partner,
                     bool remote_loopback, const LinkRequest& request, const Nonce& nonce)
    : role_(role),
      self_(self),
      partner_(partner),
      remote_loopback_(remote_loopback),
      request_(request),
      nonce_(nonce),
      await_(Await::kHello) {}

Handshake Handshake::Dialer(const NodeIdentity& self, std::string_view partner,
                            bool remote_loopback, const LinkRequest& request, const Nonce& nonce) {
  return Handshake(Role::kDialer, self, partner, remote_loopback, request, nonce);
}

Handshake Handshake::Listener(const NodeIdentity& self, std::string_view partner,
                              bool remote_loopback, const Nonce& nonce) {
  return Handshake(Role::kListener, self, partner, remote_loopback, LinkRequest(), nonce);
}

std::vector<std::uint8_t> Handshake::Start() {
  if (role_ == Role::kListener) return {};
  dialer_hello_ = OwnHello();
  return dialer_hello_;
}

std::vector<std::uint8_t> Handshake::OnFrame(Bytes bytes) {
  if (state_ != State::kRunning) return {};
  const std::optional<Frame> frame = Frame::Parse(bytes);
  if (!frame) return Refuse(Refusal::kMalformed, "a frame of the handshake that can't be read");
  if (frame->kind == peer::Handshake::VERDICT) return OnVerdict(*frame);
  if (frame->kind == peer::Handshake::HELLO && await_ == Await::kHello)
    return OnHello(*frame, bytes);
  if (frame->kind == peer::Handshake::PROOF && await_ == Await::kProof)
    return OnProof(frame->proof);
  return Refuse(Refusal::kMalformed, "a frame out of turn");
}

std::vector<std::uint8_t> Handshake::OnHello(const Frame& frame, Bytes bytes) {
  if (auto [refusal, text] = Judge(frame); refusal != Refusal::kNone) return Refuse(refusal, text);
  peer_ = {.name = frame.node,
           .incarnation = Incarnation(frame.incarnation),
           .cores = frame.cores,
           .features = frame.features & self_.features,
           .release = frame.release.substr(0, kNameBytesMax)};
  await_ = Await::kProof;
  if (role_ == Role::kDialer) {
    listener_hello_.assign(bytes.begin(), bytes.end());
    return {};
  }
  dialer_hello_.assign(bytes.begin(), bytes.end());
  request_ = {
      .purpose = frame.purpose == peer::Purpose::LANE ? LinkPurpose::kLane : LinkPurpose::kControl,
      .path = frame.path,
      .lane = frame.lane,
      .epoch = frame.epoch};
  listener_hello_ = OwnHello();
  std::vector<std::uint8_t> out = listener_hello_;
  const std::vector<std::uint8_t> proof = Proof(Role::kListener);
  capnp::MallocMessageBuilder message;
  message.initRoot<peer::Handshake>().setProof(kj::arrayPtr(proof.data(), proof.size()));
  const std::vector<std::uint8_t> second = Serialize(message);
  out.insert(out.end(), second.begin(), second.end());
  return out;
}

std::pair<Refusal, std::string> Handshake::Judge(const Frame& frame) const {
  const bool secured = !self_.secret.empty();
  if (frame.nonce_bytes != sizeof(Nonce) || frame.node.empty() ||
      frame.node.size() > kNameBytesMax || frame.cluster.size() > kNameBytesMax ||
      frame.cores == 0 || frame.cores > kCoresMax || frame.purpose > peer::Purpose::LANE) {
    return {Refusal::kMalformed, "a hello with impossible values"};
  }
  if (!peer::CommonMajor(peer::kMajor, peer::kMinMajor, frame.major, frame.min_major)) {
    return {Refusal::kVersion,
            absl::StrCat("protocol ", peer::kMinMajor, " to ", peer::kMajor, " here, ",
                         frame.min_major, " to ", frame.major, " there")};
  }
  if (frame.cluster != self_.cluster) {
    return {Refusal::kWrongCluster,
            absl::StrCat("cluster \"", Escaped(self_.cluster), "\" here, \"",
                         Escaped(frame.cluster), "\" there")};
  }
  if (frame.secured != secured) {
    return {Refusal::kUnsecured, secured ? "a cluster secret is configured here, but not there"
                                         : "a cluster secret is configured there, but not here"};
  }
  if (!secured && !remote_loopback_ && !self_.insecure) {
    return {Refusal::kUnsecured, "links without a cluster secret are accepted on loopback only"};
  }
  if (frame.node == self_.node) {
    return {Refusal::kWrongNode,
            absl::StrCat("both nodes are called \"", Escaped(self_.node), "\"")};
  }
  if (!partner_.empty() && frame.node != partner_) {
    return {Refusal::kWrongNode,
            absl::StrCat("the partner of \"", Escaped(self_.node), "\" is \"", Escaped(partner_),
                         "\", not \"", Escaped(frame.node), "\"")};
  }
  if ((frame.node < self_.node) != (role_ == Role::kListener)) {
    return {Refusal::kWrongNode, "the node with the lower name dials"};
  }
  return {Refusal::kNone, std::string()};
}

std::vector<std::uint8_t> Handshake::OnProof(Bytes proof) {
  const Role theirs = role_ == Role::kDialer ? Role::kListener : Role::kDialer;
  if (!EqualInConstantTime(proof, Proof(theirs))) {
    return Refuse(Refusal::kWrongSecret, "the cluster secrets of the two nodes differ");
  }
  if (role_ == Role::kListener) {
    state_ = State::kProven;
    return {};
  }
  await_ = Await::kVerdict;
  const std::vector<std::uint8_t> own = Proof(Role::kDialer);
  capnp::MallocMessageBuilder message;
  message.initRoot<peer::Handshake>().setProof(kj::arrayPtr(own.data(), own.size()));
  return Serialize(message);
}

std::vector<std::uint8_t> Handshake::OnVerdict(const Frame& frame) {
  if (frame.accepted) {
    if (role_ != Role::kDialer || await_ != Await::kVerdict)
      return Refuse(Refusal::kMalformed, "a verdict out of turn");
    state_ = State::kAccepted;
    return {};
  }
  state_ = State::kRefused;
  refusal_ = frame.reason < kRefusals ? static_cast<Refusal>(frame.reason) : Refusal::kMalformed;
  text_ = frame.text;
  refused_by_partner_ = true;
  return {};
}

std::vector<std::uint8_t> Handshake::Accept() {
  TANDEM_CHECK(state_ == State::kProven);
  state_ = State::kAccepted;
  capnp::MallocMessageBuilder message;
  message.initRoot<peer::Handshake>().initVerdict().setAccepted(true);
  return Serialize(message);
}

std::vector<std::uint8_t> Handshake::Refuse(Refusal refusal, std::string_view text) {
  state_ = State::kRefused;
  refusal_ = refusal;
  text_ = text;
  capnp::MallocMessageBuilder message;
  peer::Verdict::Builder verdict = message.initRoot<peer::Handshake>().initVerdict();
  verdict.setAccepted(false);
  verdict.setReason(static_cast<peer::Refusal>(refusal));
  verdict.setText(text_.substr(0, kTextBytesMax).c_str());
  return Serialize(message);
}

std::vector<std::uint8_t> Handshake::OwnHello() const {
  capnp::MallocMessageBuilder message;
  peer::Hello::Builder hello = message.initRoot<peer::Handshake>().initHello();
  hello.setMajor(peer::kMajor);
  hello.setMinMajor(peer::kMinMajor);
  hello.setFeatures(self_.features);
  hello.setCluster(self_.cluster.c_str());
  hello.setNode(self_.node.c_str());
  hello.setIncarnation(static_cast<std::uint64_t>(self_.incarnation));
  hello.setCores(self_.cores);
  hello.setNonce(kj::arrayPtr(nonce_.data(), nonce_.size()));
  hello.setSecured(!self_.secret.empty());
  hello.setPurpose(request_.purpose == LinkPurpose::kLane ? peer::Purpose::LANE
                                                          : peer::Purpose::CONTROL);
  hello.setPath(request_.path);
  hello.setLane(request_.lane);
  hello.setEpoch(request_.epoch);
  hello.setRelease(self_.release.c_str());
  return Serialize(message);
}

std::vector<std::uint8_t> Handshake::Proof(Role role) const {
  if (self_.secret.empty()) return {};
  const char* const label = role == Role::kDialer ? kDialerLabel : kListenerLabel;
  return KeyedHash(self_.secret, label, {dialer_hello_, listener_hello_});
}

}  // namespace tandem::cluster
