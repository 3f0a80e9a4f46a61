// Bytes of one direction of an MQTT connection -> control packets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

enum class DecodeStatus : std::uint8_t {
  kPacket,     // `packet` and `size` are set
  kNeedMore,   // the input ends inside a packet; `size` is the whole packet's size in bytes once
               // known, else 0
  kMalformed,  // the stream is lost; `reason` says what DISCONNECT or CONNACK should carry
};

struct DecodeResult {
  DecodeStatus status = DecodeStatus::kNeedMore;
  ReasonCode reason = ReasonCode::kSuccess;
  std::size_t size = 0;          // bytes of the packet, fixed header included
  const char* explanation = "";  // static text for the log and the Reason String, when malformed
  // The protocol level of a CONNECT as soon as it was read, without the bridges' bit 7; 0 else. It
  // picks the form of the answer to a bad one: below 5 CONNACK of 3.x, or none where that has no
  // code (ConnackCode3); from 5 on that of 5.0.
  std::uint8_t requested_level = 0;
  Packet packet;  // views into the input
};

// Pure and stateless but for what the connection has agreed on. Never reads past its input, never
// allocates.
class Decoder {
 public:
  explicit Decoder(Sender sender) noexcept : sender_(sender) {}

  // The version decides the format of all that follows CONNECT; the decoder of a server sets it
  // itself when it yields a CONNECT. Before, anything but CONNECT is malformed (for
  // Sender::kClient), with reason kProtocolError.
  void set_version(Version version) noexcept {
    version_ = version;
    connected_ = true;
  }
  Version version() const noexcept { return version_; }
  // Packets larger than this are refused with kPacketTooLarge as soon as their fixed header is
  // there. A client's first CONNECT is held to kConnectPacketBytesMax instead, whatever is set
  // here.
  void set_packet_bytes_max(std::size_t bytes) noexcept { packet_bytes_max_ = bytes; }

  // Decodes the packet at the start of `in`.
  DecodeResult Next(Bytes in) noexcept;

 private:
  Sender sender_;
  Version version_ = Version::k311;
  bool connected_ = false;
  std::size_t packet_bytes_max_ = kPacketBytesMax;
};

}  // namespace tandem::mqtt
