// Sets of packet types, for the tables of properties and reason codes.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

// The will of a CONNECT has properties of its own (3.1.3.2). In tables it stands as one more
// packet, under the type number that the specification forbids.
inline constexpr PacketType kWill{0};

class PacketSet {
 public:
  constexpr PacketSet() = default;
  constexpr PacketSet(std::initializer_list<PacketType> types) {
    for (const PacketType type : types) bits_ |= Bit(type);
  }
  constexpr bool Has(PacketType type) const noexcept { return (bits_ & Bit(type)) != 0; }

 private:
  static constexpr std::uint16_t Bit(PacketType type) noexcept {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(type));
  }
  std::uint16_t bits_ = 0;
};

}  // namespace tandem::mqtt
