// The key of a path in the trie: what leads from a parent and a level to the child.
#pragma once

#include <cstdint>

#include "absl/numeric/int128.h"
#include "engine/broker/level.h"

namespace tandem::broker {

// Identifies the path from the root to a node, but for collisions: it leads to a slot of the
// EdgeTable, the node there tells whether it is the one. It depends on secrets drawn once per
// process, so that clients cannot aim at one slot.
enum class PathKey : std::uint64_t {};
inline constexpr PathKey kRootKey{0x9ae16a3b2f90404fULL};

namespace internal {

struct PathSecrets {
  std::uint64_t literal;
  std::uint64_t plus;
};
extern const PathSecrets kPathSecrets;

// Both halves of the product: every bit of either factor reaches every bit of the result (as in
// wyhash).
inline std::uint64_t MultiplyAndFold(std::uint64_t a, std::uint64_t b) noexcept {
  const absl::uint128 product = absl::uint128(a) * b;
  return absl::Uint128High64(product) ^ absl::Uint128Low64(product);
}

}  // namespace internal

// The key of the child that a literal level leads to.
inline PathKey Extend(PathKey parent, const Level& level) noexcept {
  return PathKey{internal::MultiplyAndFold(static_cast<std::uint64_t>(parent) ^ level.head,
                                           internal::kPathSecrets.literal ^ level.tail)};
}

// The key of the '+' child.
inline PathKey ExtendPlus(PathKey parent) noexcept {
  return PathKey{
      internal::MultiplyAndFold(static_cast<std::uint64_t>(parent), internal::kPathSecrets.plus)};
}

}  // namespace tandem::broker
