// Which versions of proto/peer/peer.capnp this build speaks, and what it understands beyond the
// oldest of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace tandem::peer {

// Raised when the meaning of something changes. A release speaks its own major and the one before,
// so that a pair can be upgraded one node at a time.
inline constexpr std::uint16_t kMajor = 1;
inline constexpr std::uint16_t kMinMajor = 1;

// Bits of Hello.features. The pair uses what both nodes have; a bit is never reused.
enum class Feature : std::uint64_t {
  kBrakes = 1 << 0,  // BrakeRecord
  // Of a shared group's message the node that does not have the member keeps a spare
  // (PublishRecord::spares).
  kGroupSpares = 1 << 1,
  kMergeReports = 1 << 2,     // ApartRecord
  kCopyHashes = 1 << 3,       // SessionHashRecord, SessionAgainRecord
  kRouted = 1 << 4,           // ClaimReplyRecord::routed
  kPlacedPublishes = 1 << 5,  // PublishRecord::places
  kLaneFrames = 1 << 6,       // LaneFrame
};
inline constexpr std::uint64_t kFeatures = static_cast<std::uint64_t>(Feature::kBrakes) |
                                           static_cast<std::uint64_t>(Feature::kGroupSpares) |
                                           static_cast<std::uint64_t>(Feature::kMergeReports) |
                                           static_cast<std::uint64_t>(Feature::kCopyHashes) |
                                           static_cast<std::uint64_t>(Feature::kRouted) |
                                           static_cast<std::uint64_t>(Feature::kPlacedPublishes) |
                                           static_cast<std::uint64_t>(Feature::kLaneFrames);
inline constexpr bool Has(std::uint64_t features, Feature feature) noexcept {
  return (features & static_cast<std::uint64_t>(feature)) != 0;
}

// The major that two nodes use with each other: the lower of both, if each still speaks it.
inline constexpr std::optional<std::uint16_t> CommonMajor(std::uint16_t major,
                                                          std::uint16_t min_major,
                                                          std::uint16_t other_major,
                                                          std::uint16_t other_min_major) noexcept {
  const std::uint16_t common = std::min(major, other_major);
  if (common < min_major || common < other_min_major) return std::nullopt;
  return common;
}

}  // namespace tandem::peer
