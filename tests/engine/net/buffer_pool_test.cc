#include "engine/net/buffer_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace tandem::net {
namespace {

ByteBuffer Filled(std::size_t size) {
  ByteBuffer buffer;
  std::fill_n(buffer.Extend(size), size, std::uint8_t{1});
  return buffer;
}

TEST(BufferPool, LendsTheSameMemoryAgainAndEmpty) {
  BufferPool pool;
  EXPECT_EQ(pool.Take().capacity(), 0u);
  ByteBuffer buffer = Filled(100);
  const std::uint8_t* const memory = buffer.data();
  pool.Return(std::move(buffer));
  const ByteBuffer again = pool.Take();
  EXPECT_EQ(again.data(), memory);
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(pool.Take().capacity(), 0u);
}

TEST(BufferPool, DoesNotKeepWhatHasGrownLarge) {
  BufferPool pool;
  pool.Return(Filled(1 << 20));
  pool.Return(ByteBuffer());
  EXPECT_EQ(pool.Take().capacity(), 0u);
}

TEST(BufferPool, KeepsABoundedNumberOfBytes) {
  BufferPool pool;
  constexpr std::size_t kBytes = 100'000;
  constexpr std::size_t kKept = BufferPool::kKeptBytesMax / kBytes;
  for (std::size_t i = 0; i < 2 * kKept; ++i) {
    ByteBuffer buffer;
    buffer.Reserve(kBytes);
    pool.Return(std::move(buffer));
  }
  EXPECT_LE(pool.kept_bytes(), BufferPool::kKeptBytesMax);
  std::size_t kept = 0;
  for (ByteBuffer buffer = pool.Take(); buffer.capacity() != 0; buffer = pool.Take()) ++kept;
  EXPECT_EQ(kept, kKept);
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

}  // namespace
}  // namespace tandem::net
