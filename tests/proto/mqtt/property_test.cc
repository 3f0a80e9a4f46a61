#include "proto/mqtt/property.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "proto/mqtt/decoder.h"
#include "proto/mqtt/property_table.h"
#include "tests/proto/mqtt/wire.h"

namespace tandem::mqtt {
namespace {

// Table 2-4 and, for what only one side sends, the sections of chapter 3 (C client, S server). A
// valid value beside it. Written from the specification, not from the code under test.
struct Expected {
  WireBytes value;
  std::string packets;
};
const std::string kUserEverywhere =
    "CONNECT CONNACK PUBLISH WILL PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE "
    "UNSUBACK DISCONNECT AUTH";
const std::map<int, Expected> kTable = {
    {0x01, {{1}, "PUBLISH WILL"}},
    {0x02, {FourBytes(60), "PUBLISH WILL"}},
    {0x03, {Str("text"), "PUBLISH WILL"}},
    {0x08, {Str("reply"), "PUBLISH WILL"}},
    {0x09, {Str("id"), "PUBLISH WILL"}},
    {0x0B, {VarBytes(300), "PUBLISH:S SUBSCRIBE"}},
    {0x11, {FourBytes(60), "CONNECT CONNACK DISCONNECT:C"}},
    {0x12, {Str("auto"), "CONNACK"}},
    {0x13, {TwoBytes(60), "CONNACK"}},
    {0x15, {Str("SCRAM"), "CONNECT CONNACK AUTH"}},
    {0x16, {Str("data"), "CONNECT CONNACK AUTH"}},
    {0x17, {{0}, "CONNECT"}},
    {0x18, {FourBytes(5), "WILL"}},
    {0x19, {{1}, "CONNECT"}},
    {0x1A, {Str("info"), "CONNACK"}},
    {0x1C, {Str("host"), "CONNACK DISCONNECT:S"}},
    {0x1F, {Str("why"), "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH"}},
    {0x21, {TwoBytes(10), "CONNECT CONNACK"}},
    {0x22, {TwoBytes(10), "CONNECT CONNACK"}},
    {0x23, {TwoBytes(1), "PUBLISH"}},
    {0x24, {{1}, "CONNACK"}},
    {0x25, {{1}, "CONNACK"}},
    {0x26, {Wire({Str("n"), Str("v")}), kUserEverywhere}},
    {0x27, {FourBytes(100), "CONNECT CONNACK"}},
    {0x28, {{1}, "CONNACK"}},
    {0x29, {{1}, "CONNACK"}},
    {0x2A, {{1}, "CONNACK"}},
};

// A packet that is valid but for what the properties may do to it.
struct Place {
  const char* name;
  Sender sender;
  WireBytes (*make)(const WireBytes& properties);
};
constexpr Sender kC = Sender::kClient;
constexpr Sender kS = Sender::kServer;
WireBytes Connect(int flags, const WireBytes& properties, const WireBytes& payload) {
  return Framed(0x10, {Str("MQTT"), 5, flags, TwoBytes(0), Props({properties}), payload});
}
template <int kFirstByte>
WireBytes Ack(const WireBytes& properties) {
  return Framed(kFirstByte, {TwoBytes(1), 0, Props({properties})});
}
const Place kPlaces[] = {
    {"CONNECT", kC, [](const WireBytes& p) { return Connect(2, p, Str("c")); }},
    {"WILL", kC,
     [](const WireBytes& p) {
       return Connect(6, {}, Wire({Str("c"), Props({p}), Str("w"), Str("")}));
     }},
    {"CONNACK", kS,
     [](const WireBytes& p) {
       return Framed(0x20, {0, 0, Props({p})});
     }},
    {"PUBLISH", kC,
     [](const WireBytes& p) {
       return Framed(0x30, {Str("a"), Props({p})});
     }},
    {"PUBLISH", kS,
     [](const WireBytes& p) {
       return Framed(0x30, {Str("a"), Props({p})});
     }},
    {"PUBACK", kC, Ack<0x40>},
    {"PUBACK", kS, Ack<0x40>},
    {"PUBREC", kC, Ack<0x50>},
    {"PUBREC", kS, Ack<0x50>},
    {"PUBREL", kC, Ack<0x62>},
    {"PUBREL", kS, Ack<0x62>},
    {"PUBCOMP", kC, Ack<0x70>},
    {"PUBCOMP", kS, Ack<0x70>},
    {"SUBSCRIBE", kC,
     [](const WireBytes& p) {
       return Framed(0x82, {TwoBytes(1), Props({p}), Str("a"), 0});
     }},
    {"SUBACK", kS,
     [](const WireBytes& p) {
       return Framed(0x90, {TwoBytes(1), Props({p}), 0});
     }},
    {"UNSUBSCRIBE", kC,
     [](const WireBytes& p) {
       return Framed(0xA2, {TwoBytes(1), Props({p}), Str("a")});
     }},
    {"UNSUBACK", kS,
     [](const WireBytes& p) {
       return Framed(0xB0, {TwoBytes(1), Props({p}), 0});
     }},
    {"DISCONNECT", kC,
     [](const WireBytes& p) {
       return Framed(0xE0, {0, Props({p})});
     }},
    {"DISCONNECT", kS,
     [](const WireBytes& p) {
       return Framed(0xE0, {0, Props({p})});
     }},
    {"AUTH", kC,
     [](const WireBytes& p) {
       return Framed(0xF0, {0x18, Props({p})});
     }},
    {"AUTH", kS,
     [](const WireBytes& p) {
       return Framed(0xF0, {0x18, Props({p})});
     }},
};

DecodeResult Decode(const Place& place, const WireBytes& bytes) {
  Decoder decoder(place.sender);
  decoder.set_version(Version::k5);
  return decoder.Next(bytes);
}

// AUTH needs a method and authentication data one beside it, if they are not what is tested.
WireBytes WithNeeds(const Place& place, int id, const WireBytes& properties) {
  const bool needs_method = id != 0x15 && (std::string(place.name) == "AUTH" || id == 0x16);
  return needs_method ? Wire({0x15, Str("SCRAM"), properties}) : properties;
}

std::string Trace(int id, const Place& place) {
  return "property " + std::to_string(id) + " in " + place.name + " from " +
         (place.sender == kC ? "client" : "server");
}

enum class Verdict { kAllowed, kOtherSender, kNotHere };
Verdict VerdictOf(int id, const Place& place) {
  const auto row = kTable.find(id);
  if (row == kTable.end()) return Verdict::kNotHere;
  const std::string words = " " + row->second.packets + " ";
  const std::string name = std::string(" ") + place.name;
  const char* const own = place.sender == kC ? ":C " : ":S ";
  if (words.find(name + " ") != std::string::npos || words.find(name + own) != std::string::npos)
    return Verdict::kAllowed;
  return words.find(name + ":") != std::string::npos ? Verdict::kOtherSender : Verdict::kNotHere;
}

TEST(PropertyTable, HasARowForEachPropertyOfTheSpecification) {
  EXPECT_EQ(kPropertyTable.size(), kTable.size());
  for (const auto& [id, expected] : kTable) {
    const PropertyRow* const row = FindProperty(static_cast<std::uint32_t>(id));
    ASSERT_NE(row, nullptr) << id;
    EXPECT_EQ(static_cast<int>(row->id), id);
    EXPECT_FALSE(row->name.empty());
  }
  EXPECT_EQ(FindProperty(0), nullptr);
  EXPECT_EQ(FindProperty(268'435'455), nullptr);
}

TEST(Properties, AreAcceptedWhereTheTableSaysAndMalformedElsewhere) {
  for (int id = 0; id < 128; ++id) {
    const auto row = kTable.find(id);
    const WireBytes property = Wire({id, row == kTable.end() ? WireBytes{0} : row->second.value});
    for (const Place& place : kPlaces) {
      SCOPED_TRACE(Trace(id, place));
      const DecodeResult result = Decode(place, place.make(WithNeeds(place, id, property)));
      switch (VerdictOf(id, place)) {
        case Verdict::kAllowed:
          EXPECT_EQ(result.status, DecodeStatus::kPacket) << result.explanation;
          break;
        case Verdict::kOtherSender:
          EXPECT_EQ(result.status, DecodeStatus::kMalformed);
          EXPECT_EQ(result.reason, ReasonCode::kProtocolError);
          break;
        case Verdict::kNotHere:
          EXPECT_EQ(result.status, DecodeStatus::kMalformed);
          EXPECT_EQ(result.reason, ReasonCode::kMalformedPacket);
          break;
      }
    }
  }
}

TEST(Properties, AreAProtocolErrorWhenGivenTwiceButForTheTwoThatMayRepeat) {
  for (const auto& [id, expected] : kTable) {
    const WireBytes one = Wire({id, expected.value});
    for (const Place& place : kPlaces) {
      if (VerdictOf(id, place) != Verdict::kAllowed) continue;
      SCOPED_TRACE(Trace(id, place));
      const DecodeResult result = Decode(place, place.make(WithNeeds(place, id, Wire({one, one}))));
      const bool may_repeat = id == 0x26 || (id == 0x0B && std::string(place.name) == "PUBLISH");
      EXPECT_EQ(result.status, may_repeat ? DecodeStatus::kPacket : DecodeStatus::kMalformed);
      if (!may_repeat) {
        EXPECT_EQ(result.reason, ReasonCode::kProtocolError);
      }
    }
  }
}

TEST(Properties, AreMalformedWhenCutShortOrTheirLengthRunsOver) {
  for (const auto& [id, expected] : kTable) {
    const WireBytes whole = Wire({id, expected.value});
    for (const Place& place : kPlaces) {
      if (VerdictOf(id, place) != Verdict::kAllowed) continue;
      SCOPED_TRACE(Trace(id, place));
      for (std::size_t size = 1; size < whole.size(); ++size) {
        const DecodeResult result = Decode(
            place,
            place.make(WithNeeds(place, id, WireBytes(whole.begin(), whole.begin() + size))));
        EXPECT_EQ(result.status, DecodeStatus::kMalformed) << size;
        EXPECT_EQ(result.reason, ReasonCode::kMalformedPacket) << size;
      }
    }
  }
}

TEST(Properties, RefuseValuesOutOfBounds) {
  const struct {
    const char* place;
    WireBytes property;
    ReasonCode reason;
  } kCases[] = {
      {"PUBLISH", {0x01, 2}, ReasonCode::kProtocolError},
      {"WILL", {0x01, 2}, ReasonCode::kProtocolError},
      {"PUBLISH", {0x23, 0, 0}, ReasonCode::kTopicAliasInvalid},  // [MQTT-3.3.2-8]
      {"SUBSCRIBE", {0x0B, 0}, ReasonCode::kProtocolError},
      {"CONNECT", {0x17, 2}, ReasonCode::kProtocolError},
      {"CONNECT", {0x19, 2}, ReasonCode::kProtocolError},
      {"CONNECT", {0x21, 0, 0}, ReasonCode::kProtocolError},
      {"CONNECT", {0x27, 0, 0, 0, 0}, ReasonCode::kProtocolError},
      {"CONNACK", {0x24, 2}, ReasonCode::kProtocolError},
      {"CONNACK", {0x25, 2}, ReasonCode::kProtocolError},
      {"CONNACK", {0x28, 2}, ReasonCode::kProtocolError},
      {"CONNACK", {0x29, 2}, ReasonCode::kProtocolError},
      {"CONNACK", {0x2A, 2}, ReasonCode::kProtocolError},
      {"CONNACK", {0x21, 0, 0}, ReasonCode::kProtocolError},
      {"CONNACK", {0x27, 0, 0, 0, 0}, ReasonCode::kProtocolError},
      // Response Topic with a wildcard [MQTT-3.3.2-14].
      {"PUBLISH", Wire({0x08, Str("a/+")}), ReasonCode::kProtocolError},
      {"WILL", Wire({0x08, Str("#")}), ReasonCode::kProtocolError},
      // Text [MQTT-3.3.2-13], [MQTT-3.3.2-19], [MQTT-1.5.7-1].
      {"PUBLISH", Wire({0x08, Str("a\xFF")}), ReasonCode::kMalformedPacket},
      {"PUBLISH", Wire({0x03, Str("\xC0\x80")}), ReasonCode::kMalformedPacket},
      {"PUBLISH", Wire({0x26, Str("\x01"), Str("v")}), ReasonCode::kMalformedPacket},
      {"PUBLISH", Wire({0x26, Str("n"), Str("\xFF")}), ReasonCode::kMalformedPacket},
      {"CONNECT", Wire({0x15, Str("\xED\xA0\x80")}), ReasonCode::kMalformedPacket},
      // An identifier in two bytes, its value in one, is no property whatever it adds up to
      // [MQTT-1.5.5-1].
      {"PUBLISH", {0x81, 0x00, 1}, ReasonCode::kMalformedPacket},
      {"PUBLISH", {0x81, 0x01, 1}, ReasonCode::kMalformedPacket},
  };
  for (const auto& [name, property, reason] : kCases) {
    for (const Place& place : kPlaces) {
      if (std::string(place.name) != name) continue;
      const DecodeResult result = Decode(place, place.make(property));
      EXPECT_EQ(result.status, DecodeStatus::kMalformed)
          << name << testing::PrintToString(property);
      EXPECT_EQ(result.reason, reason)
          << name << testing::PrintToString(property) << result.explanation;
    }
  }
}

TEST(Properties, MayHoldAnyBytesWhereTheyAreBinary) {
  const Place& publish = kPlaces[3];
  EXPECT_EQ(Decode(publish, publish.make(Wire({0x09, Str("\xFF\xC0")}))).status,
            DecodeStatus::kPacket);
}

TEST(PropertyReader, WalksInWireOrderWithTheRawBytesOfEach) {
  const WireBytes raw = Wire({0x26, Str("n"), Str("v"),     // User Property
                              0x0B, 0xFF, 0x7F,             // Subscription Identifier 16383
                              0x02, FourBytes(0x01020304),  // Message Expiry Interval
                              0x23, TwoBytes(0x1234),       // Topic Alias
                              0x01, 1,                      // Payload Format Indicator
                              0x09, Str(std::string_view("\0\xFF", 2))});  // Correlation Data
  PropertyReader reader(PropertiesView{raw});
  Property property;
  ASSERT_TRUE(reader.Next(property));
  EXPECT_EQ(property.id, PropertyId::kUserProperty);
  EXPECT_EQ(AsText(property.data), "n");
  EXPECT_EQ(AsText(property.value), "v");
  EXPECT_EQ(property.raw.size(), 7u);
  EXPECT_EQ(property.raw.data(), raw.data());
  ASSERT_TRUE(reader.Next(property));
  EXPECT_EQ(property.id, PropertyId::kSubscriptionIdentifier);
  EXPECT_EQ(property.number, 16'383u);
  EXPECT_TRUE(property.data.empty());
  ASSERT_TRUE(reader.Next(property));
  EXPECT_EQ(property.number, 0x01020304u);
  ASSERT_TRUE(reader.Next(property));
  EXPECT_EQ(property.number, 0x1234u);
  ASSERT_TRUE(reader.Next(property));
  EXPECT_EQ(property.number, 1u);
  ASSERT_TRUE(reader.Next(property));
  EXPECT_EQ(AsText(property.data), std::string_view("\0\xFF", 2));
  EXPECT_EQ(property.raw.data() + property.raw.size(), raw.data() + raw.size());
  EXPECT_FALSE(reader.Next(property));
  EXPECT_FALSE(reader.Next(property));
}

TEST(CopyForwardedProperties, KeepsWhatBelongsToTheMessageInOrder_MQTT_3_3_2_18) {
  const WireBytes user1 = Wire({0x26, Str("b"), Str("1")});
  const WireBytes user2 = Wire({0x26, Str("a"), Str("2")});
  const WireBytes format = {0x01, 1};
  const WireBytes type = Wire({0x03, Str("t")});
  const WireBytes response = Wire({0x08, Str("r")});
  const WireBytes correlation = Wire({0x09, Str("c")});
  const WireBytes raw = Wire({0x23, TwoBytes(1), user1, 0x02, FourBytes(9), format, type, 0x0B, 5,
                              response, correlation, 0x18, FourBytes(7), user2});
  ByteBuffer out;
  out.AppendByte('!');
  CopyForwardedProperties(PropertiesView{raw}, out);
  const WireBytes expected = Wire({"!", user1, format, type, response, correlation, user2});
  EXPECT_EQ(WireBytes(out.bytes().begin(), out.bytes().end()), expected);
}

TEST(CopyForwardedProperties, AppendsNothingForNoProperties) {
  ByteBuffer out;
  CopyForwardedProperties({}, out);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace tandem::mqtt
