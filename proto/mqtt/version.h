// Names and levels of the protocol versions (3.1.2.1, 3.1.2.2).
#pragma once

#include <cstdint>
#include <string_view>

#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

// What a CONNECT of this version calls the protocol.
constexpr std::string_view ProtocolName(Version version) noexcept {
  return version == Version::k31 ? "MQIsdp" : "MQTT";
}

// The level byte of CONNECT.
constexpr std::uint8_t Level(Version version) noexcept {
  return static_cast<std::uint8_t>(version);
}

// mosquitto's bridges set this bit of the level to say what they are.
inline constexpr std::uint8_t kBridgeLevelBit = 0x80;

// For logs and metrics: "3.1", "3.1.1", "5.0".
constexpr std::string_view Name(Version version) noexcept {
  switch (version) {
    case Version::k31:
      return "3.1";
    case Version::k311:
      return "3.1.1";
    case Version::k5:
      return "5.0";
  }
  return "";
}

}  // namespace tandem::mqtt
