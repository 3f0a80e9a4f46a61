#include "proto/mqtt/encoder.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "proto/mqtt/packet_set.h"
#include "proto/mqtt/primitives.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/property_table.h"
#include "proto/mqtt/reason_code.h"
#include "proto/mqtt/version.h"

namespace tandem::mqtt {
namespace {

using enum PropertyId;

constexpr std::uint8_t FirstByte(PacketType type, unsigned flags = 0) noexcept {
  return static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags);
}

// The flags that PUBREL, SUBSCRIBE and UNSUBSCRIBE must have (2.1.3).
constexpr unsigned kRequestFlags = 0x02;

// Appends fixed header and body. `body(sink)` describes the body and runs twice: to measure and to
// write. `more_bytes` follow it in the packet, but are written elsewhere.
template <class Body>
void WritePacket(std::uint8_t first_byte, ByteBuffer& out, const Body& body,
                 std::size_t more_bytes = 0) {
  Measure measure;
  body(measure);
  const std::size_t remaining = measure.size() + more_bytes;
  TANDEM_CHECK(remaining <= kRemainingLengthMax);
  Writer writer(out.Extend(1 + VarIntSize(remaining) + measure.size()));
  writer.Byte(first_byte);
  writer.VariableBytes(remaining);
  body(writer);
  TANDEM_DCHECK(writer.position() == out.data() + out.size());
}

// A property length and its properties, which `properties(sink)` describes.
template <class Sink, class Properties>
void WriteProperties(Sink& sink, const Properties& properties) {
  Measure measure;
  properties(measure);
  sink.VariableBytes(measure.size());
  properties(sink);
}

// One property each; nothing for an empty optional. The property's type in the table decides how
// its value is written.
template <class Sink>
void Number(Sink& sink, PropertyId id, std::uint32_t value) {
  sink.Byte(static_cast<std::uint8_t>(id));
  switch (FindProperty(static_cast<std::uint8_t>(id))->type) {
    case PropertyType::kByte:
      return sink.Byte(static_cast<std::uint8_t>(value));
    case PropertyType::kTwoByte:
      return sink.TwoBytes(static_cast<std::uint16_t>(value));
    case PropertyType::kFourByte:
      return sink.FourBytes(value);
    default:
      return sink.VariableBytes(value);
  }
}
template <class Sink, class T>
void Number(Sink& sink, PropertyId id, const std::optional<T>& value) {
  if (value) Number(sink, id, static_cast<std::uint32_t>(*value));
}
template <class Sink>
void Text(Sink& sink, PropertyId id, const std::optional<std::string_view>& text) {
  if (!text) return;
  sink.Byte(static_cast<std::uint8_t>(id));
  sink.Text(*text);
}
template <class Sink>
void Binary(Sink& sink, PropertyId id, const std::optional<Bytes>& data) {
  if (!data) return;
  sink.Byte(static_cast<std::uint8_t>(id));
  sink.Binary(*data);
}

template <class Sink>
void UserProperties(Sink& sink, PropertiesView properties) {
  PropertyReader reader(properties);
  for (Property property; reader.Next(property);) {
    if (property.id == kUserProperty) sink.Raw(property.raw);
  }
}

template <class Sink>
void MessageProperties(Sink& sink, PropertiesView properties) {
  PropertyReader reader(properties);
  for (Property property; reader.Next(property);) {
    if (FindProperty(static_cast<std::uint8_t>(property.id))->is_forwarded) sink.Raw(property.raw);
  }
}

// 3.3.2: what stands between a PUBLISH's fixed header and its payload.
template <class Sink>
void PublishBody(Sink& sink, const PublishHead& head) {
  sink.Text(head.topic);
  if (head.qos != QoS::kAtMostOnce) sink.TwoBytes(static_cast<std::uint16_t>(head.packet_id));
  if (head.version != Version::k5) return;
  WriteProperties(sink, [&](auto& properties) {
    Number(properties, kTopicAlias, head.topic_alias);
    Number(properties, kMessageExpiryInterval, head.message_expiry_s);
    for (const std::uint32_t id : head.subscription_ids)
      Number(properties, kSubscriptionIdentifier, id);
    properties.Raw(head.forwarded_properties);
  });
}

// 3.1.2.3.
std::uint8_t ConnectFlagsByte(const ConnectView& connect) noexcept {
  unsigned flags = 0;
  if (connect.user_name) flags |= 0x80;
  if (connect.password) flags |= 0x40;
  if (connect.will) {
    flags |= 0x04 | static_cast<unsigned>(connect.will->qos) << 3;
    if (connect.will->retain) flags |= 0x20;
  }
  if (connect.clean_start) flags |= 0x02;
  return static_cast<std::uint8_t>(flags);
}

// Values that are the specification's defaults are left out.
template <class Sink>
void ConnectProperties(Sink& sink, const ConnectView& connect) {
  constexpr ConnectView kDefaults;
  if (connect.session_expiry_s != 0) Number(sink, kSessionExpiryInterval, connect.session_expiry_s);
  if (connect.receive_maximum != kDefaults.receive_maximum)
    Number(sink, kReceiveMaximum, connect.receive_maximum);
  if (connect.maximum_packet_size != kDefaults.maximum_packet_size) {
    Number(sink, kMaximumPacketSize, connect.maximum_packet_size);
  }
  if (connect.topic_alias_maximum != 0)
    Number(sink, kTopicAliasMaximum, connect.topic_alias_maximum);
  if (connect.request_response_information) Number(sink, kRequestResponseInformation, 1);
  if (!connect.request_problem_information) Number(sink, kRequestProblemInformation, 0);
  Text(sink, kAuthenticationMethod, connect.authentication_method);
  Binary(sink, kAuthenticationData, connect.authentication_data);
  UserProperties(sink, connect.properties);
}

template <class Sink>
void ConnectBody(Sink& sink, const ConnectView& connect) {
  sink.Text(ProtocolName(connect.version));
  sink.Byte(
      static_cast<std::uint8_t>(Level(connect.version) | (connect.bridge ? kBridgeLevelBit : 0)));
  sink.Byte(ConnectFlagsByte(connect));
  sink.TwoBytes(connect.keep_alive_s);
  const bool is_5 = connect.version == Version::k5;
  if (is_5)
    WriteProperties(sink, [&](auto& properties) { ConnectProperties(properties, connect); });
  sink.Text(connect.client_id);
  if (const std::optional<WillView>& will = connect.will) {
    if (is_5) {
      WriteProperties(sink, [&](auto& properties) {
        if (will->delay_s != 0) Number(properties, kWillDelayInterval, will->delay_s);
        Number(properties, kMessageExpiryInterval, will->message_expiry_s);
        MessageProperties(properties, will->properties);
      });
    }
    sink.Text(will->topic);
    sink.Binary(will->payload);
  }
  if (connect.user_name) sink.Text(*connect.user_name);
  if (connect.password) sink.Binary(*connect.password);
}

template <class Sink>
void ConnackProperties(Sink& sink, const ConnackView& connack) {
  Number(sink, kSessionExpiryInterval, connack.session_expiry_s);
  Number(sink, kReceiveMaximum, connack.receive_maximum);
  Number(sink, kMaximumQoS, connack.maximum_qos);
  Number(sink, kRetainAvailable, connack.retain_available);
  Number(sink, kMaximumPacketSize, connack.maximum_packet_size);
  Text(sink, kAssignedClientIdentifier, connack.assigned_client_id);
  Number(sink, kTopicAliasMaximum, connack.topic_alias_maximum);
  Text(sink, kReasonString, connack.reason_string);
  Number(sink, kWildcardSubscriptionAvailable, connack.wildcard_subscription_available);
  Number(sink, kSubscriptionIdentifierAvailable, connack.subscription_identifiers_available);
  Number(sink, kSharedSubscriptionAvailable, connack.shared_subscription_available);
  Number(sink, kServerKeepAlive, connack.server_keep_alive_s);
  Text(sink, kResponseInformation, connack.response_information);
  Text(sink, kServerReference, connack.server_reference);
  Text(sink, kAuthenticationMethod, connack.authentication_method);
  Binary(sink, kAuthenticationData, connack.authentication_data);
  UserProperties(sink, connack.properties);
}

// SUBACK and UNSUBACK of 5.0.
template <class Sink, class View>
void CodesBody(Sink& sink, const View& ack) {
  sink.TwoBytes(static_cast<std::uint16_t>(ack.packet_id));
  WriteProperties(sink, [&](auto& properties) {
    Text(properties, kReasonString, ack.reason_string);
    UserProperties(properties, ack.properties);
  });
  for (const ReasonCode code : ack.codes) sink.Byte(static_cast<std::uint8_t>(code));
}

template <class Sink>
void DisconnectProperties(Sink& sink, const DisconnectView& disconnect) {
  Number(sink, kSessionExpiryInterval, disconnect.session_expiry_s);
  Text(sink, kReasonString, disconnect.reason_string);
  Text(sink, kServerReference, disconnect.server_reference);
  UserProperties(sink, disconnect.properties);
}

}  // namespace

