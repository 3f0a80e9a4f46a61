#include "engine/base/byte_buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <type_traits>

namespace tandem {
namespace {

static_assert(!std::is_copy_constructible_v<ByteBuffer>);
static_assert(std::is_nothrow_move_constructible_v<ByteBuffer>);

TEST(ByteBuffer, AppendsAndKeepsWhatItHasWhileItGrows) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string piece(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    buffer.Append(AsBytes(piece));
    expected += piece;
  }
  EXPECT_EQ(AsText(buffer.bytes()), expected);
  EXPECT_EQ(AsText(buffer.bytes(3, 4)), expected.substr(3, 4));
}

// From blocks that the cache keeps to the heap's, and on there.
TEST(ByteBuffer, KeepsWhatItHasAcrossTheLimitOfTheBlockCache) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string piece(1'000, static_cast<char>('a' + i % 26));
    buffer.Append(AsBytes(piece));
    expected += piece;
  }
  ASSERT_GT(buffer.capacity(), 2 * BlockCache::kBlockBytesMax);
  EXPECT_EQ(AsText(buffer.bytes()), expected);
}

TEST(ByteBuffer, TakesABlockOfTheCacheAndGivesItBack) {
  if (!BlockCache::kKeeps) GTEST_SKIP() << "keeps nothing";
  std::thread([] {  // with a cache of its own
    for (int i = 0; i < 2; ++i) {
      ByteBuffer buffer;
      buffer.Reserve(3'000);
      EXPECT_EQ(BlockCache::Local().kept_bytes(), 0u);
      buffer.Release();
      EXPECT_GE(BlockCache::Local().kept_bytes(), 3'000u);
    }
  })
      .join();
}

TEST(ByteBuffer, TakesAnEmptyPieceWithoutMemory) {
  ByteBuffer buffer;
  buffer.Append({});
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ByteBuffer, GivesRoomForOneLargePiece) {
  ByteBuffer buffer;
  buffer.AppendByte('x');
  std::uint8_t* const place = buffer.Extend(1'000'000);
  place[999'999] = 'y';
  EXPECT_EQ(buffer.size(), 1'000'001u);
  EXPECT_EQ(buffer.data()[0], 'x');
  EXPECT_EQ(buffer.data()[1'000'000], 'y');
}

TEST(ByteBuffer, ReservesWithoutChangingItsContent) {
  ByteBuffer buffer;
  buffer.Append(AsBytes("abc"));
  buffer.Reserve(1000);
  EXPECT_GE(buffer.capacity(), 1000u);
  const std::uint8_t* const data = buffer.data();
  buffer.Extend(997);
  EXPECT_EQ(buffer.data(), data) << "no growth within what was reserved";
  EXPECT_EQ(AsText(buffer.bytes(0, 3)), "abc");
}

TEST(ByteBuffer, DropsBytesAtEitherEnd) {
  ByteBuffer buffer;
  buffer.Append(AsBytes("abcdef"));
  buffer.Truncate(5);
  buffer.Consume(2);
  EXPECT_EQ(AsText(buffer.bytes()), "cde");
  buffer.Consume(3);
  EXPECT_TRUE(buffer.empty());
  EXPECT_GT(buffer.capacity(), 0u);
  buffer.Release();
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ByteBuffer, MovesItsMemory) {
  ByteBuffer buffer;
  buffer.Append(AsBytes("abc"));
  ByteBuffer moved = std::move(buffer);
  EXPECT_EQ(AsText(moved.bytes()), "abc");
  EXPECT_TRUE(buffer.empty());  // NOLINT: a moved-from buffer is an empty one
}

}  // namespace
}  // namespace tandem
