#include "engine/base/block_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace tandem {
namespace {

TEST(BlockCache, GivesTheSameBlockAgainToAnyoneWhoseSizeItFits) {
  BlockCache cache;
  void* const first = cache.Take(65);
  cache.Give(first, 65);
  void* const again = cache.Take(128);
  if (BlockCache::kKeeps) {
    EXPECT_EQ(again, first);
  }
  std::memset(again, 1, 128);
  void* const other = cache.Take(129);
  EXPECT_NE(other, again);
  cache.Give(again, 128);
  cache.Give(other, 129);
}

TEST(BlockCache, TakesEverySizeWhole) {
  BlockCache cache;
  for (const std::size_t size : {0u, 1u, 64u, 65u, 65'535u, 65'536u, 65'537u, 100'000u}) {
    void* const block = cache.Take(size);
    std::memset(block, 0xAB, size);  // the sanitizers watch the ends
    cache.Give(block, size);
  }
}

TEST(BlockCache, KeepsNoMoreThanItsBound) {
  BlockCache cache;
  constexpr std::size_t kCount = 2 * BlockCache::kKeptBytesMax / BlockCache::kBlockBytesMax;
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < kCount; ++i) blocks.push_back(cache.Take(BlockCache::kBlockBytesMax));
  for (void* const block : blocks) cache.Give(block, BlockCache::kBlockBytesMax);
  EXPECT_LE(cache.kept_bytes(), BlockCache::kKeptBytesMax);
  EXPECT_EQ(cache.kept_bytes() > 0, BlockCache::kKeeps);
}

TEST(BlockCache, KeepsWhatComesNowThoughItWasFullOfOtherSizes) {
  if (!BlockCache::kKeeps) GTEST_SKIP() << "keeps nothing";
  BlockCache cache;
  constexpr std::size_t kCount = BlockCache::kKeptBytesMax / BlockCache::kBlockBytesMax;
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < kCount; ++i) blocks.push_back(cache.Take(BlockCache::kBlockBytesMax));
  for (void* const block : blocks) cache.Give(block, BlockCache::kBlockBytesMax);
  ASSERT_EQ(cache.kept_bytes(), BlockCache::kKeptBytesMax);
  for (int i = 0; i < 200; ++i) cache.Give(cache.Take(2048), 2048);
  const std::size_t kept = cache.kept_bytes();
  EXPECT_LE(kept, BlockCache::kKeptBytesMax);
  void* const block = cache.Take(2048);
  EXPECT_EQ(cache.kept_bytes(), kept - 2048) << "it came from the heap";
  cache.Give(block, 2048);
}

TEST(BlockCache, ABlockMayEndOnAnotherThread) {
  void* const block = BlockCache::Local().Take(100);
  std::thread([block] { BlockCache::Local().Give(block, 100); }).join();  // and that thread's end
}

TEST(BlockVector, TakesTheBlockThatAnotherHasGivenBack) {
  const auto filled = [] {
    BlockVector<int> numbers;
    numbers.reserve(10);
    for (int i = 0; i < 10; ++i) numbers.push_back(i);
    EXPECT_EQ(numbers.back(), 9);
    return numbers.data();
  };
  const int* const first = filled();
  if (BlockCache::kKeeps) {
    EXPECT_EQ(filled(), first);
  }
}

}  // namespace
}  // namespace tandem
