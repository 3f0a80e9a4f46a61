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

TEST(BufferPool, KeepsABoundedNumber) {
  BufferPool pool;
  for (int i = 0; i < 10'000; ++i) pool.Return(Filled(1));
  int kept = 0;
  for (ByteBuffer buffer = pool.Take(); buffer.capacity() != 0; buffer = pool.Take()) ++kept;
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 4096);
}

}  // namespace
}  // namespace tandem::net