std::size_t EncodePublishHead(const PublishHead& head, ByteBuffer& out) {
  const std::size_t start = out.size();
  const unsigned flags =
      (head.dup ? 0x08U : 0U) | static_cast<unsigned>(head.qos) << 1 | (head.retain ? 1U : 0U);
  WritePacket(
      FirstByte(PacketType::kPublish, flags), out, [&](auto& sink) { PublishBody(sink, head); },
      head.payload_bytes);
  if (head.qos == QoS::kAtMostOnce) return 0;
  std::size_t topic_at = start + 1;
  while ((out.data()[topic_at++] & 0x80) != 0) {
  }
  return topic_at + 2 + head.topic.size() - start;
}

void EncodeConnect(const ConnectView& connect, ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kConnect), out,
              [&](auto& sink) { ConnectBody(sink, connect); });
}

void EncodeConnack(Version version, const ConnackView& connack, ByteBuffer& out) {
  // An error never goes with a session [MQTT-3.2.2-6].
  const bool session_present = connack.session_present && !IsError(connack.reason);
  if (version == Version::k5) {
    return WritePacket(FirstByte(PacketType::kConnack), out, [&](auto& sink) {
      sink.Byte(session_present);
      sink.Byte(static_cast<std::uint8_t>(connack.reason));
      WriteProperties(sink, [&](auto& properties) { ConnackProperties(properties, connack); });
    });
  }
  const std::optional<std::uint8_t> code = ConnackCode3(connack.reason);
  if (!code) return;
  WritePacket(FirstByte(PacketType::kConnack), out, [&](auto& sink) {
    sink.Byte(session_present && version == Version::k311);
    sink.Byte(*code);
  });
}

