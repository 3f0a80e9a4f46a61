// CONNECT, CONNACK, DISCONNECT, AUTH on the wire.
#include <gtest/gtest.h>

#include "tests/proto/mqtt/decode.h"

namespace tandem::mqtt {
namespace {

WireBytes Connect311(int flags, const WireBytes& payload) {
  return Framed(0x10, {Str("MQTT"), 4, flags, TwoBytes(0), payload});
}
WireBytes Connect31(int flags, const WireBytes& payload) {
  return Framed(0x10, {Str("MQIsdp"), 3, flags, TwoBytes(0), payload});
}
WireBytes Connect5(int flags, const WireBytes& payload, const WireBytes& properties = {}) {
  return Framed(0x10, {Str("MQTT"), 5, flags, TwoBytes(0), Props({properties}), payload});
}

TEST(Connect, IsReadFieldByFieldIn5) {
  const WireBytes bytes = Wire({0x10, 0x40,                  // CONNECT, 64 bytes
                                0x00, 0x04, "MQTT",   0x05,  // name, level
                                0xD6,        // user, password, will QoS 2, will, clean
                                0x01, 0x2C,  // keep alive 300
                                0x0B,        // property length
                                0x11, 0x00, 0x00,     0x0E, 0x10,          // session expiry 3600
                                0x21, 0x00, 0x14,                          // receive maximum 20
                                0x22, 0x00, 0x05,                          // topic alias maximum 5
                                0x00, 0x03, "dev",                         // client id
                                0x0A,                                      // will property length
                                0x18, 0x00, 0x00,     0x00, 0x1E,          // will delay 30
                                0x02, 0x00, 0x00,     0x00, 0x3C,          // will expiry 60
                                0x00, 0x06, "will/t",                      // will topic
                                0x00, 0x04, "gone",                        // will payload
                                0x00, 0x04, "user",                        // user name
                                0x00, 0x04, 0x00,     0xFF, 0xC0, 0x01});  // password
  ASSERT_EQ(bytes.size(), 2u + 0x40u);
  const DecodeResult result = DecodeFirst(bytes);
  const ConnectView connect = Get<ConnectView>(result);
  EXPECT_EQ(connect.version, Version::k5);
  EXPECT_EQ(result.requested_level, 5);
  EXPECT_TRUE(connect.clean_start);
  EXPECT_EQ(connect.keep_alive_s, 300);
  EXPECT_EQ(connect.session_expiry_s, 3600u);
  EXPECT_EQ(connect.receive_maximum, 20);
  EXPECT_EQ(connect.topic_alias_maximum, 5);
  EXPECT_EQ(connect.client_id, "dev");
  ASSERT_TRUE(connect.will);
  EXPECT_EQ(connect.will->qos, QoS::kExactlyOnce);
  EXPECT_FALSE(connect.will->retain);
  EXPECT_EQ(connect.will->delay_s, 30u);
  EXPECT_EQ(connect.will->message_expiry_s, 60u);
  EXPECT_EQ(connect.will->topic, "will/t");
  EXPECT_EQ(AsText(connect.will->payload), "gone");
  EXPECT_EQ(connect.user_name, "user");
  ASSERT_TRUE(connect.password);
  EXPECT_EQ(connect.password->size(), 4u);
}

TEST(Connect, HasTheDefaultsOfTheSpecificationIn5) {
  const WireBytes bytes = Connect5(0x00, Str(""));
  const ConnectView connect = Get<ConnectView>(DecodeFirst(bytes));
  EXPECT_FALSE(connect.clean_start);
  EXPECT_EQ(connect.session_expiry_s, 0u);
  EXPECT_EQ(connect.receive_maximum, 65'535);
  EXPECT_EQ(connect.maximum_packet_size, UINT32_MAX);
  EXPECT_EQ(connect.topic_alias_maximum, 0);
  EXPECT_FALSE(connect.request_response_information);
  EXPECT_TRUE(connect.request_problem_information);
  EXPECT_FALSE(connect.authentication_method);
  EXPECT_FALSE(connect.user_name);
  EXPECT_FALSE(connect.password);
  EXPECT_FALSE(connect.will);
}

TEST(Connect, DerivesTheSessionExpiryFromCleanSessionBefore5) {
  const WireBytes clean = Connect311(0x02, Str("c"));
  EXPECT_EQ(Get<ConnectView>(DecodeFirst(clean)).session_expiry_s, 0u);
  const WireBytes kept = Connect311(0x00, Str("c"));
  EXPECT_EQ(Get<ConnectView>(DecodeFirst(kept)).session_expiry_s, UINT32_MAX);
}

TEST(Connect, KnowsABridgeByBit7OfTheLevel) {
  for (const auto& [name, level] : {std::pair{"MQIsdp", 3}, std::pair{"MQTT", 4}}) {
    const WireBytes bytes = Framed(0x10, {Str(name), 0x80 | level, 0x02, TwoBytes(0), Str("c")});
    const DecodeResult result = DecodeFirst(bytes);
    EXPECT_TRUE(Get<ConnectView>(result).bridge);
    EXPECT_EQ(static_cast<int>(Get<ConnectView>(result).version), level);
    EXPECT_EQ(result.requested_level, level);
  }
  const WireBytes plain = Connect311(0x02, Str("c"));
  EXPECT_FALSE(Get<ConnectView>(DecodeFirst(plain)).bridge);
}

TEST(Connect, LetsTheServerAnswerAnUnknownLevelInItsForm_MQTT_3_1_2_2) {
  for (const int level : {0, 1, 2, 3, 6, 127, 0x82, 0x86, 255}) {
    const DecodeResult result =
        DecodeFirst(Framed(0x10, {Str("MQTT"), level, 0x02, TwoBytes(0), Str("c")}));
    ExpectRefused(result, ReasonCode::kUnsupportedProtocolVersion);
    EXPECT_EQ(result.requested_level, level);
  }
  ExpectRefused(DecodeFirst(Framed(0x10, {Str("MQIsdp"), 4, 0x02, TwoBytes(0), Str("c")})),
                ReasonCode::kUnsupportedProtocolVersion);
}

TEST(Connect, RefusesAnotherProtocolName_MQTT_3_1_2_1) {
  for (const char* name : {"mqtt", "MQTt", "MQT", "MQTTT", "", "HTTP", "MQISDP"}) {
    ExpectRefused(DecodeFirst(Framed(0x10, {Str(name), 5, 0x02, TwoBytes(0), 0, Str("c")})),
                  ReasonCode::kUnsupportedProtocolVersion);
    // No code of 3.1.1 fits, so its CONNACK stays away.
    ExpectMalformed(DecodeFirst(Framed(0x10, {Str(name), 4, 0x02, TwoBytes(0), Str("c")})));
  }
}

TEST(Connect, ChecksTheReservedFlag_MQTT_3_1_2_3) {
  ExpectMalformed(DecodeFirst(Connect5(0x03, Str("c"))));
  ExpectMalformed(DecodeFirst(Connect311(0x03, Str("c"))));
  ExpectAccepted(DecodeFirst(Connect31(0x03, Str("c"))));
}

TEST(Connect, RefusesWillQoSWithoutAWill_MQTT_3_1_2_11) {
  for (const int qos : {1, 2, 3}) {
    ExpectMalformed(DecodeFirst(Connect5(0x02 | qos << 3, Str("c"))));
    ExpectMalformed(DecodeFirst(Connect311(0x02 | qos << 3, Str("c"))));
  }
}

TEST(Connect, RefusesWillRetainWithoutAWill_MQTT_3_1_2_13) {
  ExpectMalformed(DecodeFirst(Connect5(0x22, Str("c"))));
  ExpectMalformed(DecodeFirst(Connect311(0x22, Str("c"))));
}

TEST(Connect, RefusesWillQoS3_MQTT_3_1_2_12) {
  const WireBytes will = Wire({Str("c"), Str("w"), Str("")});
  ExpectMalformed(DecodeFirst(Connect5(0x1E, Wire({Str("c"), 0, Str("w"), Str("")}))));
  ExpectMalformed(DecodeFirst(Connect311(0x1E, will)));
  ExpectMalformed(DecodeFirst(Connect31(0x1E, will)));
}

TEST(Connect, NeedsTheWillThatItsFlagAnnounces_MQTT_3_1_2_9) {
  ExpectMalformed(DecodeFirst(Connect5(0x06, Str("c"))));
  ExpectMalformed(DecodeFirst(Connect5(0x06, Wire({Str("c"), 0, Str("w")}))));
  ExpectMalformed(DecodeFirst(Connect311(0x06, Wire({Str("c"), Str("w")}))));
}

TEST(Connect, RefusesFieldsThatNoFlagAnnounces_MQTT_3_1_2_16) {
  ExpectMalformed(DecodeFirst(Connect5(0x02, Wire({Str("c"), Str("user")}))));
  ExpectMalformed(DecodeFirst(Connect311(0x02, Wire({Str("c"), Str("user")}))));
  ExpectMalformed(DecodeFirst(Connect31(0x02, Wire({Str("c"), Str("user")}))));
}

TEST(Connect, NeedsTheUserNameThatItsFlagAnnounces_MQTT_3_1_2_17) {
  ExpectMalformed(DecodeFirst(Connect5(0x82, Str("c"))));
  ExpectMalformed(DecodeFirst(Connect311(0x82, Str("c"))));
}

TEST(Connect, NeedsThePasswordThatItsFlagAnnounces_MQTT_3_1_2_19) {
  ExpectMalformed(DecodeFirst(Connect5(0xC2, Wire({Str("c"), Str("u")}))));
  ExpectMalformed(DecodeFirst(Connect311(0xC2, Wire({Str("c"), Str("u")}))));
}

TEST(Connect, LetsTheRemainingLengthOverruleThoseFlagsIn31) {
  const WireBytes no_user = Connect31(0xC2, Str("c"));
  EXPECT_FALSE(Get<ConnectView>(DecodeFirst(no_user)).user_name);
  const WireBytes no_password = Connect31(0xC2, Wire({Str("c"), Str("u")}));
  EXPECT_EQ(Get<ConnectView>(DecodeFirst(no_password)).user_name, "u");
  EXPECT_FALSE(Get<ConnectView>(DecodeFirst(no_password)).password);
}

TEST(Connect, RefusesAPasswordWithoutAUserNameBefore5) {
  // MQTT-3.1.2-22 of 3.1.1; 5.0 allows it.
  const WireBytes payload = Wire({Str("c"), Str("secret")});
  ExpectMalformed(DecodeFirst(Connect311(0x42, payload)));
  ExpectMalformed(DecodeFirst(Connect31(0x42, payload)));
  ExpectAccepted(DecodeFirst(Connect5(0x42, payload)));
}

TEST(Connect, NeedsAClientIdField_MQTT_3_1_3_3) {
  ExpectMalformed(DecodeFirst(Connect5(0x02, {})));
  ExpectMalformed(DecodeFirst(Connect311(0x02, {})));
}

TEST(Connect, HoldsItsStringsToUtf8_MQTT_1_5_4_1) {
  const WireBytes bad = Str("\xFF");
  ExpectMalformed(DecodeFirst(Connect5(0x02, bad)));  // client id
  ExpectMalformed(DecodeFirst(Connect311(0x02, bad)));
  ExpectMalformed(DecodeFirst(Connect311(0x82, Wire({Str("c"), bad}))));           // user name
  ExpectMalformed(DecodeFirst(Connect311(0x06, Wire({Str("c"), bad, Str("")}))));  // will topic
  ExpectAccepted(DecodeFirst(Connect311(0x06, Wire({Str("c"), Str("w"), bad}))));  // will payload
  ExpectAccepted(DecodeFirst(Connect311(0xC2, Wire({Str("c"), Str("u"), bad}))));  // password
}

TEST(Connect, TakesAnyBytesAsNamesIn31ButNoTopicThatWouldHurtOthers) {
  const WireBytes latin1 = Str("caf\xE9");
  ExpectAccepted(DecodeFirst(Connect31(0x02, latin1)));
  ExpectAccepted(DecodeFirst(Connect31(0x82, Wire({Str("c"), latin1}))));
  ExpectMalformed(DecodeFirst(Connect31(0x06, Wire({Str("c"), latin1, Str("")}))));
}

TEST(Connect, RefusesAuthenticationDataWithoutAMethod) {
  ExpectProtocolError(DecodeFirst(Connect5(0x02, Str("c"), Wire({0x16, Str("data")}))));
  ExpectAccepted(DecodeFirst(Connect5(0x02, Str("c"), Wire({0x16, Str("data"), 0x15, Str("m")}))));
}

TEST(Connect, TellsTheLevelOfAMalformedOne) {
  EXPECT_EQ(DecodeFirst(Connect5(0x03, Str("c"))).requested_level, 5);
  EXPECT_EQ(DecodeFirst(Connect311(0x03, Str("c"))).requested_level, 4);
  EXPECT_EQ(DecodeFirst(Wire({0x10, 2, 0, 9})).requested_level, 0);
}

TEST(Connack, IsReadIn3) {
  const ConnackView& connack =
      Get<ConnackView>(FromServer(Version::k311, {0x20, 0x02,  // CONNACK, 2 bytes
                                                  0x01,        // session present
                                                  0x00}));     // accepted
  EXPECT_TRUE(connack.session_present);
  EXPECT_EQ(connack.reason, ReasonCode::kSuccess);
  EXPECT_EQ(Get<ConnackView>(FromServer(Version::k311, {0x20, 2, 0, 1})).reason,
            ReasonCode::kUnsupportedProtocolVersion);
  EXPECT_FALSE(Get<ConnackView>(FromServer(Version::k31, {0x20, 2, 1, 0})).session_present);
  ExpectMalformed(FromServer(Version::k311, {0x20, 2, 0, 6}));
  ExpectMalformed(FromServer(Version::k311, {0x20, 3, 0, 0, 0}));
  ExpectMalformed(FromServer(Version::k311, {0x20, 1, 0}));
}

TEST(Connack, HasReservedFlagsOfZero_MQTT_3_2_2_1) {
  ExpectMalformed(FromServer(Version::k5, {0x20, 3, 0x02, 0, 0}));
  ExpectMalformed(FromServer(Version::k311, {0x20, 2, 0x80, 0}));
}

TEST(Connack, HasOnlyTheCodesOfItsTable_MQTT_3_2_2_8) {
  ExpectProtocolError(FromServer(Version::k5, {0x20, 3, 0, 0x8E, 0}));
  ExpectAccepted(FromServer(Version::k5, {0x20, 3, 0, 0x8C, 0}));
}

TEST(Connack, NeedsItsPropertyLengthIn5_MQTT_2_2_2_1) {
  ExpectMalformed(FromServer(Version::k5, {0x20, 2, 0, 0}));
}

TEST(Disconnect, HasThreeFormsIn5) {
  EXPECT_EQ(Get<DisconnectView>(FromClient(Version::k5, {0xE0, 0})).reason, ReasonCode::kSuccess);
  EXPECT_EQ(Get<DisconnectView>(FromClient(Version::k5, {0xE0, 1, 4})).reason,
            ReasonCode::kDisconnectWithWill);
  const WireBytes bytes = Wire({0xE0, 0x07,                      // DISCONNECT, 7 bytes
                                0x00, 0x05,                      // normal, property length
                                0x11, 0x00, 0x00, 0x00, 0x00});  // session expiry 0
  EXPECT_EQ(Get<DisconnectView>(FromClient(Version::k5, bytes)).session_expiry_s, 0u);
}

TEST(Disconnect, HasNoBodyBefore5) {
  ExpectAccepted(FromClient(Version::k311, {0xE0, 0}));
  ExpectMalformed(FromClient(Version::k311, {0xE0, 1, 0}));
  ExpectMalformed(FromClient(Version::k31, {0xE0, 1, 0}));
}

TEST(Disconnect, HasOnlyTheCodesOfItsSender_MQTT_3_14_2_1) {
  ExpectProtocolError(FromClient(Version::k5, {0xE0, 1, 0x8E}));
  ExpectProtocolError(FromClient(Version::k5, {0xE0, 1, 0xFF}));
  ExpectProtocolError(FromServer(Version::k5, {0xE0, 1, 0x04}));
  ExpectAccepted(FromServer(Version::k5, {0xE0, 1, 0x8E}));
}

TEST(Disconnect, CarriesNoSessionExpiryFromTheServer_MQTT_3_14_2_2) {
  ExpectProtocolError(FromServer(Version::k5, Framed(0xE0, {0, Props({0x11, FourBytes(1)})})));
}

TEST(Auth, IsRead) {
  const WireBytes bytes = Wire({0xF0, 0x0E,                 // AUTH, 14 bytes
                                0x18, 0x0C,                 // continue, property length
                                0x15, 0x00, 0x05, "SCRAM",  // method
                                0x16, 0x00, 0x01, 0xFF});   // data
  const AuthView auth = Get<AuthView>(FromClient(Version::k5, bytes));
  EXPECT_EQ(auth.reason, ReasonCode::kContinueAuthentication);
  EXPECT_EQ(auth.authentication_method, "SCRAM");
  EXPECT_EQ(auth.authentication_data->size(), 1u);
}

TEST(Auth, HasOnlyTheCodesOfItsSender_MQTT_3_15_2_1) {
  const auto auth = [](int code) { return Framed(0xF0, {code, Props({0x15, Str("m")})}); };
  ExpectProtocolError(FromClient(Version::k5, auth(0x00)));
  ExpectAccepted(FromClient(Version::k5, auth(0x19)));
  ExpectProtocolError(FromServer(Version::k5, auth(0x19)));
  ExpectAccepted(FromServer(Version::k5, auth(0x00)));
  ExpectProtocolError(FromClient(Version::k5, auth(0x80)));
}

TEST(Auth, NeedsAMethod) {
  ExpectProtocolError(FromClient(Version::k5, {0xF0, 0}));
  ExpectProtocolError(FromClient(Version::k5, {0xF0, 2, 0x18, 0}));
  ExpectProtocolError(FromServer(Version::k5, {0xF0, 0}));
}

}  // namespace
}  // namespace tandem::mqtt
