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

// Connections of one listener that are only waiting to be told that they are refused; more are
// closed without a word.
inline constexpr std::size_t kRefusalsWaitingMax = 256;

// Addresses of one listener, and client ids of one core, that are watched for coming too often.
inline constexpr std::size_t kWatchedAddressesMax = 65'536;
inline constexpr std::size_t kWatchedTakeoversMax = 10'000;

// Deletions of retained messages that one core remembers, so that an older value from the other
// node cannot bring the topic back; and the bytes of their topics. Beyond, the oldest are
// forgotten.
inline constexpr std::size_t kRetainedDeletionsMax = 65'536;
inline constexpr std::size_t kRetainedDeletionBytesMax = 16 * 1024 * 1024;

// What may be on its way from one core to another that is slow to take it. Beyond, the sending core
// reads no more from those who publish, until half of it has been taken; what a turn had read
// already goes in as well.
inline constexpr std::size_t kMailBytesMax = std::size_t{64} * 1024 * 1024;

// Filters that a session has unsubscribed from while the other node could not hear it, remembered
// so that they do not come back when the nodes meet. Beyond, the oldest is forgotten.
inline constexpr std::size_t kUnsubscribedFiltersMax = 1'000;

// Conflicts of one merge that are kept word by word; twice as many for a while.
inline constexpr std::size_t kMergeConflictsMax = 1'000;

// Packet identifiers are 1 + number mod kPacketIds, so a window of in-flight numbers never spans
// more than this.
inline constexpr std::uint32_t kPacketIds = 65'535;

}  // namespace tandem
