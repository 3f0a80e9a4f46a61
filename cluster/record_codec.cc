#include "cluster/record_codec.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "proto/mqtt/topic.h"

namespace tandem::cluster {
namespace {

using broker::MessagePtr;
using peer::RecordMeta;

constexpr std::uint64_t kNoExpiry = UINT64_MAX;
constexpr std::uint8_t kOutboundStates = 4;

// -------------------------------------------------------------------------------------------------------------
// encoding

class Encoder {
 public:
  Encoder(const Now& now, RecordMeta::Builder meta, Blob& blob)
      : now_(now), meta_(meta), blob_(blob) {}

  void operator()(const broker::PublishRecord& r) {
    Put(r.message);
    auto out = meta_.initPublish();
    out.setRoute(r.route);
    out.setUpdateRetained(r.update_retained);
    out.setHops(r.hops);
    out.setGroups(static_cast<std::uint16_t>(r.groups.size()));
    for (const broker::SharedTarget& group : r.groups) Put(group);
  }
  void operator()(const broker::RetainedRecord& r) {
    Put(r.message);
    meta_.setRetained();
  }
  void operator()(const broker::InterestRecord& r) {
    meta_.initInterest().setWanted(r.wanted);
    Put(r.filter);
  }
  void operator()(const broker::GroupInterestRecord& r) {
    auto out = meta_.initGroupInterest();
    out.setOnline(r.online);
    out.setTotal(r.total);
    Put(r.filter);
    Put(r.share_name);
  }
  void operator()(const broker::ClaimRecord& r) {
    auto out = meta_.initClaim();
    out.setConnectedAt(r.connected_at);
    out.setCleanStart(r.clean_start);
    out.setAnswer(r.answer);
    Put(r.client_id);
  }
  void operator()(const broker::SessionRecord& r) {
    auto out = meta_.initSession();
    out.setExpiryS(r.expiry_s);
    out.setNextNumber(r.next_number);
    out.setFirstNumber(r.first_number);
    Put(r.client_id);
  }
  void operator()(const broker::SessionSubscriptionRecord& r) {
    auto out = meta_.initSessionSubscription();
    out.setQos(static_cast<std::uint8_t>(r.options.qos));
    out.setNoLocal(r.options.no_local);
    out.setRetainAsPublished(r.options.retain_as_published);
    out.setRetainHandling(r.options.retain_handling);
    out.setIdentifier(r.identifier);
    Put(r.client_id);
    Put(r.filter);
  }
  void operator()(const broker::SessionMessageRecord& r) {
    if (r.message) Put(r.message);
    auto out = meta_.initSessionMessage();
    out.setNumber(r.number);
    out.setState(r.state);
    out.setQos(static_cast<std::uint8_t>(r.qos));
    out.setRetain(r.retain);
    out.setGrouped(r.group.has_value());
    out.setSubscriptionIds(static_cast<std::uint16_t>(r.subscription_ids.size()));
    Put(r.client_id);
    if (r.group) Put(*r.group);
    for (const std::uint32_t id : r.subscription_ids) blob_.CopyU32(id);
    texts_bytes_ += 4 * r.subscription_ids.size();
  }
  void operator()(const broker::SessionReceivedIdRecord& r) {
    meta_.initSessionReceivedId().setPacketId(r.packet_id);
    Put(r.client_id);
  }
  void operator()(const broker::ClaimReplyRecord& r) {
    auto out = meta_.initClaimReply();
    out.setConnectedAt(r.connected_at);
    out.setGranted(r.granted);
    out.setSessionPresent(r.session_present);
    Put(r.client_id);
  }
  void operator()(const broker::SnapshotEndRecord&) { meta_.setSnapshotEnd(); }

  void Finish() { meta_.setTextsBytes(static_cast<std::uint32_t>(texts_bytes_)); }

