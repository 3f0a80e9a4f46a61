// One level of a topic or filter, in the form that the trie compares and hashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::broker {

// Levels up to this length are compared as two integers and stand inside their trie node.
inline constexpr std::size_t kShortLevelBytesMax = 11;

// Trivial on purpose: a match keeps an uninitialized array of kTopicLevelsMax of them on the stack.
struct Level {
  const char* data;
  std::uint32_t size;
  // Short: the length in the top byte, and bytes 8 to 10. Long: kLongMark in the top byte, and 24
  // bits of the hash.
  std::uint32_t tail;
  // Short: bytes 0 to 7, padded with zeros. Long: the hash.
  std::uint64_t head;

  std::string_view text() const noexcept { return {data, size}; }
  bool is_long() const noexcept { return size > kShortLevelBytesMax; }
};
inline constexpr std::uint32_t kLongMark = 0xFF;
inline constexpr std::uint32_t kPlusMark =
    0xFE;  // the name of a '+' node; no level of a topic has it

// `text` is to outlive the level.
Level MakeLevel(std::string_view text) noexcept;

// Cuts `text` into its levels. `levels` has room for kTopicLevelsMax; returns how many there are.
// More are a bug of the caller, who has validated `text`.
std::size_t SplitLevels(std::string_view text, Level* levels) noexcept;

}  // namespace tandem::broker
