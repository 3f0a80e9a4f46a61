#include "engine/broker/level.h"

#include <bit>
#include <cstring>

#include "absl/hash/hash.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace tandem::broker {
namespace {

static_assert(std::endian::native == std::endian::little,
              "byte 0 of a level is the lowest of its head");

template <class Integer>
Integer LoadWhole(const char* data) noexcept {
  Integer value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

// The `size` <= 8 bytes at `data`, padded with zeros.
std::uint64_t Load(const char* data, std::size_t size) noexcept {
  if (size == 8) return LoadWhole<std::uint64_t>(data);
  if (size >= 4) {
    const std::uint64_t last = LoadWhole<std::uint32_t>(data + size - 4);
    return LoadWhole<std::uint32_t>(data) | (last << (8 * (size - 4)));
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(data[i])} << (8 * i);
  return value;
}

// The lowest `size` < 8 bytes of `value`.
std::uint64_t Lowest(std::uint64_t value, std::size_t size) noexcept {
  return value & ((std::uint64_t{1} << (8 * size)) - 1);
}

constexpr std::size_t kReadAheadBytes = 12;

// `end` is where readable memory ends, at or behind the end of the level.
inline Level MakeLevel(const char* data, std::size_t size, const char* end) noexcept {
  Level level;
  level.data = data;
  level.size = static_cast<std::uint32_t>(size);
  if (size > kShortLevelBytesMax) {
    level.head = absl::HashOf(ToAbsl({data, size}));
    level.tail = (kLongMark << 24) | static_cast<std::uint32_t>(level.head & 0xFF'FFFF);
    return level;
  }
  level.tail = level.size << 24;
  if (static_cast<std::size_t>(end - data) >= kReadAheadBytes) {  // no branch on the size but one
    const auto head = LoadWhole<std::uint64_t>(data);
    level.head = size < 8 ? Lowest(head, size) : head;
    if (size > 8)
      level.tail |=
          static_cast<std::uint32_t>(Lowest(LoadWhole<std::uint32_t>(data + 8), size - 8));
  } else {
    level.head = Load(data, size < 8 ? size : 8);
    if (size > 8) level.tail |= static_cast<std::uint32_t>(Load(data + 8, size - 8));
  }
  return level;
}

// The top bit of each byte of `word` that is a slash, and no other bit.
std::uint64_t Slashes(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kLow7 = 0x7F * kOnes;
  const std::uint64_t zero_where_slash = word ^ (kOnes * '/');
  return ~(((zero_where_slash & kLow7) + kLow7) | zero_where_slash | kLow7);
}

}  // namespace

Level MakeLevel(std::string_view text) noexcept {
  return MakeLevel(text.data(), text.size(), text.data() + text.size());
}

std::size_t SplitLevels(std::string_view text, Level* levels) noexcept {
  const char* const end = text.data() + text.size();
  const char* start = text.data();
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += 8) {
    const std::size_t left = text.size() - at;
    const char* block = text.data() + at;
    std::uint64_t slashes =
        Slashes(left >= 8 ? LoadWhole<std::uint64_t>(block) : Load(block, left));
    for (; slashes != 0; slashes &= slashes - 1) {
      const char* slash = block + std::countr_zero(slashes) / 8;
      TANDEM_CHECK(count < kTopicLevelsMax - 1);
      levels[count++] = MakeLevel(start, static_cast<std::size_t>(slash - start), end);
      start = slash + 1;
    }
  }
  levels[count++] = MakeLevel(start, static_cast<std::size_t>(end - start), end);
  return count;
}

}  // namespace tandem::broker
