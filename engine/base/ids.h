// Identifiers that must not change places with one another.
#pragma once

#include <compare>
#include <cstdint>

namespace tandem {

// Index of an engine core within its node, 0-based.
enum class CoreId : std::uint16_t {};
inline constexpr std::uint16_t Index(CoreId core) noexcept {
  return static_cast<std::uint16_t>(core);
}

// A node's place in the pair: 0 or 1, by the order of the member names.
enum class NodeId : std::uint8_t {};

// One client connection on one core: slot in the low 32 bits, generation above, so that a stale id
// finds nothing.
enum class ConnectionId : std::uint64_t {};
inline constexpr ConnectionId kNoConnection{UINT64_MAX};

// What tells one run of a node from the next: random, drawn at start.
enum class Incarnation : std::uint64_t {};

// The identity of a message in the cluster: who took it from the publisher, and as which record of
// which stream.
struct MessageId {
  NodeId node{};
  CoreId core{};
  Incarnation incarnation{};
  std::uint64_t number = 0;
  friend bool operator==(const MessageId&, const MessageId&) = default;
  friend auto operator<=>(const MessageId&, const MessageId&) = default;
};

}  // namespace tandem
