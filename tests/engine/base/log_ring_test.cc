#include "engine/base/log_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>

namespace tandem::internal {
namespace {

struct Popped {
  LogRecordHeader header;
  std::string text;
};

bool Pop(LogRing& ring, Popped& out) {
  std::array<char, kLogTextBytesMax> text;
  if (!ring.Pop(out.header, text.data())) return false;
  out.text.assign(text.data(), out.header.text_bytes);
  return true;
}

TEST(LogRing, GivesBackWhatWasPushedInOrder) {
  LogRing ring(0);
  EXPECT_TRUE(ring.Push({.wall_ns = 5, .level = 2, .channel = 1}, "first"));
  EXPECT_TRUE(ring.Push({.wall_ns = 6}, ""));

  std::int64_t oldest_ns = 0;
  ASSERT_TRUE(ring.PeekTime(oldest_ns));
  EXPECT_EQ(oldest_ns, 5);
  Popped record;
  ASSERT_TRUE(Pop(ring, record));
  EXPECT_EQ(record.text, "first");
  EXPECT_EQ(record.header.level, 2);
  EXPECT_EQ(record.header.channel, 1);
  ASSERT_TRUE(Pop(ring, record));
  EXPECT_EQ(record.text, "");
  EXPECT_FALSE(Pop(ring, record));
  EXPECT_FALSE(ring.PeekTime(oldest_ns));
}

TEST(LogRing, RefusesWhatDoesNotFitAndHasRoomAgainAfterPop) {
  LogRing ring(0);
  const std::string text(kLogTextBytesMax, 'x');
  int pushed = 0;
  while (ring.Push({}, text)) ++pushed;
  EXPECT_GE(pushed, 3);
  EXPECT_FALSE(ring.Push({}, text));
  Popped record;
  ASSERT_TRUE(Pop(ring, record));
  EXPECT_TRUE(ring.Push({}, text));
}

TEST(LogRing, CarriesRecordsOfEverySizeBetweenTwoThreads) {
  constexpr int kRecords = 50'000;
  LogRing ring(0);
  std::thread producer([&] {
    for (int i = 0; i < kRecords; ++i) {
      const std::string text(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
      while (!ring.Push({.wall_ns = i}, text)) std::this_thread::yield();
    }
  });
  int bad = 0;
  for (int i = 0; i < kRecords;) {
    Popped record;
    if (!Pop(ring, record)) {
      std::this_thread::yield();
      continue;
    }
    const std::string expected(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    if (record.header.wall_ns != i || record.text != expected) ++bad;
    ++i;
  }
  producer.join();
  EXPECT_EQ(bad, 0);
}

}  // namespace
}  // namespace tandem::internal
