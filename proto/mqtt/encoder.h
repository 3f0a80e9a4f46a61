// Control packets -> bytes, appended to a buffer. All inputs are ours and valid; sizes above the
// protocol's limits are bugs (TANDEM_CHECK). Each function writes the shortest form that the
// version allows. A packet that the version does not have is not written at all: CONNACK with a
// code that 3.x lacks, DISCONNECT with an error before 5.0.
//
// Where a view has fields and `properties`, the fields are written, and of `properties` those which
// have no field: the user properties; of a will also what CopyForwardedProperties keeps. So a
// decoded view can be encoded as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/base/byte_buffer.h"
#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

// What goes in front of a PUBLISH's payload.
struct PublishHead {
  Version version{};
  bool dup = false;
  QoS qos{};
  bool retain = false;
  PacketId packet_id = kNoPacketId;
  std::string_view topic{};
  std::optional<std::uint16_t> topic_alias{};
  std::optional<std::uint32_t> message_expiry_s{};  // as remaining seconds
  std::span<const std::uint32_t> subscription_ids{};
  Bytes forwarded_properties{};  // property.h, CopyForwardedProperties; left out for 3.x
  std::size_t payload_bytes = 0;
};

// Appends fixed header, topic, packet id and properties. Yields the offset of the packet id's two
// bytes from the start of this packet (0 if QoS 0), so that one frame serves many subscribers with
// the id patched.
std::size_t EncodePublishHead(const PublishHead& head, ByteBuffer& out);

void EncodeConnect(const ConnectView& connect, ByteBuffer& out);  // clients: load generator, tests
void EncodeConnack(Version version, const ConnackView& connack, ByteBuffer& out);
void EncodeAck(Version version, const AckView& ack, ByteBuffer& out);
void EncodeSubscribe(Version version, PacketId id, std::span<const SubscribeEntry> entries,
                     std::optional<std::uint32_t> subscription_id, ByteBuffer& out);
void EncodeSuback(Version version, const SubackView& suback, ByteBuffer& out);
void EncodeUnsubscribe(Version version, PacketId id, std::span<const std::string_view> filters,
                       ByteBuffer& out);
void EncodeUnsuback(Version version, const UnsubackView& unsuback, ByteBuffer& out);
void EncodePingreq(ByteBuffer& out);
void EncodePingresp(ByteBuffer& out);
void EncodeDisconnect(Version version, const DisconnectView& disconnect, ByteBuffer& out);
void EncodeAuth(const AuthView& auth, ByteBuffer& out);

}  // namespace tandem::mqtt
