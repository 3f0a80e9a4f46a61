// PUBLISH and its acknowledgements on the wire.
#include <gtest/gtest.h>

#include "tests/proto/mqtt/decode.h"

namespace tandem::mqtt {
namespace {

TEST(Publish, IsReadFieldByFieldIn311) {
  const WireBytes bytes = Wire({0x3D, 0x0B,         // PUBLISH, DUP, QoS 2, RETAIN; 11 bytes
                                0x00, 0x03, "a/b",  // topic
                                0x12, 0x34,         // packet id
                                "data"});           // payload
  const DecodeResult result = FromClient(Version::k311, bytes);
  const PublishView publish = Get<PublishView>(result);
  EXPECT_EQ(result.size, bytes.size());
  EXPECT_TRUE(publish.dup);
  EXPECT_EQ(publish.qos, QoS::kExactlyOnce);
  EXPECT_TRUE(publish.retain);
  EXPECT_EQ(publish.topic, "a/b");
  EXPECT_EQ(publish.packet_id, PacketId{0x1234});
  EXPECT_EQ(AsText(publish.payload), "data");
  EXPECT_TRUE(publish.properties.raw.empty());
  EXPECT_EQ(publish.payload.data(), bytes.data() + bytes.size() - 4) << "nothing is copied";
}

TEST(Publish, IsReadFieldByFieldIn5) {
  const WireBytes bytes = Wire({0x32,  0x1B,                      // PUBLISH, QoS 1; 27 bytes
                                0x00,  0x01, "t",                 // topic
                                0x00,  0x0A,                      // packet id
                                0x11,                             // property length
                                0x01,  0x01,                      // payload format
                                0x02,  0x00, 0x00, 0x00,   0x1E,  // message expiry 30
                                0x23,  0x00, 0x07,                // topic alias 7
                                0x08,  0x00, 0x04, "re/p",        // response topic
                                "data"});
  ASSERT_EQ(bytes.size(), 2u + 0x1Bu);
  const PublishView publish = Get<PublishView>(FromClient(Version::k5, bytes));
  EXPECT_EQ(publish.payload_format, 1);
  EXPECT_EQ(publish.message_expiry_s, 30u);
  EXPECT_EQ(publish.topic_alias, 7);
  EXPECT_EQ(publish.response_topic, "re/p");
  EXPECT_EQ(publish.properties.raw.size(), 0x11u);
  EXPECT_EQ(AsText(publish.payload), "data");
}

TEST(Publish, MayHaveNoPayload) {
  const WireBytes bytes = Framed(0x31, {Str("t")});
  EXPECT_TRUE(Get<PublishView>(FromClient(Version::k311, bytes)).payload.empty());
}

TEST(Publish, HasNoPacketIdAtQoS0_MQTT_2_2_1_2) {
  const WireBytes bytes = Framed(0x30, {Str("t"), TwoBytes(5)});
  const PublishView publish = Get<PublishView>(FromClient(Version::k311, bytes));
  EXPECT_EQ(publish.packet_id, kNoPacketId);
  EXPECT_EQ(publish.payload.size(), 2u);
}

TEST(Publish, RefusesQoS3_MQTT_3_3_1_4) {
  for (const Version version : kVersions) {
    for (const int first_byte : {0x36, 0x37, 0x3E, 0x3F})
      ExpectMalformed(FromClient(version, Wire({first_byte})));
  }
}

TEST(Publish, RefusesDupAtQoS0_MQTT_3_3_1_2) {
  ExpectMalformed(FromClient(Version::k5, Framed(0x38, {Str("t"), 0})));
  ExpectMalformed(FromClient(Version::k311, Framed(0x38, {Str("t")})));
  const WireBytes bytes = Framed(0x38, {Str("t")});
  EXPECT_FALSE(Get<PublishView>(FromClient(Version::k31, bytes)).dup);
}

TEST(Publish, NeedsANonZeroPacketIdAboveQoS0_MQTT_2_2_1_3) {
  for (const int first_byte : {0x32, 0x34}) {
    ExpectProtocolError(FromClient(Version::k5, Framed(first_byte, {Str("t"), TwoBytes(0), 0})));
    ExpectProtocolError(FromClient(Version::k311, Framed(first_byte, {Str("t"), TwoBytes(0)})));
    ExpectMalformed(FromClient(Version::k311, Framed(first_byte, {Str("t"), 1})));
  }
}

TEST(Publish, HoldsItsTopicToUtf8InEveryVersion_MQTT_3_3_2_1) {
  for (const Version version : kVersions) {
    for (const char* topic :
         {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "a\x01", "a\x7F", "\xEF\xBF\xBF"}) {
      ExpectMalformed(FromClient(version, Framed(0x30, {Str(topic), 0})));
    }
    ExpectMalformed(FromClient(version, Framed(0x30, {Str(std::string_view("a\0b", 3)), 0})));
  }
}

TEST(Publish, NeedsATopicOrAnAlias_MQTT_4_7_3_1) {
  ExpectProtocolError(FromClient(Version::k311, Framed(0x30, {Str(""), "x"})));
  ExpectProtocolError(FromClient(Version::k5, Framed(0x30, {Str(""), 0, "x"})));
  ExpectAccepted(FromClient(Version::k5, Framed(0x30, {Str(""), Props({0x23, TwoBytes(1)}), "x"})));
}

TEST(Publish, LeavesWildcardsToTheBroker) {
  const WireBytes bytes = Framed(0x30, {Str("a/#"), "x"});
  EXPECT_EQ(Get<PublishView>(FromClient(Version::k311, bytes)).topic, "a/#");
}

TEST(Publish, RefusesASubscriptionIdentifierFromAClient_MQTT_3_3_4_6) {
  const WireBytes bytes = Framed(0x30, {Str("t"), Props({0x0B, 1})});
  ExpectProtocolError(FromClient(Version::k5, bytes));
  ExpectAccepted(FromServer(Version::k5, bytes));
}

TEST(Publish, NeedsItsPropertyLengthIn5_MQTT_2_2_2_1) {
  ExpectMalformed(FromClient(Version::k5, Framed(0x30, {Str("t")})));
  ExpectMalformed(
      FromClient(Version::k5, Framed(0x30, {Str("t"), 1})));  // says one byte more than there is
  ExpectMalformed(
      FromClient(Version::k5, Framed(0x30, {Str("t"), 0x80, 0x00})));  // not the shortest form of 0
}

TEST(Ack, HasThreeFormsIn5) {
  for (const int first_byte : {0x40, 0x50, 0x62, 0x70}) {
    const AckView shortest =
        Get<AckView>(FromClient(Version::k5, Wire({first_byte, 2, TwoBytes(7)})));
    EXPECT_EQ(static_cast<int>(shortest.type), first_byte >> 4);
    EXPECT_EQ(shortest.packet_id, PacketId{7});
    EXPECT_EQ(shortest.reason, ReasonCode::kSuccess);
    const int code = first_byte >= 0x60 ? 0x92 : 0x80;
    EXPECT_EQ(
        static_cast<int>(
            Get<AckView>(FromClient(Version::k5, Wire({first_byte, 3, TwoBytes(7), code}))).reason),
        code);
    const WireBytes full = Framed(first_byte, {TwoBytes(7), code, Props({0x1F, Str("why")})});
    EXPECT_EQ(Get<AckView>(FromClient(Version::k5, full)).reason_string, "why");
  }
}

TEST(Ack, IsExactlyTwoBytesBefore5) {
  for (const Version version : {Version::k31, Version::k311}) {
    for (const int first_byte : {0x40, 0x50, 0x62, 0x70}) {
      ExpectAccepted(FromClient(version, Wire({first_byte, 2, TwoBytes(7)})));
      ExpectMalformed(FromClient(version, Wire({first_byte, 3, TwoBytes(7), 0})));
      ExpectMalformed(FromClient(version, Wire({first_byte, 1, 7})));
    }
  }
}

TEST(Ack, NeedsANonZeroPacketId) {
  for (const Version version : kVersions)
    ExpectProtocolError(FromClient(version, Wire({0x40, 2, TwoBytes(0)})));
}

TEST(Ack, RefusesSurplusBytes) {
  ExpectMalformed(FromClient(Version::k5, Wire({0x40, 5, TwoBytes(7), 0, 0, 0})));
}

TEST(Puback, HasOnlyTheCodesOfItsTable_MQTT_3_4_2_1) {
  ExpectProtocolError(FromClient(Version::k5, Wire({0x40, 3, TwoBytes(7), 0x92})));
  ExpectProtocolError(FromClient(Version::k5, Wire({0x40, 3, TwoBytes(7), 0x01})));
}
TEST(Pubrec, HasOnlyTheCodesOfItsTable_MQTT_3_5_2_1) {
  ExpectProtocolError(FromClient(Version::k5, Wire({0x50, 3, TwoBytes(7), 0x92})));
}
TEST(Pubrel, HasOnlyTheCodesOfItsTable_MQTT_3_6_2_1) {
  ExpectProtocolError(FromClient(Version::k5, Wire({0x62, 3, TwoBytes(7), 0x80})));
}
TEST(Pubcomp, HasOnlyTheCodesOfItsTable_MQTT_3_7_2_1) {
  ExpectProtocolError(FromClient(Version::k5, Wire({0x70, 3, TwoBytes(7), 0x80})));
}
TEST(Pubrel, HasFlags0010_MQTT_3_6_1_1) {
  for (const Version version : {Version::k311, Version::k5})
    ExpectMalformed(FromClient(version, Wire({0x60, 2, TwoBytes(7)})));
}

}  // namespace
}  // namespace tandem::mqtt
