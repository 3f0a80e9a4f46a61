// What holds for packets of every type: fixed header, direction, sizes, the order of a connection.
#include "proto/mqtt/decoder.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "engine/base/limits.h"
#include "tests/proto/mqtt/decode.h"

namespace tandem::mqtt {
namespace {

static_assert(noexcept(std::declval<Decoder&>().Next({})));
static_assert(std::is_trivially_destructible_v<DecodeResult>, "a result holds views alone");

TEST(Decoder, NeedsMoreOfNothing) {
  const DecodeResult result = FromClient(Version::k5, {});
  EXPECT_EQ(result.status, DecodeStatus::kNeedMore);
  EXPECT_EQ(result.size, 0u);
}

TEST(Decoder, TellsTheWholeSizeAsSoonAsTheFixedHeaderIsThere) {
  EXPECT_EQ(FromClient(Version::k5, {0x30}).size, 0u);
  EXPECT_EQ(FromClient(Version::k5, {0x30, 0x80}).size, 0u);
  const DecodeResult result = FromClient(Version::k5, {0x30, 0x80, 0x01});
  EXPECT_EQ(result.status, DecodeStatus::kNeedMore);
  EXPECT_EQ(result.size, 1u + 2u + 128u);
  EXPECT_EQ(FromClient(Version::k5, {0x30, 0xFF, 0xFF, 0xFF, 0x7F}).size, kPacketBytesMax);
}

TEST(Decoder, RefusesAFirstPacketThatIsNotConnect_MQTT_3_1_0_1) {
  for (int first_byte = 0; first_byte < 256; ++first_byte) {
    if (first_byte == 0x10) continue;
    const DecodeResult result = DecodeFirst({static_cast<std::uint8_t>(first_byte)});
    ExpectProtocolError(result);
    EXPECT_EQ(result.requested_level, 0);
  }
  EXPECT_EQ(DecodeFirst({0x10}).status, DecodeStatus::kNeedMore);
}

TEST(Decoder, LetsNoFirstPacketBeLargerThanAStrangerMayBe) {
  // 65,536 bytes with the fixed header, then one more.
  EXPECT_EQ(DecodeFirst({0x10, 0xFC, 0xFF, 0x03}).size, kConnectPacketBytesMax);
  ExpectRefused(DecodeFirst({0x10, 0xFD, 0xFF, 0x03}), ReasonCode::kPacketTooLarge);
  Decoder decoder(Sender::kClient);
  decoder.set_packet_bytes_max(kPacketBytesMax);
  ExpectRefused(decoder.Next(WireBytes{0x10, 0xFD, 0xFF, 0x03}), ReasonCode::kPacketTooLarge);
}

TEST(Decoder, TakesTheVersionFromTheFirstConnectAndKeepsIt) {
  const WireBytes connect311 = Framed(0x10, {Str("MQTT"), 4, 0x02, TwoBytes(0), Str("c")});
  const WireBytes connect5 = Framed(0x10, {Str("MQTT"), 5, 0x02, TwoBytes(0), 0, Str("c")});
  Decoder decoder(Sender::kClient);
  ExpectAccepted(decoder.Next(connect5));
  EXPECT_EQ(decoder.version(), Version::k5);
  // A second CONNECT is the broker's to refuse [MQTT-3.1.0-2].
  EXPECT_EQ(Get<ConnectView>(decoder.Next(connect311)).version, Version::k311);
  EXPECT_EQ(decoder.version(), Version::k5);
}

TEST(Decoder, StaysWithoutAVersionAfterARefusedConnect) {
  Decoder decoder(Sender::kClient);
  ExpectMalformed(decoder.Next(Framed(0x10, {Str("MQTT"), 5, 0x03, TwoBytes(0), 0, Str("c")})));
  ExpectProtocolError(decoder.Next(WireBytes{0xC0, 0x00}));
}

TEST(Decoder, RefusesPacketsAboveTheLimitBeforeTheirBodyIsThere) {
  Decoder decoder(Sender::kClient);
  decoder.set_version(Version::k311);
  decoder.set_packet_bytes_max(130);
  EXPECT_EQ(decoder.Next(WireBytes{0x30, 0x7F}).size, 129u);  // the step of the length field itself
  ExpectRefused(decoder.Next(WireBytes{0x30, 0x80, 0x01}), ReasonCode::kPacketTooLarge);
  decoder.set_packet_bytes_max(131);
  EXPECT_EQ(decoder.Next(WireBytes{0x30, 0x80, 0x01}).size, 131u);
}

TEST(Decoder, RejectsNonShortestRemainingLength_MQTT_1_5_5_1) {
  const WireBytes ping = {0xC0, 0x80, 0x00};
  ExpectMalformed(FromClient(Version::k5, ping));
  ExpectAccepted(FromClient(Version::k311, ping));
  ExpectAccepted(FromClient(Version::k31, ping));
}

TEST(Decoder, RejectsNonShortestRemainingLengthOfConnectOnceTheVersionIsKnown_MQTT_1_5_5_1) {
  const WireBytes body5 = Wire({Str("MQTT"), 5, 0x02, TwoBytes(0), 0, Str("c")});
  const WireBytes body311 = Wire({Str("MQTT"), 4, 0x02, TwoBytes(0), Str("c")});
  const auto padded = [](const WireBytes& body) {
    return Wire({0x10, 0x80 | static_cast<int>(body.size()), 0x00, body});
  };
  const DecodeResult refused = DecodeFirst(padded(body5));
  ExpectMalformed(refused);
  EXPECT_EQ(refused.requested_level, 5);
  ExpectAccepted(DecodeFirst(padded(body311)));
}

TEST(Decoder, RejectsARemainingLengthOfFiveBytes) {
  for (const Version version : kVersions) {
    ExpectMalformed(FromClient(version, {0x30, 0x80, 0x80, 0x80, 0x80}));
    ExpectMalformed(FromClient(version, {0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));
  }
  ExpectMalformed(DecodeFirst({0x10, 0x80, 0x80, 0x80, 0x80, 0x01}));
}

TEST(Decoder, RefusesTheForbiddenTypes) {
  for (const Version version : kVersions) {
    ExpectMalformed(FromClient(version, {0x00, 0x00}));
    ExpectMalformed(FromServer(version, {0x00, 0x00}));
  }
  ExpectMalformed(FromClient(Version::k311, {0xF0, 0x00}));
  ExpectMalformed(FromClient(Version::k31, {0xF0, 0x00}));
}

TEST(Decoder, RefusesWhatOnlyTheOtherSideMaySend) {
  for (const Version version : kVersions) {
    for (const int servers : {0x20, 0x90, 0xB0, 0xD0})
      ExpectProtocolError(FromClient(version, Wire({servers})));
    for (const int clients : {0x10, 0x82, 0xA2, 0xC0})
      ExpectProtocolError(FromServer(version, Wire({clients})));
  }
  ExpectProtocolError(FromServer(Version::k311, {0xE0, 0x00}));
  ExpectAccepted(FromServer(Version::k5, {0xE0, 0x00}));
}

// 2.1.3: every value of the four flag bits for every type.
TEST(Decoder, RefusesReservedFlags_MQTT_2_1_3_1) {
  for (const Version version : {Version::k311, Version::k5}) {
    for (int type = 1; type <= 15; ++type) {
      if (type == 3 || (type == 15 && version != Version::k5)) continue;
      const bool is_request = type == 6 || type == 8 || type == 10;
      const bool is_servers = type == 2 || type == 9 || type == 11 || type == 13;
      for (int flags = 0; flags < 16; ++flags) {
        const DecodeResult result = Decode(version, is_servers ? Sender::kServer : Sender::kClient,
                                           Wire({type << 4 | flags}));
        if (flags == (is_request ? 2 : 0)) {
          EXPECT_EQ(result.status, DecodeStatus::kNeedMore) << type << " " << flags;
        } else {
          ExpectMalformed(result);
        }
      }
    }
  }
}

TEST(Decoder, LetsOldClientsSetDupInWhatTheyRepeat) {
  ExpectAccepted(FromClient(Version::k31, Wire({0x6A, 2, TwoBytes(1)})));              // PUBREL
  ExpectAccepted(FromClient(Version::k31, Framed(0x8A, {TwoBytes(1), Str("a"), 0})));  // SUBSCRIBE
  ExpectAccepted(FromClient(Version::k31, Framed(0xAA, {TwoBytes(1), Str("a")})));  // UNSUBSCRIBE
  ExpectMalformed(FromClient(Version::k311, Wire({0x6A, 2, TwoBytes(1)})));
  ExpectMalformed(FromClient(Version::k31, Wire({0xC1, 0})));
}

TEST(Decoder, RefusesPingsWithABody) {
  for (const Version version : kVersions) {
    ExpectMalformed(FromClient(version, {0xC0, 1, 0}));
    ExpectMalformed(FromServer(version, {0xD0, 1, 0}));
  }
}

TEST(Decoder, DecodesAStreamPacketByPacket) {
  const WireBytes stream = Wire({Framed(0x10, {Str("MQTT"), 4, 0x02, TwoBytes(0), Str("c")}),
                                 Framed(0x30, {Str("a"), "x"}), Wire({0xC0, 0})});
  Decoder decoder(Sender::kClient);
  Bytes rest = stream;
  std::size_t packets = 0;
  for (; !rest.empty(); ++packets) {
    const DecodeResult result = decoder.Next(rest);
    ASSERT_EQ(result.status, DecodeStatus::kPacket);
    rest = rest.subspan(result.size);
  }
  EXPECT_EQ(packets, 3u);
}

}  // namespace
}  // namespace tandem::mqtt
