#include "engine/broker/takeover_guard.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

constexpr MonoNs kStart = 1'000 * kNanosecondsPerSecond;
constexpr MonoNs kSecond = kNanosecondsPerSecond;

TEST(TakeoverGuard, LetsSoManyPassAndThenOneAfterAnother) {
  TakeoverGuard guard(6);  // one in ten seconds
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(guard.IsStorm("c", kStart)) << i;
    guard.Note("c", kStart);
  }
  EXPECT_TRUE(guard.IsStorm("c", kStart));
  EXPECT_FALSE(guard.IsStorm("other", kStart));
  EXPECT_TRUE(guard.IsStorm("c", kStart + 9 * kSecond));
  EXPECT_FALSE(guard.IsStorm("c", kStart + 10 * kSecond));
  guard.Note("c", kStart + 10 * kSecond);
  EXPECT_TRUE(guard.IsStorm("c", kStart + 19 * kSecond));
}

TEST(TakeoverGuard, ForgetsWhatIsOver) {
  TakeoverGuard guard(60);
  guard.Note("c", kStart);
  guard.Note("d", kStart + kSecond);
  guard.Sweep(kStart + kSecond);
  EXPECT_EQ(guard.watched(), 1u);
  guard.Sweep(kStart + 2 * kSecond);
  EXPECT_EQ(guard.watched(), 0u);
}

TEST(TakeoverGuard, WatchesABoundedNumberOfClients) {
  TakeoverGuard guard(60);
  for (std::size_t i = 0; i < 2 * kWatchedTakeoversMax; ++i) guard.Note(std::to_string(i), kStart);
  EXPECT_EQ(guard.watched(), kWatchedTakeoversMax);
}

TEST(TakeoverGuard, HasNothingToSayWithoutALimit) {
  TakeoverGuard guard(0);
  for (int i = 0; i < 1000; ++i) guard.Note("c", kStart);
  EXPECT_FALSE(guard.IsStorm("c", kStart));
  EXPECT_EQ(guard.watched(), 0u);
}

}  // namespace
}  // namespace tandem::broker
