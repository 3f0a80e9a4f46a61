// Records survive the wire as they were, and bytes that are no records are refused.
#include "cluster/record_codec.h"

#include <capnp/message.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>

#include "cluster/receive_buffer.h"
#include "tests/cluster/support/record_equality.h"

namespace tandem::cluster {
namespace {

using testing::Equal;

constexpr Now kSent{.mono_ns = 5'000'000'000, .wall_ms = 1'700'000'000'000};
// The other host's monotonic clock started elsewhere.
constexpr Now kReceived{.mono_ns = 77'000'000'000, .wall_ms = 1'700'000'000'000};

struct Wire {
  capnp::MallocMessageBuilder message;
  peer::RecordMeta::Builder meta{message.initRoot<peer::RecordMeta>()};
  std::vector<std::uint8_t> blob;
};

std::unique_ptr<Wire> Encode(const broker::PeerRecord& record) {
  auto wire = std::make_unique<Wire>();
  Blob blob;
  EncodeRecord(record, kSent, wire->meta, blob);
  std::vector<reactor::Fragment> fragments;
  blob.AppendTo(fragments);
  for (const reactor::Fragment& fragment : fragments) {
    EXPECT_NE(fragment.size, 0u);
    wire->blob.insert(wire->blob.end(), fragment.data, fragment.data + fragment.size);
  }
  EXPECT_EQ(wire->blob.size(), blob.size());
  return wire;
}

absl::StatusOr<broker::PeerRecord> Decode(const Wire& wire) {
  Bytes blob = wire.blob;
  broker::PeerRecord record;
  if (absl::Status read = DecodeRecord(wire.meta.asReader(), blob, {}, kReceived, record);
      !read.ok())
    return read;
  if (!blob.empty()) return absl::InternalError("bytes left over");
  return record;
}

broker::MessagePtr Message(std::string topic, std::string payload, MonoNs expires_at = kNever) {
  return broker::Message::Create({.topic = topic,
                                  .properties = AsBytes(std::string_view("\x01\x01", 2)),
                                  .payload = AsBytes(payload),
                                  .qos = mqtt::QoS::kExactlyOnce,
                                  .retain = true,
                                  .expires_at = expires_at,
                                  .hlc = 123456789,
                                  .publisher = 42,
                                  .id = {.node = tandem::NodeId{1},
                                         .core = CoreId{5},
                                         .incarnation = Incarnation{99},
                                         .number = 7}});
}

// ------------------------------------------------------------------------------------------------------------
// generators

rc::Gen<std::string> Name() {
  return rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('a', 'z')));
}
rc::Gen<broker::MessagePtr> AnyMessage() {
  return rc::gen::exec([] {
    const std::string topic = *Name() + "/" + *Name();
    const auto properties = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
    const std::string payload(*rc::gen::element(0, 1, 7, 767, 768, 4095, 5000, 70'000),
                              static_cast<char>(*rc::gen::inRange(0, 255)));
    const auto left_ms = *rc::gen::element<MonoNs>(-1, 0, 1, 1000, 4'294'967'295'000);
    return broker::Message::Create(
        {.topic = topic,
         .properties = properties,
         .payload = AsBytes(payload),
         .qos = static_cast<mqtt::QoS>(*rc::gen::inRange(0, 3)),
         .retain = *rc::gen::arbitrary<bool>(),
         .expires_at = left_ms < 0 ? kNever : kSent.mono_ns + left_ms * kNanosecondsPerMillisecond,
         .hlc = *rc::gen::arbitrary<std::uint64_t>(),
         .publisher = *rc::gen::arbitrary<std::uint64_t>(),
         .id = {.node = tandem::NodeId(static_cast<std::uint8_t>(*rc::gen::inRange(0, 2))),
                .core = CoreId(static_cast<std::uint16_t>(*rc::gen::inRange(0, 64))),
                .incarnation = Incarnation{*rc::gen::arbitrary<std::uint64_t>()},
                .number = *rc::gen::arbitrary<std::uint64_t>()}});
  });
}
rc::Gen<broker::SharedTarget> AnyGroup() {
  return rc::gen::exec(
      [] { return broker::SharedTarget{.filter = *Name() + "/#", .share_name = *Name()}; });
}
MessageId AnyId() {
  return {.node = tandem::NodeId(static_cast<std::uint8_t>(*rc::gen::inRange(0, 2))),
          .core = CoreId(static_cast<std::uint16_t>(*rc::gen::inRange(0, 64))),
          .incarnation = Incarnation{*rc::gen::arbitrary<std::uint64_t>()},
          .number = *rc::gen::arbitrary<std::uint64_t>()};
}
// One for each core, or none.
std::vector<std::uint64_t> AnyNumbers() {
  return *rc::gen::container<std::vector<std::uint64_t>>(
      static_cast<std::size_t>(*rc::gen::inRange(0, 65)), rc::gen::arbitrary<std::uint64_t>());
}
BlockVector<broker::QueuePlace> AnyPlaces() {
  const auto flag = [] { return *rc::gen::arbitrary<bool>(); };
  BlockVector<broker::QueuePlace> places;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    places.push_back({.client_id = BlockString(*Name()),
                      .number = *rc::gen::arbitrary<std::uint64_t>(),
                      .qos = static_cast<mqtt::QoS>(*rc::gen::inRange(0, 3)),
                      .retain = flag(),
                      .subscription_ids = *rc::gen::arbitrary<std::vector<std::uint32_t>>(),
                      .group = {}});
    if (!flag()) continue;
    places.back().group = *AnyGroup();
    places.back().keeper = AnyId().core;
  }
  return places;
}
std::optional<broker::Will> AnyWill() {
  if (*rc::gen::arbitrary<bool>()) return std::nullopt;
  broker::Will will{.topic = *Name() + "/" + *Name(),
                    .payload = *rc::gen::arbitrary<std::vector<std::uint8_t>>(),
                    .properties = *rc::gen::arbitrary<std::vector<std::uint8_t>>(),
                    .qos = static_cast<mqtt::QoS>(*rc::gen::inRange(0, 3)),
                    .retain = *rc::gen::arbitrary<bool>(),
                    .delay_s = *rc::gen::arbitrary<std::uint32_t>()};
  if (*rc::gen::arbitrary<bool>()) will.message_expiry_s = *rc::gen::arbitrary<std::uint32_t>();
  return will;
}
rc::Gen<broker::PeerRecord> AnyRecord() {
  return rc::gen::exec([]() -> broker::PeerRecord {
    const auto u64 = [] { return *rc::gen::arbitrary<std::uint64_t>(); };
    const auto u32 = [] { return *rc::gen::arbitrary<std::uint32_t>(); };
    const auto flag = [] { return *rc::gen::arbitrary<bool>(); };
    switch (*rc::gen::inRange(0, 23)) {
      case 0:
        return broker::PublishRecord{
            .message = *AnyMessage(),
            .route = flag(),
            .unasked = flag(),
            .update_retained = flag(),
            .groups = *rc::gen::container<std::vector<broker::SharedTarget>>(AnyGroup()),
            .hops = static_cast<std::uint8_t>(*rc::gen::inRange(0, 256)),
            .step = flag()
                        ? std::optional(broker::PublisherStep{
                              .client_id = *Name(), .packet_id = static_cast<std::uint16_t>(u32())})
                        : std::nullopt,
            .spares = *rc::gen::container<std::vector<broker::SharedTarget>>(AnyGroup()),
            .given_back = flag()
                              ? std::optional(broker::GivenBack{
                                    .client_id = flag() ? *Name() : std::string(),
                                    .number = u64(),
                                    .spare = static_cast<std::uint16_t>(*rc::gen::inRange(0, 65))})
                              : std::nullopt,
            .places = AnyPlaces()};
      case 1:
        return broker::RetainedRecord{*AnyMessage()};
      case 2:
        return broker::InterestRecord{.filter = "+/" + *Name(), .wanted = flag()};
      case 3:
        return broker::GroupInterestRecord{.filter = *Name(),
                                           .share_name = *Name(),
                                           .online = u32(),
                                           .total = u32(),
                                           .copies = u32()};
      case 4:
        return broker::ClaimRecord{.client_id = *Name(),
                                   .connected_at = u64(),
                                   .clean_start = flag(),
                                   .answer = flag(),
                                   .expiry_s = u32(),
                                   .will = AnyWill()};
      case 5: {
        const std::uint64_t first = u64() / 2;
        return broker::SessionRecord{.client_id = *Name(),
                                     .connected_at = u64(),
                                     .started_at = u64(),
                                     .connected = flag(),
                                     .update = flag(),
                                     .expiry_s = u32(),
                                     .away_ms = u32(),
                                     .will_in_ms = u32(),
                                     .next_number = first + u32(),
                                     .first_number = first,
                                     .unsent_number = u64(),
                                     .fork_number = u64(),
                                     .will = AnyWill()};
      }
      case 6:
        return broker::SessionSubscriptionRecord{
            .client_id = *Name(),
            .filter = flag() ? "$share/" + *Name() + "/a/#" : *Name(),
            .subscribed = flag(),
            .options = {.qos = static_cast<mqtt::QoS>(*rc::gen::inRange(0, 3)),
                        .no_local = flag(),
                        .retain_as_published = flag(),
                        .retain_handling = static_cast<std::uint8_t>(*rc::gen::inRange(0, 3))},
            .identifier = u32(),
            .confirm = u64(),
            .changed_at = u64()};
      case 7: {
        broker::SessionMessageRecord record{
            .client_id = *Name(),
            .number = u64(),
            .state = static_cast<std::uint8_t>(*rc::gen::inRange(0, 4)),
            .qos = static_cast<mqtt::QoS>(*rc::gen::inRange(0, 3)),
            .retain = flag(),
            .subscription_ids = *rc::gen::arbitrary<std::vector<std::uint32_t>>()};
        if (flag()) record.group = *AnyGroup();
        record.also_routed = flag();
        if (flag()) record.message = *AnyMessage();
        return record;
      }
      case 8:
        return broker::SessionReceivedIdRecord{
            .client_id = *Name(),
            .packet_id = static_cast<std::uint16_t>(*rc::gen::inRange(1, 65'536)),
            .held = flag()};
      case 9:
        return broker::ClaimReplyRecord{.client_id = *Name(),
                                        .connected_at = u64(),
                                        .granted = flag(),
                                        .answered_at = u64(),
                                        .session_present = flag(),
                                        .routed = AnyNumbers()};
      case 10:
        return broker::MirroredRecord{.core = AnyId().core, .number = u64()};
      case 11:
        return broker::SessionOrderRecord{.message = AnyId(), .places = AnyPlaces()};
      case 12:
        return broker::SessionMissingRecord{.client_id = *Name(), .number = u64()};
      case 13: {
        broker::SessionProgressRecord record{.client_id = *Name(), .released = u64()};
        for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
          const std::uint64_t first = u64() / 2;
          record.done.push_back({first, first + u32()});
        }
        return record;
      }
      case 14:
        return broker::SessionAwayRecord{
            .client_id = *Name(), .expiry_s = u32(), .will_waits = flag(), .unsent_number = u64()};
      case 15:
        return broker::SessionWillDoneRecord{.client_id = *Name()};
      case 16:
        return broker::SessionEndRecord{.client_id = *Name()};
      case 17:
        return broker::LentDoneRecord{.core = AnyId().core,
                                      .message = AnyId(),
                                      .group = flag() ? *AnyGroup() : broker::SharedTarget()};
      case 18:
        return broker::BrakeRecord{.core = AnyId().core, .publisher = u64(), .on = flag()};
      case 19:
        return broker::ApartRecord{.accepted = u64()};
      case 20: {
        const std::uint64_t first = u64() / 2;
        return broker::SessionHashRecord{
            .client_id = *Name(), .first = first, .last = first + u32(), .hash = u64()};
      }
      case 21:
        return broker::SessionAgainRecord{.client_id = *Name(), .missing = flag()};
      default:
        return broker::SnapshotEndRecord{};
    }
  });
}

// ------------------------------------------------------------------------------------------------------------
// properties

RC_GTEST_PROP(RecordCodec, GivesBackWhatItWasGiven, ()) {
  const broker::PeerRecord record = *AnyRecord();
  const auto wire = Encode(record);
  const auto back = Decode(*wire);
  RC_ASSERT(back.ok());
  RC_ASSERT(Equal(record, *back, kSent, kReceived));
}

RC_GTEST_PROP(RecordCodec, RefusesEveryTruncation, ()) {
  const auto wire = Encode(*AnyRecord());
  RC_PRE(!wire->blob.empty());
  wire->blob.resize(*rc::gen::inRange<std::size_t>(0, wire->blob.size()));
  RC_ASSERT(!Decode(*wire).ok());
}

RC_GTEST_PROP(RecordCodec, SurvivesAnyBitsInTheFixedPart, ()) {
  const auto wire = Encode(*AnyRecord());
  // The data section of the struct, behind the root pointer.
  const auto segments = wire->message.getSegmentsForOutput();
  auto* const bytes = const_cast<std::uint8_t*>(segments[0].asBytes().begin());
  const std::size_t size = segments[0].asBytes().size();
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i)
    bytes[*rc::gen::inRange<std::size_t>(8, size)] ^= 1 << *rc::gen::inRange(0, 8);
  (void)Decode(*wire);  // any result, but no crash
}

// ----------------------------------------------------------------------------------------------------------------
// cases

TEST(RecordCodec, ExpiryTravelsAsTimeLeft) {
  const auto wire = Encode(broker::RetainedRecord{
      Message("t", "x", kSent.mono_ns + 1'500 * kNanosecondsPerMillisecond)});
  EXPECT_EQ(wire->meta.getExpiryMs(), 1500u);
  const auto back = Decode(*wire);
  EXPECT_EQ(std::get<broker::RetainedRecord>(*back).message->expires_at(),
            kReceived.mono_ns + 1'500 * kNanosecondsPerMillisecond);
}

TEST(RecordCodec, WhatHasExpiredArrivesExpired) {
  const auto wire = Encode(broker::RetainedRecord{Message("t", "x", kSent.mono_ns - 1)});
  EXPECT_EQ(std::get<broker::RetainedRecord>(*Decode(*wire)).message->expires_at(),
            kReceived.mono_ns);
}

TEST(RecordCodec, AnAbsurdExpiryDoesNotOverflow) {
  const auto wire = Encode(broker::RetainedRecord{Message("t", "x")});
  wire->meta.setExpiryMs(UINT64_MAX - 1);
  const auto back = Decode(*wire);
  ASSERT_TRUE(back.ok());
  EXPECT_GT(std::get<broker::RetainedRecord>(*back).message->expires_at(), kReceived.mono_ns);
}

TEST(RecordCodec, GathersLargePayloadsAndCopiesSmallOnes) {
  const broker::MessagePtr large = Message("topic", std::string(Blob::kGatherFrom, 'x'));
  const broker::MessagePtr small = Message("topic", std::string(Blob::kGatherFrom - 1, 'x'));
  capnp::MallocMessageBuilder message;
  auto metas = message.initRoot<peer::RecordSink::AppendParams>().initRecords(2);
  Blob blob;
  EncodeRecord(broker::PublishRecord{.message = large}, kSent, metas[0], blob);
  EncodeRecord(broker::PublishRecord{.message = small}, kSent, metas[1], blob);
  EXPECT_EQ(blob.gathered_bytes(), large->payload().size());
  std::vector<reactor::Fragment> fragments;
  blob.AppendTo(fragments);
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(fragments[1].data, large->payload().data()) << "the payload is sent from where it is";
}

TEST(RecordCodec, LargePayloadsStayInTheSlabTheyCameIn) {
  ReceiveBuffer slabs(kLaneFrame);
  // A frame that is nothing but a header and our blob, to get memory that a slab owns.
  const auto wire =
      Encode(broker::PublishRecord{.message = Message("t/u", std::string(kAdoptFrom, 'y'))});
  const std::size_t words = (wire->blob.size() + 7) / 8;
  const MutableBytes space = slabs.Space(false);
  const std::uint32_t header[2] = {0, static_cast<std::uint32_t>(words)};
  std::memcpy(space.data(), header, sizeof header);
  std::memcpy(space.data() + 8, wire->blob.data(), wire->blob.size());
  slabs.Filled(8 + words * 8);
  auto frame = slabs.Next();
  ASSERT_TRUE(frame.ok() && *frame);
  Bytes blob = (*frame)->bytes.subspan(8, wire->blob.size());
  const std::uint8_t* const begin = blob.data();
  broker::PeerRecord record;
  ASSERT_TRUE(DecodeRecord(wire->meta.asReader(), blob, (*frame)->slab, kReceived, record).ok());
  const broker::MessagePtr message = std::get<broker::PublishRecord>(record).message;
  EXPECT_GE(message->payload().data(), begin);
  EXPECT_LT(message->payload().data(), begin + wire->blob.size());
  // It lives on when everybody else has let go.
  frame = std::optional<ReceiveBuffer::Frame>();
  slabs = ReceiveBuffer(kLaneFrame);
  EXPECT_EQ(message->payload()[kAdoptFrom - 1], 'y');
}

TEST(RecordCodec, RefusesWhatNoNodeWouldSend) {
  const auto expect_refused = [](broker::PeerRecord record,
                                 const std::function<void(Wire&)>& spoil) {
    const auto wire = Encode(record);
    ASSERT_TRUE(Decode(*wire).ok());
    spoil(*wire);
    EXPECT_FALSE(Decode(*wire).ok());
  };
  expect_refused(broker::PublishRecord{.message = Message("t", "x")},
                 [](Wire& w) { w.meta.setQos(3); });
  expect_refused(broker::PublishRecord{.message = Message("t", "x")},
                 [](Wire& w) { w.meta.setHasMessage(false); });
  expect_refused(broker::PublishRecord{.message = Message("t", "x")},
                 [](Wire& w) { w.meta.setOriginNode(2); });
  expect_refused(broker::PublishRecord{.message = Message("t", "x")},
                 [](Wire& w) { w.meta.setOriginCore(64); });
  expect_refused(broker::PublishRecord{.message = Message("t", "x")},
                 [](Wire& w) { w.meta.setPayloadBytes(0xffffffff); });
  expect_refused(broker::PublishRecord{.message = Message("t", "x")},
                 [](Wire& w) { w.meta.getPublish().setGroups(65'535); });
  expect_refused(broker::RetainedRecord{Message("t", "x")}, [](Wire& w) { w.blob[0] = '#'; });
  expect_refused(broker::InterestRecord{.filter = "a/b"}, [](Wire& w) { w.blob[5] = '#'; });
  expect_refused(broker::SessionRecord{.client_id = "c"},
                 [](Wire& w) { w.meta.getSession().setFirstNumber(9); });
  expect_refused(broker::SessionReceivedIdRecord{.client_id = "c", .packet_id = 1},
                 [](Wire& w) { w.meta.getSessionReceivedId().setPacketId(0); });
  expect_refused(broker::SessionMessageRecord{.client_id = "c"},
                 [](Wire& w) { w.meta.getSessionMessage().setState(4); });
  expect_refused(broker::ClaimRecord{.client_id = "c"}, [](Wire& w) { w.blob[0] = 0; });
  expect_refused(broker::ClaimRecord{.client_id = "c", .will = broker::Will{.topic = "t"}},
                 [](Wire& w) { w.blob[5] = 16; });
  expect_refused(broker::ClaimRecord{.client_id = "c", .will = broker::Will{.topic = "t"}},
                 [](Wire& w) { w.blob[5 + 12 + 4] = '#'; });
  expect_refused(broker::SessionProgressRecord{.client_id = "c", .done = {{4, 5}}},
                 [](Wire& w) { w.blob[5] = 6; });
  expect_refused(broker::SessionProgressRecord{.client_id = "c"},
                 [](Wire& w) { w.meta.getSessionProgress().setRanges(0xffffffff); });
  expect_refused(broker::SessionOrderRecord{.places = {{.client_id = "c"}}},
                 [](Wire& w) { w.meta.getSessionOrder().setPlaces(0xffffffff); });
  expect_refused(broker::SessionOrderRecord{.places = {{.client_id = "c"}}},
                 [](Wire& w) { w.blob[5 + 8] = 3; });
  expect_refused(
      broker::PublishRecord{.message = Message("t", "p"), .places = {{.client_id = "c"}}},
      [](Wire& w) { w.meta.getPublish().setPlaces(2); });
  expect_refused(broker::PublishRecord{.message = Message("t", "p")},
                 [](Wire& w) { w.meta.getPublish().setPlaces(0xffffffff); });
  expect_refused(broker::LentDoneRecord{}, [](Wire& w) { w.meta.setOriginNode(2); });
  expect_refused(broker::SnapshotEndRecord{}, [](Wire& w) { w.meta.setTextsBytes(1); });
}

}  // namespace
}  // namespace tandem::cluster
