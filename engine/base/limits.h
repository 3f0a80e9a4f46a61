// Bounds that are not configuration: each with its unit and its reason. What an operator may want
// to change is a key in tandem.toml instead.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tandem {

// Interest masks hold one bit per core of a node.
inline constexpr std::size_t kCoresMax = 64;

// MQTT 5.0, 1.5.4: strings and binary data carry a 16-bit length.
inline constexpr std::size_t kStringBytesMax = 65'535;

// MQTT 5.0, 2.1.4: four bytes of remaining length, seven bits each.
inline constexpr std::size_t kRemainingLengthMax = 268'435'455;
inline constexpr std::size_t kPacketBytesMax = kRemainingLengthMax + 5;
static_assert(kRemainingLengthMax == (std::size_t{1} << 28) - 1);

// Levels of a topic or filter: a bound on the depth of any walk (the specification has none;
// mosquitto's is 200).
inline constexpr std::size_t kTopicLevelsMax = 200;

// Nodes of the trie that one match may visit before it is cut off and counted: a '+' forest is then
// a bounded cost.
inline constexpr std::size_t kMatchVisitsMax = 1'000'000;

// Before CONNECT is decoded a stranger owns at most this much of our memory.
inline constexpr std::size_t kConnectPacketBytesMax = 64 * 1024;

// Packet identifiers are 1 + number mod kPacketIds, so a window of in-flight numbers never spans
// more than this.
inline constexpr std::uint32_t kPacketIds = 65'535;

}  // namespace tandem
