// A hash that is the same in every process and release. The home core of a client id and of a
// retained topic hang on it, on both nodes; absl::Hash is seeded per process and is for hash tables
// only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "engine/base/bytes.h"

namespace tandem {

// 64 bits of `bytes`, well mixed in all positions. Not for adversarial inputs where collisions lose
// data: equal hashes may only mean equal placement.
std::uint64_t StableHash(Bytes bytes) noexcept;
inline std::uint64_t StableHash(std::string_view text) noexcept {
  return StableHash(AsBytes(text));
}
// Of numbers, in their order.
std::uint64_t StableHash(std::initializer_list<std::uint64_t> numbers) noexcept;

}  // namespace tandem
