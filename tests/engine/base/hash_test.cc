#include "engine/base/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace tandem {
namespace {

// Both nodes, and every release, place sessions by it: these numbers may never change.
TEST(StableHash, IsTheSameInEveryRelease) {
  EXPECT_EQ(StableHash(""), 0xefd01f60ba992926ULL);
  EXPECT_EQ(StableHash("a"), 0x82a2a958a9bece5bULL);
  EXPECT_EQ(StableHash("client-1"), 0xf93bd2c16ac6882dULL);
}

// Two releases compare their copies of sessions by it.
TEST(StableHash, OfNumbersIsTheSameInEveryReleaseToo) {
  EXPECT_EQ(StableHash({1, 2}), 0x82b3f9441db6fb9fULL);
  std::set<std::uint64_t> values;
  for (std::uint64_t a = 0; a < 100; ++a) {
    values.insert(StableHash({a}));
    for (std::uint64_t b = 0; b < 100; ++b) values.insert(StableHash({a, b}));
  }
  EXPECT_EQ(values.size(), 10'100u);
}

TEST(StableHash, SpreadsSimilarNamesEvenly) {
  constexpr std::size_t kCores = 7;
  constexpr int kNames = 70'000;
  std::array<int, kCores> counts{};
  std::set<std::uint64_t> values;
  for (int i = 0; i < kNames; ++i) {
    const std::uint64_t hash = StableHash("device/" + std::to_string(i));
    values.insert(hash);
    ++counts[hash % kCores];
  }
  EXPECT_EQ(values.size(), static_cast<std::size_t>(kNames));
  for (const int count : counts) EXPECT_NEAR(count, kNames / static_cast<int>(kCores), 500);
}

}  // namespace
}  // namespace tandem
