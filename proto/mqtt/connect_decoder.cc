// CONNECT and CONNACK (3.1, 3.2).
#include <optional>

#include "proto/mqtt/packet_decoders.h"
#include "proto/mqtt/property_parser.h"
#include "proto/mqtt/reason_code.h"
#include "proto/mqtt/version.h"

namespace tandem::mqtt {
namespace {

using enum PropertyId;

// 3.1.2.3.
struct ConnectFlags {
  bool user_name = false;
  bool password = false;
  bool will_retain = false;
  std::uint8_t will_qos = 0;
  bool will = false;
  bool clean_start = false;
};

// 3.1.2.1 and 3.1.2.2. A level that we do not serve is kUnsupportedProtocolVersion; so is a strange
// name, but to a 3.x level that is no MQTT at all and the connection is closed without CONNACK.
void ReadProtocol(Reader& in, std::uint8_t& requested_level, ConnectView& connect) noexcept {
  const std::string_view name = in.Text(TextCheck::kNone);
  std::uint8_t level = in.Byte();
  if (!in.ok()) return;
  const std::uint8_t plain_level = level & static_cast<std::uint8_t>(~kBridgeLevelBit);
  if (plain_level != level && plain_level >= Level(Version::k31) &&
      plain_level <= Level(Version::k5)) {
    connect.bridge = true;
    level = plain_level;
  }
  requested_level = level;
  if (name != ProtocolName(Version::k5) && name != ProtocolName(Version::k31)) {
    in.Refuse(level < Level(Version::k5) ? ReasonCode::kMalformedPacket
                                         : ReasonCode::kUnsupportedProtocolVersion,
              "an unknown protocol name");
    return;
  }
  for (const Version version : {Version::k31, Version::k311, Version::k5}) {
    if (level == Level(version) && name == ProtocolName(version)) {
      connect.version = version;
      return;
    }
  }
  in.Refuse(ReasonCode::kUnsupportedProtocolVersion, "an unknown protocol level");
}

ConnectFlags ReadFlags(Version version, Reader& in) noexcept {
  const unsigned bits = in.Byte();
  ConnectFlags flags{.user_name = (bits & 0x80) != 0,
                     .password = (bits & 0x40) != 0,
                     .will_retain = (bits & 0x20) != 0,
                     .will_qos = static_cast<std::uint8_t>((bits >> 3) & 0x03),
                     .will = (bits & 0x04) != 0,
                     .clean_start = (bits & 0x02) != 0};
  // 3.1 calls bit 0 unused and says nothing of will bits without a will.
  const bool is_31 = version == Version::k31;
  if ((bits & 0x01) != 0 && !is_31) in.RefuseMalformed("the reserved connect flag is set");
  if (!flags.will && (flags.will_qos != 0 || flags.will_retain) && !is_31) {
    in.RefuseMalformed("will QoS or will retain without a will");
  }
  if (flags.will && flags.will_qos == 3) in.RefuseMalformed("will QoS 3");
  if (flags.password && !flags.user_name && version != Version::k5) {
    in.RefuseMalformed("a password without a user name");
  }
  return flags;
}

void ReadConnectProperties(Reader& in, ConnectView& connect) noexcept {
  connect.properties =
      ReadProperties(PacketType::kConnect, Sender::kClient, in, [&](const Property& property) {
        switch (property.id) {
          case kSessionExpiryInterval:
            connect.session_expiry_s = property.number;
            break;
          case kReceiveMaximum:
            connect.receive_maximum = static_cast<std::uint16_t>(property.number);
            break;
          case kMaximumPacketSize:
            connect.maximum_packet_size = property.number;
            break;
          case kTopicAliasMaximum:
            connect.topic_alias_maximum = static_cast<std::uint16_t>(property.number);
            break;
          case kRequestResponseInformation:
            connect.request_response_information = property.number != 0;
            break;
          case kRequestProblemInformation:
            connect.request_problem_information = property.number != 0;
            break;
          case kAuthenticationMethod:
            connect.authentication_method = AsText(property.data);
            break;
          case kAuthenticationData:
            connect.authentication_data = property.data;
            break;
          default:
            break;
        }
      });
  if (connect.authentication_data && !connect.authentication_method) {
    in.Refuse(ReasonCode::kProtocolError, "authentication data without a method");
  }
}

void ReadWill(Version version, ConnectFlags flags, Reader& in, WillView& will) noexcept {
  will.qos = static_cast<QoS>(flags.will_qos);
  will.retain = flags.will_retain;
  if (version == Version::k5) {
    will.properties = ReadProperties(kWill, Sender::kClient, in, [&](const Property& property) {
      if (property.id == kWillDelayInterval) will.delay_s = property.number;
      if (property.id == kMessageExpiryInterval) will.message_expiry_s = property.number;
    });
  }
  // Other clients will see the topic, so it is text in every version.
  will.topic = in.Text();
  will.payload = in.Binary();
}

}  // namespace

void DecodeConnect(Reader& in, std::uint8_t& requested_level, ConnectView& connect) noexcept {
  ReadProtocol(in, requested_level, connect);
  if (!in.ok()) return;
  const Version version = connect.version;
  const ConnectFlags flags = ReadFlags(version, in);
  connect.clean_start = flags.clean_start;
  connect.keep_alive_s = in.TwoBytes();
  if (version == Version::k5) {
    ReadConnectProperties(in, connect);
  } else {
    connect.session_expiry_s = flags.clean_start ? 0 : UINT32_MAX;
  }
  const TextCheck check = TextCheckOf(version);
  connect.client_id = in.Text(check);
  if (flags.will) ReadWill(version, flags, in, connect.will.emplace());
  // 3.1 lets the remaining length take precedence over these two flags.
  const bool may_miss = version == Version::k31;
  if (flags.user_name && !(may_miss && in.left() == 0)) connect.user_name = in.Text(check);
  if (flags.password && !(may_miss && in.left() == 0)) connect.password = in.Binary();
}

namespace {

void TakeConnackProperty(const Property& property, ConnackView& connack) noexcept {
  switch (property.id) {
    case kSessionExpiryInterval:
      connack.session_expiry_s = property.number;
      break;
    case kReceiveMaximum:
      connack.receive_maximum = static_cast<std::uint16_t>(property.number);
      break;
    case kMaximumQoS:
      connack.maximum_qos = static_cast<std::uint8_t>(property.number);
      break;
    case kRetainAvailable:
      connack.retain_available = property.number != 0;
      break;
    case kMaximumPacketSize:
      connack.maximum_packet_size = property.number;
      break;
    case kAssignedClientIdentifier:
      connack.assigned_client_id = AsText(property.data);
      break;
    case kTopicAliasMaximum:
      connack.topic_alias_maximum = static_cast<std::uint16_t>(property.number);
      break;
    case kReasonString:
      connack.reason_string = AsText(property.data);
      break;
    case kWildcardSubscriptionAvailable:
      connack.wildcard_subscription_available = property.number != 0;
      break;
    case kSubscriptionIdentifierAvailable:
      connack.subscription_identifiers_available = property.number != 0;
      break;
    case kSharedSubscriptionAvailable:
      connack.shared_subscription_available = property.number != 0;
      break;
    case kServerKeepAlive:
      connack.server_keep_alive_s = static_cast<std::uint16_t>(property.number);
      break;
    case kResponseInformation:
      connack.response_information = AsText(property.data);
      break;
    case kServerReference:
      connack.server_reference = AsText(property.data);
      break;
    case kAuthenticationMethod:
      connack.authentication_method = AsText(property.data);
      break;
    case kAuthenticationData:
      connack.authentication_data = property.data;
      break;
    default:
      break;
  }
}

}  // namespace

void DecodeConnack(DecodeContext context, Reader& in, ConnackView& connack) noexcept {
  const std::uint8_t flags = in.Byte();
  // 3.1 calls the whole byte reserved.
  if (context.version != Version::k31) {
    if ((flags & 0xFE) != 0) in.RefuseMalformed("reserved connect acknowledge flags are set");
    connack.session_present = (flags & 0x01) != 0;
  }
  if (context.version != Version::k5) {
    const std::optional<ReasonCode> reason = FromConnackCode3(in.Byte());
    if (!reason) return in.RefuseMalformed("a reserved return code");
    connack.reason = *reason;
    return;
  }
  connack.reason = ReadReason(context, PacketType::kConnack, in);
  connack.properties =
      ReadProperties(PacketType::kConnack, context.sender, in,
                     [&](const Property& property) { TakeConnackProperty(property, connack); });
  if (connack.authentication_data && !connack.authentication_method) {
    in.Refuse(ReasonCode::kProtocolError, "authentication data without a method");
  }
}

}  // namespace tandem::mqtt
