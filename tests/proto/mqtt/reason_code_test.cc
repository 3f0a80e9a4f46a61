#include "proto/mqtt/reason_code.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace tandem::mqtt {
namespace {

// Table 2-6, column "packets", and for DISCONNECT and AUTH the column "sent by" of tables 3-10 and
// 3-11: C client, S server, B both. Written from the specification, not from the code under test.
const std::map<int, std::string> kTable = {
    {0x00, "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT:B AUTH:S"},
    {0x01, "SUBACK"},
    {0x02, "SUBACK"},
    {0x04, "DISCONNECT:C"},
    {0x10, "PUBACK PUBREC"},
    {0x11, "UNSUBACK"},
    {0x18, "AUTH:B"},
    {0x19, "AUTH:C"},
    {0x80, "CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT:B"},
    {0x81, "CONNACK DISCONNECT:B"},
    {0x82, "CONNACK DISCONNECT:B"},
    {0x83, "CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT:B"},
    {0x84, "CONNACK"},
    {0x85, "CONNACK"},
    {0x86, "CONNACK"},
    {0x87, "CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT:S"},
    {0x88, "CONNACK"},
    {0x89, "CONNACK DISCONNECT:S"},
    {0x8A, "CONNACK"},
    {0x8B, "DISCONNECT:S"},
    {0x8C, "CONNACK DISCONNECT:S"},
    {0x8D, "DISCONNECT:S"},
    {0x8E, "DISCONNECT:S"},
    {0x8F, "SUBACK UNSUBACK DISCONNECT:S"},
    {0x90, "CONNACK PUBACK PUBREC DISCONNECT:B"},
    {0x91, "PUBACK PUBREC SUBACK UNSUBACK"},
    {0x92, "PUBREL PUBCOMP"},
    {0x93, "DISCONNECT:B"},
    {0x94, "DISCONNECT:B"},
    {0x95, "CONNACK DISCONNECT:B"},
    {0x96, "DISCONNECT:B"},
    {0x97, "CONNACK PUBACK PUBREC SUBACK DISCONNECT:B"},
    {0x98, "DISCONNECT:B"},
    {0x99, "CONNACK PUBACK PUBREC DISCONNECT:B"},
    {0x9A, "CONNACK DISCONNECT:S"},
    {0x9B, "CONNACK DISCONNECT:S"},
    {0x9C, "CONNACK DISCONNECT:S"},
    {0x9D, "CONNACK DISCONNECT:S"},
    {0x9E, "SUBACK DISCONNECT:S"},
    {0x9F, "CONNACK DISCONNECT:S"},
    {0xA0, "DISCONNECT:S"},
    {0xA1, "SUBACK DISCONNECT:S"},
    {0xA2, "SUBACK DISCONNECT:S"},
};

bool IsInTable(int code, PacketType packet, Sender sender) {
  const auto row = kTable.find(code);
  if (row == kTable.end()) return false;
  const std::string name(Name(packet));
  const std::string words = " " + row->second + " ";
  if (packet == PacketType::kDisconnect || packet == PacketType::kAuth) {
    const char* const one = sender == Sender::kClient ? ":C " : ":S ";
    return words.find(" " + name + one) != std::string::npos ||
           words.find(" " + name + ":B ") != std::string::npos;
  }
  const bool is_servers = packet == PacketType::kConnack || packet == PacketType::kSuback ||
                          packet == PacketType::kUnsuback;
  if (is_servers && sender == Sender::kClient) return false;
  return words.find(" " + name + " ") != std::string::npos;
}

TEST(ReasonCode, IsAllowedWhereTheTablesSay) {
  for (int code = 0; code < 256; ++code) {
    for (int type = 1; type <= 15; ++type) {
      for (const Sender sender : {Sender::kClient, Sender::kServer}) {
        const auto packet = static_cast<PacketType>(type);
        EXPECT_EQ(IsAllowed(static_cast<ReasonCode>(code), packet, sender),
                  IsInTable(code, packet, sender))
            << std::hex << code << " in " << Name(packet) << " from "
            << (sender == Sender::kClient ? "client" : "server");
      }
    }
  }
}

TEST(ReasonCode, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const auto& [code, packets] : kTable) {
    EXPECT_NE(Name(static_cast<ReasonCode>(code)), "Unknown") << code;
    EXPECT_TRUE(names.insert(Name(static_cast<ReasonCode>(code))).second) << code;
  }
  EXPECT_EQ(Name(static_cast<ReasonCode>(0x03)), "Unknown");
  EXPECT_EQ(Name(ReasonCode::kSuccess), "Success");
  EXPECT_EQ(Name(ReasonCode::kSuccess, PacketType::kDisconnect), "Normal disconnection");
  EXPECT_EQ(Name(ReasonCode::kSuccess, PacketType::kSuback), "Granted QoS 0");
  EXPECT_EQ(Name(ReasonCode::kNotAuthorized, PacketType::kSuback), "Not authorized");
}

TEST(ConnackCode3, MapsRefusalsToTheFiveCodesOf311) {
  const std::map<int, int> kExpected = {{0x00, 0}, {0x80, 3}, {0x83, 3}, {0x84, 1}, {0x85, 2},
                                        {0x86, 4}, {0x87, 5}, {0x88, 3}, {0x89, 3}, {0x8A, 5},
                                        {0x97, 3}, {0x9C, 3}, {0x9D, 3}, {0x9F, 3}};
  for (int code = 0; code < 256; ++code) {
    const auto expected = kExpected.find(code);
    const auto mapped = ConnackCode3(static_cast<ReasonCode>(code));
    ASSERT_EQ(mapped.has_value(), expected != kExpected.end()) << code;
    if (mapped) {
      EXPECT_EQ(*mapped, expected->second) << code;
    }
  }
}

TEST(ConnackCode3, ComesBackAsACodeThatMapsToIt) {
  for (std::uint8_t code = 0; code <= 5; ++code)
    EXPECT_EQ(ConnackCode3(FromConnackCode3(code).value()), code);
  EXPECT_FALSE(FromConnackCode3(6));
  EXPECT_FALSE(FromConnackCode3(255));
}

TEST(SubackCode3, KeepsTheGrantedQoSAndMakesEveryErrorOne) {
  EXPECT_EQ(SubackCode3(ReasonCode::kSuccess), 0);
  EXPECT_EQ(SubackCode3(ReasonCode::kGrantedQoS1), 1);
  EXPECT_EQ(SubackCode3(ReasonCode::kGrantedQoS2), 2);
  EXPECT_EQ(SubackCode3(ReasonCode::kNotAuthorized), 0x80);
  EXPECT_EQ(SubackCode3(ReasonCode::kWildcardSubscriptionsNotSupported), 0x80);
}

}  // namespace
}  // namespace tandem::mqtt
