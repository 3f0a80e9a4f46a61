#include "tests/proto/mqtt/sample_packets.h"

namespace tandem::mqtt {
namespace {

constexpr Sender kClient = Sender::kClient;
constexpr Sender kServer = Sender::kServer;
constexpr Version k31 = Version::k31;
constexpr Version k311 = Version::k311;
constexpr Version k5 = Version::k5;

const WireBytes kReason = Wire({0x1F, Str("why")});           // Reason String
const WireBytes kUser = Wire({0x26, Str("name"), Str("v")});  // User Property

void AddConnects(std::vector<SamplePacket>& all) {
  all.push_back({"Connect31", kClient, k31,
                 Framed(0x10, {Str("MQIsdp"), 3, 0x02, TwoBytes(60), Str("sensor")})});
  all.push_back({"Connect31MissingUserName", kClient, k31,
                 Framed(0x10, {Str("MQIsdp"), 3, 0xC2, TwoBytes(60), Str("sensor")}), false});
  all.push_back({"Connect311", kClient, k311,
                 Framed(0x10, {Str("MQTT"), 4, 0x02, TwoBytes(60), Str("sensor")})});
  all.push_back({"Connect311Bridge", kClient, k311,
                 Framed(0x10, {Str("MQTT"), 0x84, 0x00, TwoBytes(60), Str("bridge")})});
  all.push_back({"Connect311Full", kClient, k311,
                 Framed(0x10, {Str("MQTT"), 4, 0xF6, TwoBytes(10), Str("sensor"), Str("will/topic"),
                               Str("gone"), Str("user"), Str(std::string_view("\0\xFF", 2))})});
  all.push_back({"Connect5", kClient, k5,
                 Framed(0x10, {Str("MQTT"), 5, 0x02, TwoBytes(60), Props({}), Str("")})});
  all.push_back(
      {"Connect5PasswordAlone", kClient, k5,
       Framed(0x10, {Str("MQTT"), 5, 0x42, TwoBytes(60), Props({}), Str("c"), Str("secret")})});
  all.push_back({"Connect5Full", kClient, k5,
                 Framed(0x10, {Str("MQTT"), 5, 0xEE, TwoBytes(60),
                               Props({0x11, FourBytes(3600),    // Session Expiry Interval
                                      0x21, TwoBytes(20),       // Receive Maximum
                                      0x27, FourBytes(100000),  // Maximum Packet Size
                                      0x22, TwoBytes(10),       // Topic Alias Maximum
                                      0x19, 1,                  // Request Response Information
                                      0x17, 0,                  // Request Problem Information
                                      0x15, Str("SCRAM"),       // Authentication Method
                                      0x16, Str("data"),        // Authentication Data
                                      kUser, kUser}),
                               Str("client"),
                               Props({0x18, FourBytes(30),    // Will Delay Interval
                                      0x02, FourBytes(60),    // Message Expiry Interval
                                      0x01, 1,                // Payload Format Indicator
                                      0x03, Str("text"),      // Content Type
                                      0x08, Str("reply/to"),  // Response Topic
                                      0x09, Str("corr"),      // Correlation Data
                                      kUser}),
                               Str("will/topic"), Str("gone"), Str("user"), Str("secret")})});
  all.push_back({"Connect5Defaults", kClient, k5,
                 Framed(0x10, {Str("MQTT"), 5, 0x06, TwoBytes(60),
                               Props({0x17, 1, 0x19, 0, 0x11, FourBytes(0), 0x21, TwoBytes(65535)}),
                               Str("client"), Props({0x18, FourBytes(0)}), Str("w"), Str("")}),
                 false});
}

void AddConnacks(std::vector<SamplePacket>& all) {
  all.push_back({"Connack31", kServer, k31, Wire({0x20, 2, 0, 0})});
  all.push_back({"Connack311", kServer, k311, Wire({0x20, 2, 1, 0})});
  all.push_back({"Connack311Refused", kServer, k311, Wire({0x20, 2, 0, 5})});
  all.push_back({"Connack5", kServer, k5, Wire({0x20, 3, 1, 0, 0})});
  all.push_back({"Connack5Refused", kServer, k5,
                 Framed(0x20, {0, 0x9C, Props({kReason, 0x1C, Str("other:1883")})})});
  all.push_back({"Connack5Full", kServer, k5,
                 Framed(0x20, {0, 0, Props({0x11,    FourBytes(7200),   // Session Expiry Interval
                                            0x21,    TwoBytes(100),     // Receive Maximum
                                            0x24,    1,                 // Maximum QoS
                                            0x25,    0,                 // Retain Available
                                            0x27,    FourBytes(65536),  // Maximum Packet Size
                                            0x12,    Str("auto-1"),  // Assigned Client Identifier
                                            0x22,    TwoBytes(5),    // Topic Alias Maximum
                                            kReason, 0x28,
                                            0,           // Wildcard Subscription Available
                                            0x29,    0,  // Subscription Identifier Available
                                            0x2A,    0,  // Shared Subscription Available
                                            0x13,    TwoBytes(30),  // Server Keep Alive
                                            0x1A,    Str("resp"),   // Response Information
                                            0x1C,    Str("host"),   // Server Reference
                                            0x15,    Str("SCRAM"),  // Authentication Method
                                            0x16,    Str("data"),   // Authentication Data
                                            kUser})})});
}

void AddPublishes(std::vector<SamplePacket>& all) {
  for (const Sender sender : {kClient, kServer}) {
    const std::string from = sender == kClient ? "FromClient" : "FromServer";
    for (const Version version : {k31, k311}) {
      const std::string suffix = from + (version == k31 ? "31" : "311");
      all.push_back({"PublishQoS0" + suffix, sender, version, Framed(0x30, {Str("a/b"), "hello"})});
      all.push_back({"PublishQoS1" + suffix, sender, version,
                     Framed(0x3B, {Str("a/b"), TwoBytes(1), "hello"})});
      all.push_back(
          {"PublishEmpty" + suffix, sender, version, Framed(0x34, {Str("a"), TwoBytes(65535)})});
    }
    all.push_back(
        {"PublishQoS0" + from, sender, k5, Framed(0x31, {Str("a/b"), Props({}), "hello"})});
    all.push_back({"PublishQoS2" + from, sender, k5,
                   Framed(0x3C, {Str("a/b"), TwoBytes(7), Props({}), "hello"})});
    all.push_back({"PublishAliasOnly" + from, sender, k5,
                   Framed(0x30, {Str(""), Props({0x23, TwoBytes(1)}), "x"})});
    all.push_back({"PublishFull" + from, sender, k5,
                   Framed(0x32, {Str("a/b"), TwoBytes(1),
                                 Props({0x23, TwoBytes(9),        // Topic Alias
                                        0x02, FourBytes(120),     // Message Expiry Interval
                                        0x01, 0,                  // Payload Format Indicator
                                        0x03, Str("text/plain"),  // Content Type
                                        0x08, Str("reply"),       // Response Topic
                                        0x09, Str("id"),          // Correlation Data
                                        kUser, kUser}),
                                 "payload"})});
  }
  all.push_back({"PublishSubscriptionIds", kServer, k5,
                 Framed(0x30, {Str("a"), Props({0x0B, 1, 0x0B, VarBytes(268435455)}), "x"})});
  all.push_back({"PublishLongPayload", kClient, k5,
                 Framed(0x30, {Str("long"), Props({}), std::string(200, 'p')})});
  all.push_back({"PublishUtf8Topic", kClient, k311,
                 Framed(0x30, {Str("T\xC3\xBCr/\xE2\x82\xAC/\xF0\x9F\x98\x80"), "x"})});
}

void AddAcks(std::vector<SamplePacket>& all) {
  struct Kind {
    const char* name;
    int first_byte;
    int error;
  };
  for (const Kind& kind : {Kind{"Puback", 0x40, 0x97}, Kind{"Pubrec", 0x50, 0x87},
                           Kind{"Pubrel", 0x62, 0x92}, Kind{"Pubcomp", 0x70, 0x92}}) {
    for (const Sender sender : {kClient, kServer}) {
      const std::string name =
          std::string(kind.name) + (sender == kClient ? "FromClient" : "FromServer");
      for (const Version version : {k31, k311, k5}) {
        all.push_back({name + std::to_string(static_cast<int>(version)), sender, version,
                       Wire({kind.first_byte, 2, TwoBytes(513)})});
      }
      all.push_back(
          {name + "Code", sender, k5, Wire({kind.first_byte, 3, TwoBytes(1), kind.error})});
      all.push_back(
          {name + "CodeZero", sender, k5, Wire({kind.first_byte, 3, TwoBytes(1), 0}), false});
      all.push_back({name + "NoProperties", sender, k5,
                     Wire({kind.first_byte, 4, TwoBytes(1), 0, 0}), false});
      all.push_back({name + "Full", sender, k5,
                     Framed(kind.first_byte, {TwoBytes(1), kind.error, Props({kReason, kUser})})});
    }
  }
}

void AddSubscriptions(std::vector<SamplePacket>& all) {
  for (const Version version : {k31, k311}) {
    const std::string suffix = version == k31 ? "31" : "311";
    all.push_back({"Subscribe" + suffix, kClient, version,
                   Framed(0x82, {TwoBytes(1), Str("a/+"), 0, Str("#"), 1, Str("$share/g/x"), 2})});
    all.push_back(
        {"Suback" + suffix, kServer, version, Framed(0x90, {TwoBytes(1), 0, 1, 2, 0x80})});
    all.push_back({"Unsubscribe" + suffix, kClient, version,
                   Framed(0xA2, {TwoBytes(1), Str("a/+"), Str("#")})});
    all.push_back({"Unsuback" + suffix, kServer, version, Wire({0xB0, 2, TwoBytes(1)})});
  }
  all.push_back(
      {"Subscribe31Retry", kClient, k31, Framed(0x8A, {TwoBytes(1), Str("a"), 0xFD}), false});
  all.push_back({"Subscribe5", kClient, k5,
                 Framed(0x82, {TwoBytes(1), Props({}), Str("a/+"), 0x2E, Str("#"), 0x11})});
  all.push_back(
      {"Subscribe5Id", kClient, k5,
       Framed(0x82, {TwoBytes(1), Props({0x0B, VarBytes(128)}), Str("$share/g/a"), 0x01})});
  all.push_back({"Subscribe5User", kClient, k5,
                 Framed(0x82, {TwoBytes(1), Props({kUser}), Str("a"), 0}), false});
  all.push_back({"Suback5", kServer, k5, Framed(0x90, {TwoBytes(1), Props({}), 0, 2, 0x8F})});
  all.push_back(
      {"Suback5Full", kServer, k5, Framed(0x90, {TwoBytes(1), Props({kReason, kUser}), 0x87})});
  all.push_back(
      {"Unsubscribe5", kClient, k5, Framed(0xA2, {TwoBytes(1), Props({}), Str("a/+"), Str("#")})});
  all.push_back({"Unsubscribe5User", kClient, k5,
                 Framed(0xA2, {TwoBytes(1), Props({kUser}), Str("a")}), false});
  all.push_back({"Unsuback5", kServer, k5, Framed(0xB0, {TwoBytes(1), Props({}), 0, 0x11, 0x87})});
  all.push_back(
      {"Unsuback5Full", kServer, k5, Framed(0xB0, {TwoBytes(1), Props({kReason, kUser}), 0})});
}

void AddTheRest(std::vector<SamplePacket>& all) {
  for (const Version version : {k31, k311, k5}) {
    const std::string suffix = std::to_string(static_cast<int>(version));
    all.push_back({"Pingreq" + suffix, kClient, version, Wire({0xC0, 0})});
    all.push_back({"Pingresp" + suffix, kServer, version, Wire({0xD0, 0})});
    all.push_back({"Disconnect" + suffix, kClient, version, Wire({0xE0, 0})});
  }
  all.push_back({"DisconnectWithWill", kClient, k5, Wire({0xE0, 1, 4})});
  all.push_back({"DisconnectZero", kClient, k5, Wire({0xE0, 1, 0}), false});
  all.push_back({"DisconnectExpiry", kClient, k5,
                 Framed(0xE0, {0, Props({0x11, FourBytes(60), kReason, kUser})})});
  all.push_back({"DisconnectTakenOver", kServer, k5, Wire({0xE0, 1, 0x8E})});
  all.push_back({"DisconnectMoved", kServer, k5,
                 Framed(0xE0, {0x9D, Props({kReason, 0x1C, Str("other"), kUser})})});
  for (const Sender sender : {kClient, kServer}) {
    all.push_back(
        {sender == kClient ? "AuthFromClient" : "AuthFromServer", sender, k5,
         Framed(0xF0, {0x18, Props({0x15, Str("SCRAM"), 0x16, Str("data"), kReason, kUser})})});
  }
  all.push_back({"AuthAgain", kClient, k5, Framed(0xF0, {0x19, Props({0x15, Str("SCRAM")})})});
  all.push_back({"AuthDone", kServer, k5, Framed(0xF0, {0x00, Props({0x15, Str("SCRAM")})})});
}

}  // namespace

const std::vector<SamplePacket>& SamplePackets() {
  static const std::vector<SamplePacket> kAll = [] {
    std::vector<SamplePacket> all;
    AddConnects(all);
    AddConnacks(all);
    AddPublishes(all);
    AddAcks(all);
    AddSubscriptions(all);
    AddTheRest(all);
    return all;
  }();
  return kAll;
}

}  // namespace tandem::mqtt
