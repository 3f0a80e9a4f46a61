// SUBSCRIBE, UNSUBSCRIBE and their acknowledgements on the wire.
#include <gtest/gtest.h>

#include <vector>

#include "tests/proto/mqtt/decode.h"

namespace tandem::mqtt {
namespace {

std::vector<SubscribeEntry> Entries(const SubscribeView& subscribe) {
  std::vector<SubscribeEntry> entries;
  SubscribeEntries walk = subscribe.entries;
  while (const auto entry = walk.Next()) entries.push_back(*entry);
  return entries;
}

// One filter with this options byte.
WireBytes Subscribe5(int options, const char* filter = "a") {
  return Framed(0x82, {TwoBytes(1), 0, Str(filter), options});
}
WireBytes Subscribe3(int options) { return Framed(0x82, {TwoBytes(1), Str("a"), options}); }

TEST(Subscribe, IsReadFieldByFieldIn5) {
  const WireBytes bytes =
      Wire({0x82, 0x14,                   // SUBSCRIBE, 20 bytes
            0x00, 0x0A,                   // packet id
            0x03, 0x0B, 0x80, 0x01,       // subscription identifier 128
            0x00, 0x03, "a/b", 0x2D,      // QoS 1, No Local, Retain As Published, Retain Handling 2
            0x00, 0x05, "c/d/+", 0x12});  // QoS 2, Retain Handling 1
  ASSERT_EQ(bytes.size(), 2u + 0x14u);
  const SubscribeView subscribe = Get<SubscribeView>(FromClient(Version::k5, bytes));
  EXPECT_EQ(subscribe.packet_id, PacketId{10});
  EXPECT_EQ(subscribe.subscription_id, 128u);
  EXPECT_EQ(subscribe.count, 2u);
  const auto entries = Entries(subscribe);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].filter, "a/b");
  EXPECT_EQ(entries[0].options, (SubscriptionOptions{.qos = QoS::kAtLeastOnce,
                                                     .no_local = true,
                                                     .retain_as_published = true,
                                                     .retain_handling = 2}));
  EXPECT_EQ(entries[1].filter, "c/d/+");
  EXPECT_EQ(entries[1].options,
            (SubscriptionOptions{.qos = QoS::kExactlyOnce, .retain_handling = 1}));
}

TEST(Subscribe, MayBeWalkedTwice) {
  const WireBytes bytes = Subscribe3(0);
  const SubscribeView subscribe = Get<SubscribeView>(FromClient(Version::k311, bytes));
  EXPECT_EQ(Entries(subscribe).size(), 1u);
  EXPECT_EQ(Entries(subscribe).size(), 1u);
}

TEST(Subscribe, NeedsAFilter_MQTT_3_8_3_2) {
  ExpectProtocolError(FromClient(Version::k5, Framed(0x82, {TwoBytes(1), 0})));
  ExpectProtocolError(FromClient(Version::k311, Framed(0x82, {TwoBytes(1)})));
  ExpectProtocolError(FromClient(Version::k31, Framed(0x82, {TwoBytes(1)})));
}

TEST(Subscribe, NeedsANonZeroPacketId_MQTT_2_2_1_3) {
  ExpectProtocolError(FromClient(Version::k5, Framed(0x82, {TwoBytes(0), 0, Str("a"), 0})));
  ExpectProtocolError(FromClient(Version::k311, Framed(0x82, {TwoBytes(0), Str("a"), 0})));
}

TEST(Subscribe, NeedsOptionsBehindEachFilter) {
  ExpectMalformed(FromClient(Version::k5, Framed(0x82, {TwoBytes(1), 0, Str("a")})));
  ExpectMalformed(FromClient(Version::k311, Framed(0x82, {TwoBytes(1), Str("a"), 0, Str("b")})));
}

TEST(Subscribe, ReservesTheUpperOptionBitsIn5_MQTT_3_8_3_5) {
  for (const int options : {0x40, 0x80, 0xC0})
    ExpectMalformed(FromClient(Version::k5, Subscribe5(options)));
}

TEST(Subscribe, CallsQoS3AndRetainHandling3ProtocolErrorsIn5) {
  ExpectProtocolError(FromClient(Version::k5, Subscribe5(0x03)));
  ExpectProtocolError(FromClient(Version::k5, Subscribe5(0x30)));
}

TEST(Subscribe, RefusesNoLocalOnASharedSubscription_MQTT_3_8_3_4) {
  ExpectProtocolError(FromClient(Version::k5, Subscribe5(0x04, "$share/g/a")));
  ExpectAccepted(FromClient(Version::k5, Subscribe5(0x01, "$share/g/a")));
  ExpectAccepted(FromClient(Version::k5, Subscribe5(0x04, "$shared/g/a")));
}

TEST(Subscribe, TakesQoSAloneIn311) {
  // MQTT-3.8.3-4 of 3.1.1.
  for (int options = 0; options < 256; ++options) {
    const DecodeResult result = FromClient(Version::k311, Subscribe3(options));
    if (options <= 2) {
      ExpectAccepted(result);
    } else {
      ExpectMalformed(result);
    }
  }
}

