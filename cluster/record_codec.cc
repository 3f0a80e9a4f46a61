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
constexpr std::uint32_t kWillExpires = 8;   // bit of a will's first number
constexpr std::uint32_t kPlaceOfGroup = 8;  // bit of a place's flags
constexpr std::size_t kPlaceBytesMin = 20;  // the numbers of a place

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
    out.setUnasked(r.unasked);
    out.setUpdateRetained(r.update_retained);
    out.setHops(r.hops);
    out.setGroups(static_cast<std::uint16_t>(r.groups.size()));
    for (const broker::SharedTarget& group : r.groups) Put(group);
    if (r.step) {
      out.setHasStep(true);
      out.setStepPacketId(r.step->packet_id);
      Put(r.step->client_id);
    }
    out.setSpares(static_cast<std::uint16_t>(r.spares.size()));
    for (const broker::SharedTarget& group : r.spares) Put(group);
    if (r.given_back) {
      out.setGivenBack(true);
      out.setGivenBackSpare(r.given_back->spare);
      out.setGivenBackNumber(r.given_back->number);
      Put(r.given_back->client_id);
    }
    out.setPlaces(static_cast<std::uint32_t>(r.places.size()));
    for (const broker::QueuePlace& place : r.places) Put(place);
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
    out.setCopies(r.copies);
    Put(r.filter);
    Put(r.share_name);
  }
  void operator()(const broker::ClaimRecord& r) {
    auto out = meta_.initClaim();
    out.setConnectedAt(r.connected_at);
    out.setCleanStart(r.clean_start);
    out.setAnswer(r.answer);
    out.setExpiryS(r.expiry_s);
    out.setHasWill(r.will.has_value());
    Put(r.client_id);
    if (r.will) Put(*r.will);
  }
  void operator()(const broker::SessionRecord& r) {
    auto out = meta_.initSession();
    out.setExpiryS(r.expiry_s);
    out.setNextNumber(r.next_number);
    out.setFirstNumber(r.first_number);
    out.setConnected(r.connected);
    out.setHasWill(r.will.has_value());
    out.setUpdate(r.update);
    out.setWillInMs(r.will_in_ms);
    out.setStartedAt(r.started_at);
    Put(r.client_id);
    PutU64(r.connected_at);
    PutU64(r.unsent_number);
    PutU64(r.fork_number);
    PutU32(r.away_ms);
    if (r.will) Put(*r.will);
  }
  void operator()(const broker::SessionSubscriptionRecord& r) {
    auto out = meta_.initSessionSubscription();
    out.setQos(static_cast<std::uint8_t>(r.options.qos));
    out.setNoLocal(r.options.no_local);
    out.setRetainAsPublished(r.options.retain_as_published);
    out.setRetainHandling(r.options.retain_handling);
    out.setIdentifier(r.identifier);
    out.setSubscribed(r.subscribed);
    out.setConfirm(r.confirm);
    out.setChangedAt(r.changed_at);
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
    out.setAlsoRouted(r.also_routed);
    out.setSubscriptionIds(static_cast<std::uint16_t>(r.subscription_ids.size()));
    Put(r.client_id);
    if (r.group) Put(*r.group);
    for (const std::uint32_t id : r.subscription_ids) PutU32(id);
  }
  void operator()(const broker::SessionReceivedIdRecord& r) {
    auto out = meta_.initSessionReceivedId();
    out.setPacketId(r.packet_id);
    out.setHeld(r.held);
    Put(r.client_id);
  }
  void operator()(const broker::ClaimReplyRecord& r) {
    auto out = meta_.initClaimReply();
    out.setConnectedAt(r.connected_at);
    out.setGranted(r.granted);
    out.setSessionPresent(r.session_present);
    out.setAnsweredAt(r.answered_at);
    out.setRouted(static_cast<std::uint16_t>(r.routed.size()));
    Put(r.client_id);
    for (const std::uint64_t number : r.routed) PutU64(number);
  }
  void operator()(const broker::ApartRecord& r) { meta_.initApart().setAccepted(r.accepted); }
  void operator()(const broker::SnapshotEndRecord&) { meta_.setSnapshotEnd(); }
  void operator()(const broker::MirroredRecord& r) {
    auto out = meta_.initMirrored();
    out.setCore(Index(r.core));
    out.setNumber(r.number);
  }
  void operator()(const broker::SessionOrderRecord& r) {
    PutOrigin(r.message);
    meta_.initSessionOrder().setPlaces(static_cast<std::uint32_t>(r.places.size()));
    for (const broker::QueuePlace& place : r.places) Put(place);
  }
  void operator()(const broker::SessionMissingRecord& r) {
    meta_.initSessionMissing().setNumber(r.number);
    Put(r.client_id);
  }
  void operator()(const broker::SessionProgressRecord& r) {
    auto out = meta_.initSessionProgress();
    out.setRanges(static_cast<std::uint32_t>(r.done.size()));
    out.setReleased(r.released);
    Put(r.client_id);
    for (const auto& range : r.done) {
      PutU64(range.first);
      PutU64(range.last);
    }
  }
  void operator()(const broker::SessionAwayRecord& r) {
    auto out = meta_.initSessionAway();
    out.setExpiryS(r.expiry_s);
    out.setWillWaits(r.will_waits);
    out.setUnsentNumber(r.unsent_number);
    Put(r.client_id);
  }
  void operator()(const broker::SessionWillDoneRecord& r) {
    meta_.setSessionWillDone();
    Put(r.client_id);
  }
  void operator()(const broker::SessionEndRecord& r) {
    meta_.setSessionEnd();
    Put(r.client_id);
  }
  void operator()(const broker::SessionHashRecord& r) {
    auto out = meta_.initSessionHash();
    out.setHash(r.hash);
    out.setFirst(r.first);
    out.setLast(r.last);
    Put(r.client_id);
  }
  void operator()(const broker::SessionAgainRecord& r) {
    meta_.initSessionAgain().setMissing(r.missing);
    Put(r.client_id);
  }
  void operator()(const broker::LentDoneRecord& r) {
    PutOrigin(r.message);
    meta_.initLentDone().setCore(Index(r.core));
    if (!r.group.filter.empty()) Put(r.group);
  }
  void operator()(const broker::BrakeRecord& r) {
    auto out = meta_.initBrake();
    out.setCore(Index(r.core));
    out.setOn(r.on);
    meta_.setPublisher(r.publisher);
  }

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
    PutOrigin(message->id());
    meta_.setTopicBytes(static_cast<std::uint16_t>(message->topic().size()));
    meta_.setPropertiesBytes(static_cast<std::uint32_t>(message->properties().size()));
    meta_.setPayloadBytes(static_cast<std::uint32_t>(message->payload().size()));
    blob_.Copy(AsBytes(message->topic()));
    blob_.Gather(message->properties(), message);
    blob_.Gather(message->payload(), message);
  }
  void PutOrigin(const MessageId& id) {
    meta_.setOriginNode(static_cast<std::uint8_t>(id.node));
    meta_.setOriginCore(Index(id.core));
    meta_.setOriginIncarnation(static_cast<std::uint64_t>(id.incarnation));
    meta_.setOriginNumber(id.number);
  }
  void PutU32(std::uint32_t value) {
    blob_.CopyU32(value);
    texts_bytes_ += 4;
  }
  void PutU64(std::uint64_t value) {
    blob_.CopyU64(value);
    texts_bytes_ += 8;
  }
  void Put(Bytes bytes) {
    PutU32(static_cast<std::uint32_t>(bytes.size()));
    blob_.Copy(bytes);
    texts_bytes_ += bytes.size();
  }
  void Put(std::string_view text) { Put(AsBytes(text)); }
  void Put(const broker::Will& will) {
    PutU32(static_cast<std::uint32_t>(will.qos) | std::uint32_t{will.retain} << 2 |
           (will.message_expiry_s ? kWillExpires : 0));
    PutU32(will.delay_s);
    PutU32(will.message_expiry_s.value_or(0));
    Put(will.topic);
    Put(will.payload);
    Put(will.properties);
  }
  void Put(const broker::SharedTarget& group) {
    Put(group.filter);
    Put(group.share_name);
  }
  void Put(const broker::QueuePlace& place) {
    Put(place.client_id);
    PutU64(place.number);
    PutU32(static_cast<std::uint32_t>(place.qos) | std::uint32_t{place.retain} << 2 |
           (place.group ? kPlaceOfGroup : 0));
    PutU32(static_cast<std::uint32_t>(place.subscription_ids.size()));
    for (const std::uint32_t id : place.subscription_ids) PutU32(id);
    if (!place.group) return;
    PutU32(Index(place.keeper));
    Put(*place.group);
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

absl::Status BadLength() { return Bad("is longer than its batch"); }

// Takes the first `count` bytes of `from`; there are as many.
Bytes Take(Bytes& from, std::size_t count) noexcept {
  const Bytes part = from.first(count);
  from = from.subspan(count);
  return part;
}

// The texts of one record. What is read beyond their end is 0 or empty, and ends the record as bad.
class Texts {
 public:
  explicit Texts(Bytes bytes) noexcept : bytes_(bytes) {}

  std::uint32_t U32() noexcept {
    const Bytes b = TakeOrEnd(4);
    if (b.empty()) return 0;
    return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8 |
           static_cast<std::uint32_t>(b[2]) << 16 | static_cast<std::uint32_t>(b[3]) << 24;
  }
  std::uint64_t U64() noexcept {
    const std::uint64_t low = U32();
    return low | static_cast<std::uint64_t>(U32()) << 32;
  }
  template <class Allocator>
  absl::Status Read(std::basic_string<char, std::char_traits<char>, Allocator>& out) {
    const std::uint32_t size = U32();
    if (size > kStringBytesMax) return Bad("has a text of more than 65535 bytes");
    out = AsText(TakeOrEnd(size));
    return absl::OkStatus();
  }
  absl::Status Read(std::vector<std::uint8_t>& out) {
    const Bytes bytes = TakeOrEnd(U32());
    out.assign(bytes.begin(), bytes.end());
    return absl::OkStatus();
  }
  absl::Status ReadWill(broker::Will& out) {
    const std::uint32_t flags = U32();
    if (flags > 15 || (flags & 3) == 3) return Bad("has a will with impossible flags");
    out.qos = static_cast<mqtt::QoS>(flags & 3);
    out.retain = (flags & 4) != 0;
    out.delay_s = U32();
    const std::uint32_t expiry_s = U32();
    if ((flags & kWillExpires) != 0) out.message_expiry_s = expiry_s;
    TANDEM_RETURN_IF_ERROR(Read(out.topic));
    TANDEM_RETURN_IF_ERROR(Read(out.payload));
    TANDEM_RETURN_IF_ERROR(Read(out.properties));
    return mqtt::IsValidTopicName(out.topic) ? absl::OkStatus() : Bad("has an invalid will topic");
  }
  template <class String>
  absl::Status ReadClientId(String& out) {
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
  absl::Status ReadIdentifiers(std::size_t count, std::vector<std::uint32_t>& out) {
    if (count > left() / 4) return BadLength();
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) out.push_back(U32());
    return absl::OkStatus();
  }
  std::size_t left() const noexcept { return bytes_.size(); }
  // Whether all that was read was there.
  bool was_whole() const noexcept { return whole_; }

 private:
  Bytes TakeOrEnd(std::size_t count) noexcept {
    if (count <= bytes_.size()) return Take(bytes_, count);
    whole_ = false;
    bytes_ = {};
    return {};
  }

  Bytes bytes_;
  bool whole_ = true;
};

absl::Status BadQos() { return Bad("has an unknown QoS"); }

absl::StatusOr<mqtt::QoS> ReadQos(std::uint8_t qos) {
  if (qos > 2) return BadQos();
  return static_cast<mqtt::QoS>(qos);
}

MonoNs ExpiresAt(std::uint64_t left_ms, const Now& now) noexcept {
  constexpr std::uint64_t kLongest =
      static_cast<std::uint64_t>(kNever / 2 / kNanosecondsPerMillisecond);
  if (left_ms == kNoExpiry) return kNever;
  return now.mono_ns +
         static_cast<MonoNs>(std::min(left_ms, kLongest)) * kNanosecondsPerMillisecond;
}

absl::Status ReadOrigin(RecordMeta::Reader meta, MessageId& id) {
  if (meta.getOriginNode() > 1 || meta.getOriginCore() >= kCoresMax)
    return Bad("has an impossible origin");
  id = {.node = tandem::NodeId(meta.getOriginNode()),
        .core = CoreId(meta.getOriginCore()),
        .incarnation = Incarnation(meta.getOriginIncarnation()),
        .number = meta.getOriginNumber()};
  return absl::OkStatus();
}

// The parts of the message stand at the front of `blob` whether it has one or not; without, their
// lengths must be 0.
absl::Status ReadMessage(RecordMeta::Reader meta, Bytes& blob, const broker::BufferPtr& slab,
                         const Now& now, MessagePtr& message) {
  const std::size_t bytes = std::size_t{meta.getTopicBytes()} + meta.getPropertiesBytes() +
                            std::size_t{meta.getPayloadBytes()};
  if (bytes > blob.size()) return BadLength();
  if (!meta.getHasMessage()) {
    return bytes == 0 ? absl::OkStatus() : Bad("has the bytes of a message, but no message");
  }
  const Bytes topic = Take(blob, meta.getTopicBytes());
  const Bytes properties = Take(blob, meta.getPropertiesBytes());
  const Bytes payload = Take(blob, meta.getPayloadBytes());
  if (!mqtt::IsValidTopicName(AsText(topic))) return Bad("has an invalid topic name");
  MessageId id;
  TANDEM_RETURN_IF_ERROR(ReadOrigin(meta, id));
  if (meta.getQos() > 2) return BadQos();
  const bool adopt = slab && payload.size() >= kAdoptFrom;
  message = broker::Message::Create({
      .topic = AsText(topic),
      .properties = properties,
      .payload = payload,
      .qos = static_cast<mqtt::QoS>(meta.getQos()),
      .retain = meta.getRetain(),
      .expires_at = ExpiresAt(meta.getExpiryMs(), now),
      .hlc = meta.getHlc(),
      .publisher = meta.getPublisher(),
      .id = id,
      .block = adopt ? slab.get() : nullptr,
  });
  return absl::OkStatus();
}

absl::Status ReadGroups(std::size_t count, Texts& texts,
                        std::vector<broker::SharedTarget>& groups) {
  groups.reserve(std::min(count, texts.left() / 8));
  for (std::size_t i = 0; i < count; ++i) {
    TANDEM_RETURN_IF_ERROR(texts.ReadGroup(groups.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadPlace(Texts& texts, broker::QueuePlace& place) {
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(place.client_id));
  place.number = texts.U64();
  const std::uint32_t flags = texts.U32();
  if (flags > 15 || (flags & 3) == 3) return Bad("has a place with impossible flags");
  place.qos = static_cast<mqtt::QoS>(flags & 3);
  place.retain = (flags & 4) != 0;
  TANDEM_RETURN_IF_ERROR(texts.ReadIdentifiers(texts.U32(), place.subscription_ids));
  if ((flags & kPlaceOfGroup) == 0) return absl::OkStatus();
  const std::uint32_t keeper = texts.U32();
  if (keeper >= kCoresMax) return Bad("names an impossible core");
  place.keeper = static_cast<CoreId>(keeper);
  return texts.ReadGroup(place.group.emplace());
}

absl::Status ReadPlaces(std::size_t count, Texts& texts, BlockVector<broker::QueuePlace>& places) {
  if (count > texts.left() / kPlaceBytesMin) return BadLength();
  places.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    TANDEM_RETURN_IF_ERROR(ReadPlace(texts, places.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadPublish(RecordMeta::Publish::Reader in, MessagePtr message, Texts& texts,
                         broker::PublishRecord& r) {
  if (!message) return Bad("is a publish without a message");
  r.message = std::move(message);
  r.route = in.getRoute();
  r.unasked = in.getUnasked();
  r.update_retained = in.getUpdateRetained();
  r.hops = in.getHops();
  TANDEM_RETURN_IF_ERROR(ReadGroups(in.getGroups(), texts, r.groups));
  if (in.getHasStep()) {
    r.step.emplace().packet_id = in.getStepPacketId();
    TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.step->client_id));
  }
  TANDEM_RETURN_IF_ERROR(ReadGroups(in.getSpares(), texts, r.spares));
  if (in.getGivenBack()) {
    r.given_back.emplace().number = in.getGivenBackNumber();
    r.given_back->spare = in.getGivenBackSpare();
    if (r.given_back->spare > kCoresMax) return Bad("names an impossible core");
    TANDEM_RETURN_IF_ERROR(texts.Read(r.given_back->client_id));
  }
  return ReadPlaces(in.getPlaces(), texts, r.places);
}

absl::StatusOr<broker::PeerRecord> ReadClaim(RecordMeta::Claim::Reader in, Texts& texts) {
  broker::ClaimRecord r{.connected_at = in.getConnectedAt(),
                        .clean_start = in.getCleanStart(),
                        .answer = in.getAnswer(),
                        .expiry_s = in.getExpiryS()};
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  if (in.getHasWill()) TANDEM_RETURN_IF_ERROR(texts.ReadWill(r.will.emplace()));
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadClaimReply(RecordMeta::ClaimReply::Reader in, Texts& texts) {
  broker::ClaimReplyRecord r{.connected_at = in.getConnectedAt(),
                             .granted = in.getGranted(),
                             .answered_at = in.getAnsweredAt(),
                             .session_present = in.getSessionPresent()};
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  if (in.getRouted() > kCoresMax) return Bad("names an impossible core");
  for (std::size_t i = 0; i < in.getRouted(); ++i) {
    r.routed.push_back(texts.U64());
  }
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadSession(RecordMeta::Session::Reader in, Texts& texts) {
  broker::SessionRecord r{.started_at = in.getStartedAt(),
                          .connected = in.getConnected(),
                          .update = in.getUpdate(),
                          .expiry_s = in.getExpiryS(),
                          .will_in_ms = in.getWillInMs(),
                          .next_number = in.getNextNumber(),
                          .first_number = in.getFirstNumber()};
  if (r.first_number > r.next_number) return Bad("has a session queue that ends before it begins");
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  r.connected_at = texts.U64();
  r.unsent_number = texts.U64();
  r.fork_number = texts.U64();
  r.away_ms = texts.U32();
  if (in.getHasWill()) TANDEM_RETURN_IF_ERROR(texts.ReadWill(r.will.emplace()));
  return r;
}

absl::Status ReadOrder(RecordMeta::Reader meta, Texts& texts, broker::SessionOrderRecord& r) {
  TANDEM_RETURN_IF_ERROR(ReadOrigin(meta, r.message));
  return ReadPlaces(meta.getSessionOrder().getPlaces(), texts, r.places);
}

absl::Status ReadProgress(RecordMeta::SessionProgress::Reader in, Texts& texts,
                          broker::SessionProgressRecord& r) {
  r.released = in.getReleased();
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  if (in.getRanges() > texts.left() / 16) return BadLength();
  r.done.reserve(in.getRanges());
  for (std::size_t i = 0; i < in.getRanges(); ++i) {
    auto& range = r.done.emplace_back();
    range.first = texts.U64();
    range.last = texts.U64();
    if (range.first > range.last) return Bad("has a range that ends before it begins");
  }
  return absl::OkStatus();
}

// Kinds that say nothing but whom they are about.
template <class Record>
absl::StatusOr<broker::PeerRecord> ReadClientOnly(Record r, Texts& texts) {
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadSubscription(RecordMeta::SessionSubscription::Reader in,
                                                    Texts& texts) {
  broker::SessionSubscriptionRecord r{.subscribed = in.getSubscribed(),
                                      .identifier = in.getIdentifier(),
                                      .confirm = in.getConfirm(),
                                      .changed_at = in.getChangedAt()};
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
                                 .also_routed = in.getAlsoRouted(),
                                 .message = std::move(message)};
  TANDEM_ASSIGN_OR_RETURN(r.qos, ReadQos(in.getQos()));
  if (r.state >= kOutboundStates) return Bad("has an unknown state of a message");
  TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
  if (in.getGrouped()) TANDEM_RETURN_IF_ERROR(texts.ReadGroup(r.group.emplace()));
  TANDEM_RETURN_IF_ERROR(texts.ReadIdentifiers(in.getSubscriptionIds(), r.subscription_ids));
  return r;
}

absl::StatusOr<broker::PeerRecord> ReadRareKind(RecordMeta::Reader meta, MessagePtr message,
                                                Texts& texts) {
  switch (meta.which()) {
    case RecordMeta::PUBLISH:
    case RecordMeta::SESSION_ORDER:
    case RecordMeta::SESSION_PROGRESS:
      break;
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
                                         .total = meta.getGroupInterest().getTotal(),
                                         .copies = meta.getGroupInterest().getCopies()};
    }
    case RecordMeta::CLAIM:
      return ReadClaim(meta.getClaim(), texts);
    case RecordMeta::SESSION:
      return ReadSession(meta.getSession(), texts);
    case RecordMeta::SESSION_SUBSCRIPTION:
      return ReadSubscription(meta.getSessionSubscription(), texts);
    case RecordMeta::SESSION_MESSAGE:
      return ReadSessionMessage(meta.getSessionMessage(), std::move(message), texts);
    case RecordMeta::SESSION_RECEIVED_ID: {
      broker::SessionReceivedIdRecord r{.packet_id = meta.getSessionReceivedId().getPacketId(),
                                        .held = meta.getSessionReceivedId().getHeld()};
      if (r.packet_id == 0) return Bad("has packet identifier 0");
      TANDEM_RETURN_IF_ERROR(texts.ReadClientId(r.client_id));
      return r;
    }
    case RecordMeta::CLAIM_REPLY:
      return ReadClaimReply(meta.getClaimReply(), texts);
    case RecordMeta::APART:
      return broker::ApartRecord{.accepted = meta.getApart().getAccepted()};
    case RecordMeta::SNAPSHOT_END:
      return broker::SnapshotEndRecord{};
    case RecordMeta::MIRRORED:
      return broker::MirroredRecord{.core = CoreId(meta.getMirrored().getCore()),
                                    .number = meta.getMirrored().getNumber()};
    case RecordMeta::SESSION_MISSING:
      return ReadClientOnly(
          broker::SessionMissingRecord{.number = meta.getSessionMissing().getNumber()}, texts);
    case RecordMeta::SESSION_AWAY: {
      const auto in = meta.getSessionAway();
      return ReadClientOnly(broker::SessionAwayRecord{.expiry_s = in.getExpiryS(),
                                                      .will_waits = in.getWillWaits(),
                                                      .unsent_number = in.getUnsentNumber()},
                            texts);
    }
    case RecordMeta::SESSION_WILL_DONE:
      return ReadClientOnly(broker::SessionWillDoneRecord{}, texts);
    case RecordMeta::SESSION_END:
      return ReadClientOnly(broker::SessionEndRecord{}, texts);
    case RecordMeta::SESSION_HASH: {
      const auto in = meta.getSessionHash();
      if (in.getFirst() > in.getLast()) return Bad("has a range that ends before it begins");
      return ReadClientOnly(
          broker::SessionHashRecord{
              .first = in.getFirst(), .last = in.getLast(), .hash = in.getHash()},
          texts);
    }
    case RecordMeta::SESSION_AGAIN:
      return ReadClientOnly(
          broker::SessionAgainRecord{.missing = meta.getSessionAgain().getMissing()}, texts);
    case RecordMeta::LENT_DONE: {
      broker::LentDoneRecord r{.core = CoreId(meta.getLentDone().getCore())};
      TANDEM_RETURN_IF_ERROR(ReadOrigin(meta, r.message));
      if (texts.left() != 0) TANDEM_RETURN_IF_ERROR(texts.ReadGroup(r.group));
      return r;
    }
    case RecordMeta::BRAKE:
      return broker::BrakeRecord{.core = CoreId(meta.getBrake().getCore()),
                                 .publisher = meta.getPublisher(),
                                 .on = meta.getBrake().getOn()};
  }
  return Bad("is of a kind that this release does not know");
}

// What comes with each message is read in its place.
absl::Status ReadKind(RecordMeta::Reader meta, MessagePtr message, Texts& texts,
                      broker::PeerRecord& record) {
  switch (meta.which()) {
    case RecordMeta::PUBLISH:
      return ReadPublish(meta.getPublish(), std::move(message), texts,
                         record.emplace<broker::PublishRecord>());
    case RecordMeta::SESSION_ORDER:
      return ReadOrder(meta, texts, record.emplace<broker::SessionOrderRecord>());
    case RecordMeta::SESSION_PROGRESS:
      return ReadProgress(meta.getSessionProgress(), texts,
                          record.emplace<broker::SessionProgressRecord>());
    default:
      TANDEM_ASSIGN_OR_RETURN(record, ReadRareKind(meta, std::move(message), texts));
      return absl::OkStatus();
  }
}

}  // namespace

void EncodeRecord(const broker::PeerRecord& record, const Now& now, RecordMeta::Builder meta,
                  Blob& blob) {
  Encoder encoder(now, meta, blob);
  std::visit(encoder, record);
  encoder.Finish();
}

absl::Status DecodeRecord(RecordMeta::Reader meta, Bytes& blob, const broker::BufferPtr& slab,
                          const Now& now, broker::PeerRecord& record) {
  MessagePtr message;
  TANDEM_RETURN_IF_ERROR(ReadMessage(meta, blob, slab, now, message));
  if (meta.getTextsBytes() > blob.size()) return BadLength();
  Texts texts(Take(blob, meta.getTextsBytes()));
  TANDEM_RETURN_IF_ERROR(ReadKind(meta, std::move(message), texts, record));
  if (!texts.was_whole()) return BadLength();
  return texts.left() == 0 ? absl::OkStatus() : Bad("has more bytes than it needs");
}

}  // namespace tandem::cluster