 private:
  void Put(const MessagePtr& message) {
    TANDEM_CHECK(message && message->topic().size() <= kStringBytesMax);
    meta_.setHasMessage(true);
    meta_.setQos(static_cast<std::uint8_t>(message->qos()));
    meta_.setRetain(message->retain());
    if (message->expires_at() != kNever) {
      const MonoNs left = std::max<MonoNs>(0, message->expires_at() - now_.mono_ns);
      meta_.setExpiryMs(static_cast<std::uint64_t>(left / kNanosecondsPerMillisecond));
    }
    meta_.setHlc(message->hlc());
    meta_.setPublisher(message->publisher());
    meta_.setOriginNode(static_cast<std::uint8_t>(message->id().node));
    meta_.setOriginCore(Index(message->id().core));
    meta_.setOriginIncarnation(static_cast<std::uint64_t>(message->id().incarnation));
    meta_.setOriginNumber(message->id().number);
    meta_.setTopicBytes(static_cast<std::uint16_t>(message->topic().size()));
    meta_.setPropertiesBytes(static_cast<std::uint32_t>(message->properties().size()));
    meta_.setPayloadBytes(static_cast<std::uint32_t>(message->payload().size()));
    blob_.Copy(AsBytes(message->topic()));
    blob_.Gather(message->properties(), message);
    blob_.Gather(message->payload(), message);
  }
  void Put(const std::string& text) {
    blob_.CopyU32(static_cast<std::uint32_t>(text.size()));
    blob_.Copy(AsBytes(text));
    texts_bytes_ += 4 + text.size();
  }
  void Put(const broker::SharedTarget& group) {
    Put(group.filter);
    Put(group.share_name);
  }

  const Now& now_;
  RecordMeta::Builder meta_;
  Blob& blob_;
  std::size_t texts_bytes_ = 0;
};

// -------------------------------------------------------------------------------------------------------------
// decoding

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("a record from the partner ", ToAbsl(what)));
}

absl::StatusOr<Bytes> Take(Bytes& from, std::size_t count) {
  if (count > from.size()) return Bad("is longer than its batch");
  const Bytes part = from.first(count);
  from = from.subspan(count);
  return part;
}

// The texts of one record.
class Texts {
 public:
  explicit Texts(Bytes bytes) noexcept : bytes_(bytes) {}

  absl::StatusOr<std::uint32_t> U32() {
    TANDEM_ASSIGN_OR_RETURN(const Bytes b, Take(bytes_, 4));
    return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8 |
           static_cast<std::uint32_t>(b[2]) << 16 | static_cast<std::uint32_t>(b[3]) << 24;
  }
  absl::Status Read(std::string& out) {
    TANDEM_ASSIGN_OR_RETURN(const std::uint32_t size, U32());
    if (size > kStringBytesMax) return Bad("has a text of more than 65535 bytes");
    TANDEM_ASSIGN_OR_RETURN(const Bytes text, Take(bytes_, size));
    out = AsText(text);
    return absl::OkStatus();
  }
  absl::Status ReadClientId(std::string& out) {
    TANDEM_RETURN_IF_ERROR(Read(out));
    return out.empty() ? Bad("has no client id") : absl::OkStatus();
  }
  absl::Status ReadFilter(std::string& out) {
    TANDEM_RETURN_IF_ERROR(Read(out));
    return mqtt::IsValidTopicFilter(out) ? absl::OkStatus() : Bad("has an invalid topic filter");
  }
  absl::Status ReadGroup(broker::SharedTarget& out) {
    TANDEM_RETURN_IF_ERROR(Read(out.filter));
    TANDEM_RETURN_IF_ERROR(Read(out.share_name));
    const bool valid =
        mqtt::IsValidSharedFilter({.share_name = out.share_name, .filter = out.filter});
    return valid ? absl::OkStatus() : Bad("has an invalid shared subscription");
  }
  std::size_t left() const noexcept { return bytes_.size(); }

 private:
  Bytes bytes_;
};

absl::StatusOr<mqtt::QoS> ReadQos(std::uint8_t qos) {
  if (qos > 2) return Bad("has an unknown QoS");
  return static_cast<mqtt::QoS>(qos);
}

MonoNs ExpiresAt(std::uint64_t left_ms, const Now& now) noexcept {
  constexpr std::uint64_t kLongest =
      static_cast<std::uint64_t>(kNever / 2 / kNanosecondsPerMillisecond);
  if (left_ms == kNoExpiry) return kNever;
  return now.mono_ns +
         static_cast<MonoNs>(std::min(left_ms, kLongest)) * kNanosecondsPerMillisecond;
}