TEST(Subscribe, IgnoresTheUpperOptionBitsIn31) {
  const WireBytes bytes = Subscribe3(0xFE);
  EXPECT_EQ(Entries(Get<SubscribeView>(FromClient(Version::k31, bytes))).at(0).options,
            SubscriptionOptions{.qos = QoS::kExactlyOnce});
  ExpectMalformed(FromClient(Version::k31, Subscribe3(0x03)));
}

TEST(Subscribe, HoldsItsFiltersToUtf8_MQTT_3_8_3_1) {
  ExpectMalformed(FromClient(Version::k5, Subscribe5(0, "a\xFF")));
  ExpectMalformed(
      FromClient(Version::k311, Framed(0x82, {TwoBytes(1), Str("ok"), 0, Str("\xC0\x80"), 0})));
  ExpectAccepted(FromClient(Version::k31, Framed(0x82, {TwoBytes(1), Str("\xE9"), 0})));
}

TEST(Subscribe, LeavesTheSyntaxOfFiltersToTheBroker) {
  for (const char* filter : {"", "a#", "$share//x"})
    ExpectAccepted(FromClient(Version::k5, Subscribe5(0, filter)));
}

TEST(Subscribe, HasFlags0010_MQTT_3_8_1_1) {
  for (const int first_byte : {0x80, 0x81, 0x83, 0x8A}) {
    ExpectMalformed(FromClient(Version::k5, Framed(first_byte, {TwoBytes(1), 0, Str("a"), 0})));
  }
}

TEST(Unsubscribe, IsReadFieldByField) {
  const WireBytes bytes = Wire({0xA2, 0x0C,           // UNSUBSCRIBE, 12 bytes
                                0x00, 0x0A,           // packet id
                                0x00, 0x03, "a/b",    // filter
                                0x00, 0x03, "c/d"});  // filter
  const UnsubscribeView unsubscribe = Get<UnsubscribeView>(FromClient(Version::k311, bytes));
  EXPECT_EQ(unsubscribe.packet_id, PacketId{10});
  EXPECT_EQ(unsubscribe.count, 2u);
  UnsubscribeFilters filters = unsubscribe.filters;
  EXPECT_EQ(filters.Next(), "a/b");
  EXPECT_EQ(filters.Next(), "c/d");
  EXPECT_EQ(filters.Next(), std::nullopt);
}

TEST(Unsubscribe, NeedsAFilter_MQTT_3_10_3_2) {
  ExpectProtocolError(FromClient(Version::k5, Framed(0xA2, {TwoBytes(1), 0})));
  ExpectProtocolError(FromClient(Version::k311, Framed(0xA2, {TwoBytes(1)})));
}

TEST(Unsubscribe, HoldsItsFiltersToUtf8_MQTT_3_10_3_1) {
  ExpectMalformed(FromClient(Version::k5, Framed(0xA2, {TwoBytes(1), 0, Str("\xFF")})));
  ExpectMalformed(FromClient(Version::k311, Framed(0xA2, {TwoBytes(1), Str("a"), Str("\xFF")})));
}

TEST(Unsubscribe, HasFlags0010_MQTT_3_10_1_1) {
  for (const int first_byte : {0xA0, 0xA3, 0xAA}) {
    ExpectMalformed(FromClient(Version::k5, Framed(first_byte, {TwoBytes(1), 0, Str("a")})));
  }
}

TEST(Suback, CarriesOneCodePerFilter) {
  const WireBytes bytes = Wire({0x90, 0x05,          // SUBACK, 5 bytes
                                0x00, 0x0A,          // packet id
                                0x01, 0x02, 0x80});  // QoS 1, QoS 2, failure
  const SubackView suback = Get<SubackView>(FromServer(Version::k311, bytes));
  ASSERT_EQ(suback.codes.size(), 3u);
  EXPECT_EQ(suback.codes[0], ReasonCode::kGrantedQoS1);
  EXPECT_EQ(suback.codes[2], ReasonCode::kUnspecifiedError);
}

TEST(Suback, HasOnlyTheCodesOfItsTable_MQTT_3_9_3_2) {
  ExpectProtocolError(FromServer(Version::k5, Wire({0x90, 4, TwoBytes(1), 0, 0x92})));
  ExpectProtocolError(FromServer(Version::k5, Wire({0x90, 3, TwoBytes(1), 0})));
  ExpectMalformed(FromServer(Version::k311, Wire({0x90, 3, TwoBytes(1), 0x87})));
}

TEST(Unsuback, HasOnlyTheCodesOfItsTable_MQTT_3_11_3_2) {
  ExpectAccepted(FromServer(Version::k5, Wire({0xB0, 4, TwoBytes(1), 0, 0x11})));
  ExpectProtocolError(FromServer(Version::k5, Wire({0xB0, 4, TwoBytes(1), 0, 0x01})));
  ExpectProtocolError(FromServer(Version::k5, Wire({0xB0, 3, TwoBytes(1), 0})));
}

TEST(Unsuback, HasNoCodesBefore5) {
  ExpectAccepted(FromServer(Version::k311, Wire({0xB0, 2, TwoBytes(1)})));
  ExpectMalformed(FromServer(Version::k311, Wire({0xB0, 3, TwoBytes(1), 0})));
}

}  // namespace
}  // namespace tandem::mqtt
