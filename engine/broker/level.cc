#include "engine/broker/level.h"

#include <cstring>

#include "absl/hash/hash.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

// The `size` <= 8 bytes at `data` as one number, without reading beyond them.
std::uint64_t Load(const char* data, std::size_t size) noexcept {
  if (size >= 4) {
    std::uint32_t first;
    std::uint32_t last;
    std::memcpy(&first, data, 4);
    std::memcpy(&last, data + size - 4, 4);
    return first | (std::uint64_t{last} << (8 * (size - 4)));
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(data[i])} << (8 * i);
  }
  return value;
}

constexpr std::uint64_t kPlusHash = 0xc3a5c85c97cb3127ULL;

PathKey Combine(PathKey parent, std::uint64_t hash) noexcept {
  return PathKey{absl::HashOf(static_cast<std::uint64_t>(parent), hash)};
}

}  // namespace

Level MakeLevel(std::string_view text) noexcept {
  Level level;
  level.data = text.data();
  level.size = static_cast<std::uint32_t>(text.size());
  if (!level.is_long()) {
    const std::size_t in_head = text.size() < 8 ? text.size() : 8;
    level.head = Load(text.data(), in_head);
    level.tail = static_cast<std::uint32_t>(Load(text.data() + in_head, text.size() - in_head)) |
                 (level.size << 24);
    level.hash = absl::HashOf(level.head, level.tail);
  } else {
    level.head = 0;
    level.hash = absl::HashOf(ToAbsl(text));
    level.tail = (kLongMark << 24) | static_cast<std::uint32_t>(level.hash & 0xFF'FFFF);
  }
  return level;
}

std::size_t SplitLevels(std::string_view text, Level* levels) noexcept {
  std::size_t count = 0;
  mqtt::Levels rest(text);
  std::string_view level;
  while (rest.Next(level)) {
    TANDEM_CHECK(count < kTopicLevelsMax);
    levels[count++] = MakeLevel(level);
  }
  return count;
}

PathKey Extend(PathKey parent, const Level& level) noexcept { return Combine(parent, level.hash); }
PathKey ExtendPlus(PathKey parent) noexcept { return Combine(parent, kPlusHash); }

}  // namespace tandem::broker