void EncodeAck(Version version, const AckView& ack, ByteBuffer& out) {
  const auto id = static_cast<std::uint16_t>(ack.packet_id);
  const std::uint8_t first_byte =
      FirstByte(ack.type, ack.type == PacketType::kPubrel ? kRequestFlags : 0);
  const bool has_properties = ack.reason_string || !ack.properties.raw.empty();
  if (version != Version::k5 || (ack.reason == ReasonCode::kSuccess && !has_properties)) {
    Writer writer(out.Extend(4));
    writer.Byte(first_byte);
    writer.Byte(2);
    writer.TwoBytes(id);
    return;
  }
  WritePacket(first_byte, out, [&](auto& sink) {
    sink.TwoBytes(id);
    sink.Byte(static_cast<std::uint8_t>(ack.reason));
    if (!has_properties) return;
    WriteProperties(sink, [&](auto& properties) {
      Text(properties, kReasonString, ack.reason_string);
      UserProperties(properties, ack.properties);
    });
  });
}

void EncodeSubscribe(Version version, PacketId id, std::span<const SubscribeEntry> entries,
                     std::optional<std::uint32_t> subscription_id, ByteBuffer& out) {
  const bool is_5 = version == Version::k5;
  WritePacket(FirstByte(PacketType::kSubscribe, kRequestFlags), out, [&](auto& sink) {
    sink.TwoBytes(static_cast<std::uint16_t>(id));
    if (is_5) {
      WriteProperties(sink, [&](auto& properties) {
        Number(properties, kSubscriptionIdentifier, subscription_id);
      });
    }
    for (const SubscribeEntry& entry : entries) {
      unsigned options = static_cast<unsigned>(entry.options.qos);
      if (is_5) {
        options |= (entry.options.no_local ? 0x04U : 0U) |
                   (entry.options.retain_as_published ? 0x08U : 0U) |
                   static_cast<unsigned>(entry.options.retain_handling) << 4;
      }
      sink.Text(entry.filter);
      sink.Byte(static_cast<std::uint8_t>(options));
    }
  });
}