// The parts of the message stand at the front of `blob` whether it has one or not; without, their
// lengths must be 0.
absl::StatusOr<MessagePtr> ReadMessage(RecordMeta::Reader meta, Bytes& blob,
                                       const broker::BufferPtr& slab, const Now& now) {
  TANDEM_ASSIGN_OR_RETURN(const Bytes topic, Take(blob, meta.getTopicBytes()));
  TANDEM_ASSIGN_OR_RETURN(const Bytes properties, Take(blob, meta.getPropertiesBytes()));
  TANDEM_ASSIGN_OR_RETURN(const Bytes payload, Take(blob, meta.getPayloadBytes()));
  if (!meta.getHasMessage()) {
    if (topic.size() + properties.size() + payload.size() != 0)
      return Bad("has the bytes of a message, but no message");
    return MessagePtr();
  }
  if (!mqtt::IsValidTopicName(AsText(topic))) return Bad("has an invalid topic name");
  if (meta.getOriginNode() > 1 || meta.getOriginCore() >= kCoresMax)
    return Bad("has an impossible origin");
  TANDEM_ASSIGN_OR_RETURN(const mqtt::QoS qos, ReadQos(meta.getQos()));
  const broker::MessageFields fields{
      .topic = AsText(topic),
      .properties = properties,
      .payload = payload,
      .qos = qos,
      .retain = meta.getRetain(),
      .expires_at = ExpiresAt(meta.getExpiryMs(), now),
      .hlc = meta.getHlc(),
      .publisher = meta.getPublisher(),
      .id = {.node = tandem::NodeId(meta.getOriginNode()),
             .core = CoreId(meta.getOriginCore()),
             .incarnation = Incarnation(meta.getOriginIncarnation()),
             .number = meta.getOriginNumber()},
  };
  if (slab && payload.size() >= kAdoptFrom) return broker::Message::Adopt(fields, slab);
  return broker::Message::Create(fields);
}

