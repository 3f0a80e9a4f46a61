// One direction of a connection, made of whatever a fuzzer brings: the body of the decoders' fuzz
// targets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/check.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/reason_code.h"

namespace tandem::mqtt {

// The first byte of an input says how the connection stands: 1 to 3 for version 3.1, 3.1.1 or 5.0,
// 0 for "before CONNECT". The rest is the stream.
inline constexpr std::uint8_t kBeforeConnect = 0;
inline constexpr std::uint8_t SeedByte(Version version) noexcept {
  return static_cast<std::uint8_t>(static_cast<int>(version) - 2);
}

inline Decoder DecoderFor(Sender sender, std::uint8_t seed_byte) noexcept {
  Decoder decoder(sender);
  if (seed_byte % 4 != kBeforeConnect) decoder.set_version(static_cast<Version>(seed_byte % 4 + 2));
  return decoder;
}

// Reads every byte that a view shows, so that a sanitizer sees a view which points elsewhere.
inline std::size_t Touch(Bytes bytes) noexcept {
  std::size_t sum = 0;
  for (const std::uint8_t byte : bytes) sum += byte;
  return sum;
}

// Walks all that a packet holds, and checks what its comments promise.
struct WalkPacket {
  Version version;

  static void Properties(PropertiesView properties) {
    PropertyReader reader(properties);
    std::size_t size = 0;
    for (Property property; reader.Next(property);) {
      size += property.raw.size();
      Touch(property.data);
      Touch(property.value);
    }
    TANDEM_CHECK(size == properties.raw.size());
  }
  static void Text(std::string_view text) { Touch(AsBytes(text)); }

  void operator()(const ConnectView& connect) const {
    Text(connect.client_id);
    if (connect.will) {
      Text(connect.will->topic);
      Touch(connect.will->payload);
      TANDEM_CHECK(connect.will->qos <= QoS::kExactlyOnce);
      Properties(connect.will->properties);
    }
    TANDEM_CHECK(connect.receive_maximum != 0 && connect.maximum_packet_size != 0);
    TANDEM_CHECK(connect.authentication_method || !connect.authentication_data);
    Properties(connect.properties);
  }
  void operator()(const PublishView& publish) const {
    TANDEM_CHECK(publish.qos <= QoS::kExactlyOnce);
    TANDEM_CHECK((publish.packet_id == kNoPacketId) == (publish.qos == QoS::kAtMostOnce));
    TANDEM_CHECK(!publish.topic.empty() || publish.topic_alias);
    TANDEM_CHECK(publish.topic_alias != 0);
    Text(publish.topic);
    Touch(publish.payload);
    Properties(publish.properties);
  }
  void operator()(const SubscribeView& subscribe) const {
    TANDEM_CHECK(subscribe.count != 0 && subscribe.packet_id != kNoPacketId);
    std::size_t count = 0;
    SubscribeEntries entries = subscribe.entries;
    for (; const auto entry = entries.Next(); ++count) {
      TANDEM_CHECK(entry->options.qos <= QoS::kExactlyOnce && entry->options.retain_handling <= 2);
      Text(entry->filter);
    }
    TANDEM_CHECK(count == subscribe.count);
    Properties(subscribe.properties);
  }
  void operator()(const UnsubscribeView& unsubscribe) const {
    std::size_t count = 0;
    UnsubscribeFilters filters = unsubscribe.filters;
    for (; const auto filter = filters.Next(); ++count) Text(*filter);
    TANDEM_CHECK(count == unsubscribe.count && count != 0);
    Properties(unsubscribe.properties);
  }
  void operator()(const SubackView& suback) const {
    TANDEM_CHECK(!suback.codes.empty());
    Properties(suback.properties);
  }
  void operator()(const UnsubackView& unsuback) const {
    TANDEM_CHECK(unsuback.codes.empty() == (version != Version::k5));
    Properties(unsuback.properties);
  }
  void operator()(const AuthView& auth) const {
    TANDEM_CHECK(auth.authentication_method.has_value());
    Properties(auth.properties);
  }
  void operator()(const AckView& ack) const {
    TANDEM_CHECK(ack.packet_id != kNoPacketId);
    Properties(ack.properties);
  }
  void operator()(const ConnackView& connack) const { Properties(connack.properties); }
  void operator()(const DisconnectView& disconnect) const { Properties(disconnect.properties); }
  void operator()(const PingreqView&) const {}
  void operator()(const PingrespView&) const {}
};

// Decodes the stream to its end or to its first fault, and hands each packet to `use(decoder,
// bytes, packet)`.
template <class Use>
void DecodeStream(Sender sender, Bytes input, Use use) {
  if (input.empty()) return;
  Decoder decoder = DecoderFor(sender, input[0]);
  for (Bytes rest = input.subspan(1); !rest.empty();) {
    const Decoder before = decoder;
    const DecodeResult result = decoder.Next(rest);
    switch (result.status) {
      case DecodeStatus::kMalformed:
        TANDEM_CHECK(IsError(result.reason) && *result.explanation != '\0');
        return;
      case DecodeStatus::kNeedMore:
        TANDEM_CHECK(result.size == 0 || result.size > rest.size());
        return;
      case DecodeStatus::kPacket:
        break;
    }
    TANDEM_CHECK(result.size >= 2 && result.size <= rest.size());
    Decoder shorter = before;
    TANDEM_CHECK(shorter.Next(rest.first(result.size - 1)).status == DecodeStatus::kNeedMore);
    use(before, rest.first(result.size), decoder.version(), result.packet);
    rest = rest.subspan(result.size);
  }
}

}  // namespace tandem::mqtt