void EncodeSuback(Version version, const SubackView& suback, ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kSuback), out, [&](auto& sink) {
    if (version == Version::k5) return CodesBody(sink, suback);
    sink.TwoBytes(static_cast<std::uint16_t>(suback.packet_id));
    for (const ReasonCode code : suback.codes) sink.Byte(SubackCode3(code));
  });
}

void EncodeUnsubscribe(Version version, PacketId id, std::span<const std::string_view> filters,
                       ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kUnsubscribe, kRequestFlags), out, [&](auto& sink) {
    sink.TwoBytes(static_cast<std::uint16_t>(id));
    if (version == Version::k5) sink.VariableBytes(0);
    for (const std::string_view filter : filters) sink.Text(filter);
  });
}

void EncodeUnsuback(Version version, const UnsubackView& unsuback, ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kUnsuback), out, [&](auto& sink) {
    if (version == Version::k5) return CodesBody(sink, unsuback);
    sink.TwoBytes(static_cast<std::uint16_t>(unsuback.packet_id));
  });
}

void EncodePingreq(ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kPingreq), out, [](auto&) {});
}
void EncodePingresp(ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kPingresp), out, [](auto&) {});
}

void EncodeDisconnect(Version version, const DisconnectView& disconnect, ByteBuffer& out) {
  const bool is_5 = version == Version::k5;
  if (!is_5 && disconnect.reason != ReasonCode::kSuccess) return;
  WritePacket(FirstByte(PacketType::kDisconnect), out, [&](auto& sink) {
    if (!is_5) return;
    Measure properties_bytes;
    DisconnectProperties(properties_bytes, disconnect);
    const bool has_properties = properties_bytes.size() != 0;
    if (disconnect.reason == ReasonCode::kSuccess && !has_properties) return;
    sink.Byte(static_cast<std::uint8_t>(disconnect.reason));
    if (!has_properties) return;
    WriteProperties(sink, [&](auto& properties) { DisconnectProperties(properties, disconnect); });
  });
}

void EncodeAuth(const AuthView& auth, ByteBuffer& out) {
  WritePacket(FirstByte(PacketType::kAuth), out, [&](auto& sink) {
    sink.Byte(static_cast<std::uint8_t>(auth.reason));
    WriteProperties(sink, [&](auto& properties) {
      Text(properties, kAuthenticationMethod, auth.authentication_method);
      Binary(properties, kAuthenticationData, auth.authentication_data);
      Text(properties, kReasonString, auth.reason_string);
      UserProperties(properties, auth.properties);
    });
  });
}

}  // namespace tandem::mqtt
