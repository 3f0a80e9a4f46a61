// The bodies of the packet types, behind Decoder: each function reads what follows the fixed header
// and reports faults through its Reader. Bytes left over are the caller's to refuse.
#pragma once

#include <cstdint>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/primitives.h"

namespace tandem::mqtt {

struct DecodeContext {
  Version version{};
  Sender sender{};
};

// CONNECT brings its own version. `requested_level` is DecodeResult's.
void DecodeConnect(Reader& in, std::uint8_t& requested_level, ConnectView& connect) noexcept;
void DecodeConnack(DecodeContext context, Reader& in, ConnackView& connack) noexcept;
// `flags` are the low four bits of the fixed header.
void DecodePublish(DecodeContext context, std::uint8_t flags, Reader& in,
                   PublishView& publish) noexcept;
void DecodeAck(DecodeContext context, PacketType type, Reader& in, AckView& ack) noexcept;
void DecodeSubscribe(DecodeContext context, Reader& in, SubscribeView& subscribe) noexcept;
void DecodeSuback(DecodeContext context, Reader& in, SubackView& suback) noexcept;
void DecodeUnsubscribe(DecodeContext context, Reader& in, UnsubscribeView& unsubscribe) noexcept;
void DecodeUnsuback(DecodeContext context, Reader& in, UnsubackView& unsuback) noexcept;
void DecodeDisconnect(DecodeContext context, Reader& in, DisconnectView& disconnect) noexcept;
void DecodeAuth(DecodeContext context, Reader& in, AuthView& auth) noexcept;

// Shared by several of them. A packet identifier is never 0 (2.2.1).
PacketId ReadPacketId(Reader& in) noexcept;
// A reason code must be one that the tables give to this packet and sender.
ReasonCode ReadReason(DecodeContext context, PacketType type, Reader& in) noexcept;
// MQTT 3.1 does not demand UTF-8.
constexpr TextCheck TextCheckOf(Version version) noexcept {
  return version == Version::k31 ? TextCheck::kNone : TextCheck::kUtf8;
}

}  // namespace tandem::mqtt
