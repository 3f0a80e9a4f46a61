#include "proto/mqtt/encoder.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "engine/base/limits.h"
#include "tests/proto/mqtt/decode.h"

namespace tandem::mqtt {
namespace {

template <class Encode>
WireBytes Encoded(Encode encode) {
  ByteBuffer out;
  encode(out);
  return {out.bytes().begin(), out.bytes().end()};
}

WireBytes PublishHeadBytes(const PublishHead& head) {
  return Encoded([&](ByteBuffer& out) { EncodePublishHead(head, out); });
}

TEST(EncodePublishHead, WritesTheHeadFieldByFieldIn5) {
  const std::array<std::uint32_t, 2> ids = {5, 300};
  const WireBytes forwarded = {0x01, 0x01};
  const PublishHead head{.version = Version::k5,
                         .dup = true,
                         .qos = QoS::kAtLeastOnce,
                         .retain = true,
                         .packet_id = PacketId{0x1234},
                         .topic = "a/b",
                         .topic_alias = 7,
                         .message_expiry_s = 30,
                         .subscription_ids = ids,
                         .forwarded_properties = forwarded,
                         .payload_bytes = 4};
  EXPECT_EQ(PublishHeadBytes(head),
            Wire({0x3B, 0x1B,                     // DUP, QoS 1, RETAIN; 27 bytes with the payload
                  0x00, 0x03, "a/b",              // topic
                  0x12, 0x34,                     // packet id
                  0x0F,                           // property length
                  0x23, 0x00, 0x07,               // topic alias
                  0x02, 0x00, 0x00,  0x00, 0x1E,  // message expiry
                  0x0B, 0x05,                     // subscription identifiers
                  0x0B, 0xAC, 0x02,               //
                  0x01, 0x01}));                  // forwarded: payload format
}

TEST(EncodePublishHead, LeavesOutWhat3HasNoRoomFor) {
  const std::array<std::uint32_t, 1> ids = {5};
  const WireBytes forwarded = {0x01, 0x01};
  EXPECT_EQ(PublishHeadBytes({.version = Version::k311,
                              .qos = QoS::kAtMostOnce,
                              .topic = "t",
                              .topic_alias = 7,
                              .message_expiry_s = 30,
                              .subscription_ids = ids,
                              .forwarded_properties = forwarded}),
            Wire({0x30, 0x03, Str("t")}));
}

// One frame serves many subscribers: each gets its own id at this offset.
TEST(EncodePublishHead, TellsWhereThePacketIdStands) {
  for (const Version version : {Version::k311, Version::k5}) {
    for (const std::size_t payload : {0u, 100u, 127u, 16'000u, 2'100'000u}) {
      ByteBuffer out;
      out.Append(AsBytes("what stands before"));
      const std::size_t start = out.size();
      const std::size_t offset = EncodePublishHead({.version = version,
                                                    .qos = QoS::kExactlyOnce,
                                                    .packet_id = PacketId{0xABCD},
                                                    .topic = "some/topic",
                                                    .payload_bytes = payload},
                                                   out);
      EXPECT_EQ(out.data()[start + offset], 0xAB);
      EXPECT_EQ(out.data()[start + offset + 1], 0xCD);
    }
  }
  ByteBuffer out;
  EXPECT_EQ(EncodePublishHead({.version = Version::k5, .topic = "t"}, out), 0u);
}

TEST(EncodeConnack, SaysItIn5AndIn3) {
  const ConnackView connack{
      .session_present = true, .reason = ReasonCode::kSuccess, .receive_maximum = 10};
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeConnack(Version::k5, connack, out); }),
            Wire({0x20, 6, 1, 0, 3, 0x21, TwoBytes(10)}));
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeConnack(Version::k311, connack, out); }),
            Wire({0x20, 2, 1, 0}));
  // 3.1 has no session present.
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeConnack(Version::k31, connack, out); }),
            Wire({0x20, 2, 0, 0}));
}

TEST(EncodeConnack, MapsTheCodeFor3AndWritesNothingWhereNoneFits) {
  const auto connack = [](Version version, ReasonCode reason) {
    return Encoded([&](ByteBuffer& out) { EncodeConnack(version, {.reason = reason}, out); });
  };
  EXPECT_EQ(connack(Version::k311, ReasonCode::kNotAuthorized), Wire({0x20, 2, 0, 5}));
  EXPECT_EQ(connack(Version::k31, ReasonCode::kUnsupportedProtocolVersion), Wire({0x20, 2, 0, 1}));
  EXPECT_EQ(connack(Version::k311, ReasonCode::kMalformedPacket), WireBytes{});
  EXPECT_EQ(connack(Version::k5, ReasonCode::kMalformedPacket), Wire({0x20, 3, 0, 0x81, 0}));
}

TEST(EncodeConnack, NeverPutsASessionBesideAnError_MQTT_3_2_2_6) {
  const ConnackView connack{.session_present = true, .reason = ReasonCode::kNotAuthorized};
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeConnack(Version::k5, connack, out); }),
            Wire({0x20, 3, 0, 0x87, 0}));
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeConnack(Version::k311, connack, out); }),
            Wire({0x20, 2, 0, 5}));
}