absl::StatusOr<broker::PeerRecord> ReadPublish(RecordMeta::Publish::Reader in, MessagePtr message,
                                               Texts& texts) {
  if (!message) return Bad("is a publish without a message");
  broker::PublishRecord r{.message = std::move(message),
                          .route = in.getRoute(),
                          .update_retained = in.getUpdateRetained(),
                          .hops = in.getHops()};
  r.groups.reserve(std::min<std::size_t>(in.getGroups(), texts.left() / 8));
  for (std::size_t i = 0; i < in.getGroups(); ++i) {
    TANDEM_RETURN_IF_ERROR(texts.ReadGroup(r.groups.emplace_back()));
  }
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadSubscription(RecordMeta::SessionSubscription::Reader in,
                                                    Texts& texts) {
  broker::SessionSubscriptionRecord r{.identifier = in.getIdentifier()};
  TANDEM_ASSIGN_OR_RETURN(r.options.qos, ReadQos(in.getQos()));
  if (in.getRetainHandling() > 2) return Bad("has an unknown retain handling");
  r.options.no_local = in.getNoLocal();
  r.options.retain_as_published = in.getRetainAsPublished();
  r.options.retain_handling = in.getRetainHandling();
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  TANDEM_RETURN_IF_ERROR(texts.Read(r.filter));
  const auto shared = mqtt::ParseSharedFilter(r.filter);
  const bool valid =
      shared ? mqtt::IsValidSharedFilter(*shared) : mqtt::IsValidTopicFilter(r.filter);
  if (!valid) return Bad("has an invalid topic filter");
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadSessionMessage(RecordMeta::SessionMessage::Reader in,
                                                      MessagePtr message, Texts& texts) {
  broker::SessionMessageRecord r{.number = in.getNumber(),
                                 .state = in.getState(),
                                 .retain = in.getRetain(),
                                 .message = std::move(message)};
  TANDEM_ASSIGN_OR_RETURN(r.qos, ReadQos(in.getQos()));
  if (r.state >= kOutboundStates) return Bad("has an unknown state of a message");
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  if (in.getGrouped()) TANDEM_RETURN_IF_ERROR(texts.ReadGroup(r.group.emplace()));
  r.subscription_ids.reserve(std::min<std::size_t>(in.getSubscriptionIds(), texts.left() / 4));
  for (std::size_t i = 0; i < in.getSubscriptionIds(); ++i) {
    TANDEM_ASSIGN_OR_RETURN(r.subscription_ids.emplace_back(), texts.U32());
  }
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadKind(RecordMeta::Reader meta, MessagePtr message,
                                            Texts& texts) {
  switch (meta.which()) {
    case RecordMeta::PUBLISH:
      return ReadPublish(meta.getPublish(), std::move(message), texts);
    case RecordMeta::RETAINED:
      if (!message) return Bad("is a retained value without a message");
      return broker::RetainedRecord{std::move(message)};
    case RecordMeta::INTEREST: {
      broker::InterestRecord r{.wanted = meta.getInterest().getWanted()};
      TANDEM_RETURN_IF_ERROR(texts.ReadFilter(r.filter));
      return r;
    }
    case RecordMeta::GROUP_INTEREST: {
      broker::SharedTarget group;
      TANDEM_RETURN_IF_ERROR(texts.ReadGroup(group));
      return broker::GroupInterestRecord{.filter = std::move(group.filter),
                                         .share_name = std::move(group.share_name),
                                         .online = meta.getGroupInterest().getOnline(),
                                         .total = meta.getGroupInterest().getTotal()};
    }
    case RecordMeta::CLAIM: {
      const auto in = meta.getClaim();
      broker::ClaimRecord r{.connected_at = in.getConnectedAt(),
                            .clean_start = in.getCleanStart(),
                            .answer = in.getAnswer()};
      TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
      return r;
    }
    case RecordMeta::SESSION: {
      const auto in = meta.getSession();
      broker::SessionRecord r{.expiry_s = in.getExpiryS(),
                              .next_number = in.getNextNumber(),
                              .first_number = in.getFirstNumber()};
      if (r.first_number > r.next_number)
        return Bad("has a session queue that ends before it begins");
      TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
      return r;
    }
    case RecordMeta::SESSION_SUBSCRIPTION:
      return ReadSubscription(meta.getSessionSubscription(), texts);
    case RecordMeta::SESSION_MESSAGE:
      return ReadSessionMessage(meta.getSessionMessage(), std::move(message), texts);
    case RecordMeta::SESSION_RECEIVED_ID: {
      broker::SessionReceivedIdRecord r{.packet_id = meta.getSessionReceivedId().getPacketId()};
      if (r.packet_id == 0) return Bad("has packet identifier 0");
      TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
      return r;
    }
    case RecordMeta::CLAIM_REPLY: {
      const auto in = meta.getClaimReply();
      broker::ClaimReplyRecord r{.connected_at = in.getConnectedAt(),
                                 .granted = in.getGranted(),
                                 .session_present = in.getSessionPresent()};
      TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
      return r;
    }
    case RecordMeta::SNAPSHOT_END:
      return broker::SnapshotEndRecord{};
  }
  return Bad("is of a kind that this release does not know");
}

}  // namespace

void EncodeRecord(const broker::PeerRecord& record, const Now& now, RecordMeta::Builder meta,
                  Blob& blob) {
  Encoder encoder(now, meta, blob);
  std::visit(encoder, record);
  encoder.Finish();
}

absl::StatusOr<broker::PeerRecord> DecodeRecord(RecordMeta::Reader meta, Bytes& blob,
                                                const broker::BufferPtr& slab, const Now& now) {
  TANDEM_ASSIGN_OR_RETURN(MessagePtr message, ReadMessage(meta, blob, slab, now));
  TANDEM_ASSIGN_OR_RETURN(const Bytes text_bytes, Take(blob, meta.getTextsBytes()));
  Texts texts(text_bytes);
  TANDEM_ASSIGN_OR_RETURN(broker::PeerRecord record, ReadKind(meta, std::move(message), texts));
  if (texts.left() != 0) return Bad("has more bytes than it needs");
  return record;
}

}  // namespace tandem::cluster