TEST(EncodeAck, WritesTheShortestForm) {
  const auto ack = [](Version version, ReasonCode reason,
                      std::optional<std::string_view> text = {}) {
    return Encoded([&](ByteBuffer& out) {
      EncodeAck(version,
                {.type = PacketType::kPubrel,
                 .packet_id = PacketId{7},
                 .reason = reason,
                 .reason_string = text},
                out);
    });
  };
  constexpr ReasonCode kBad = ReasonCode::kPacketIdentifierNotFound;
  EXPECT_EQ(ack(Version::k5, ReasonCode::kSuccess), Wire({0x62, 2, TwoBytes(7)}));
  EXPECT_EQ(ack(Version::k5, kBad), Wire({0x62, 3, TwoBytes(7), 0x92}));
  EXPECT_EQ(ack(Version::k5, ReasonCode::kSuccess, "x"),
            Wire({0x62, 8, TwoBytes(7), 0, 4, 0x1F, Str("x")}));
  EXPECT_EQ(ack(Version::k311, kBad, "x"), Wire({0x62, 2, TwoBytes(7)}));
}

TEST(EncodeSuback, SaysFailureIn3WithOneCode) {
  const std::array codes = {ReasonCode::kGrantedQoS1, ReasonCode::kNotAuthorized};
  const SubackView suback{.packet_id = PacketId{7}, .codes = codes, .reason_string = "no"};
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeSuback(Version::k311, suback, out); }),
            Wire({0x90, 4, TwoBytes(7), 1, 0x80}));
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeSuback(Version::k5, suback, out); }),
            Wire({0x90, 10, TwoBytes(7), 5, 0x1F, Str("no"), 1, 0x87}));
}

TEST(EncodeUnsuback, HasCodesIn5Only) {
  const std::array codes = {ReasonCode::kSuccess, ReasonCode::kNoSubscriptionExisted};
  const UnsubackView unsuback{.packet_id = PacketId{7}, .codes = codes};
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeUnsuback(Version::k311, unsuback, out); }),
            Wire({0xB0, 2, TwoBytes(7)}));
  EXPECT_EQ(Encoded([&](ByteBuffer& out) { EncodeUnsuback(Version::k5, unsuback, out); }),
            Wire({0xB0, 5, TwoBytes(7), 0, 0, 0x11}));
}

TEST(EncodeSubscribe, KeepsTheOptionsOf5From3) {
  const std::array entries = {SubscribeEntry{.filter = "a",
                                             .options = {.qos = QoS::kAtLeastOnce,
                                                         .no_local = true,
                                                         .retain_as_published = true,
                                                         .retain_handling = 2}}};
  EXPECT_EQ(Encoded([&](ByteBuffer& out) {
              EncodeSubscribe(Version::k311, PacketId{7}, entries, 9, out);
            }),
            Wire({0x82, 6, TwoBytes(7), Str("a"), 1}));
  EXPECT_EQ(
      Encoded([&](ByteBuffer& out) { EncodeSubscribe(Version::k5, PacketId{7}, entries, 9, out); }),
      Wire({0x82, 9, TwoBytes(7), 2, 0x0B, 9, Str("a"), 0x2D}));
}

TEST(EncodeDisconnect, WritesTheShortestFormAndNoErrorBefore5) {
  const auto disconnect = [](Version version, const DisconnectView& view) {
    return Encoded([&](ByteBuffer& out) { EncodeDisconnect(version, view, out); });
  };
  EXPECT_EQ(disconnect(Version::k5, {}), Wire({0xE0, 0}));
  EXPECT_EQ(disconnect(Version::k5, {.reason = ReasonCode::kSessionTakenOver}),
            Wire({0xE0, 1, 0x8E}));
  EXPECT_EQ(disconnect(Version::k5, {.session_expiry_s = 1}),
            Wire({0xE0, 7, 0, 5, 0x11, FourBytes(1)}));
  EXPECT_EQ(disconnect(Version::k311, {}), Wire({0xE0, 0}));
  EXPECT_EQ(disconnect(Version::k311, {.reason = ReasonCode::kSessionTakenOver}), WireBytes{});
}

TEST(Encoder, AppendsToWhatIsThere) {
  ByteBuffer out;
  EncodePingreq(out);
  EncodePingresp(out);
  EXPECT_EQ(AsText(out.bytes()), std::string_view("\xC0\0\xD0\0", 4));
}

TEST(EncoderDeathTest, CallsSizesAboveTheProtocolsLimitsBugs) {
  const std::string topic(kStringBytesMax + 1, 't');
  ByteBuffer out;
  EXPECT_DEATH(EncodePublishHead({.version = Version::k5, .topic = topic}, out), "");
  EXPECT_DEATH(
      EncodePublishHead(
          {.version = Version::k5, .topic = "t", .payload_bytes = kRemainingLengthMax}, out),
      "");
}

}  // namespace
}  // namespace tandem::mqtt
