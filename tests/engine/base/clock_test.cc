#include "engine/base/clock.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(HybridClock, FollowsTheWallClock) {
  HybridClock clock;
  EXPECT_EQ(clock.Issue(5), Hlc{5} << 16);
  EXPECT_EQ(clock.Issue(7), Hlc{7} << 16);
}

TEST(HybridClock, TellsWhichOfTwoCoresWroteLaterWithinAMillisecond) {
  HybridClock busy;
  HybridClock idle;
  Hlc last = 0;
  for (int i = 0; i < 20; ++i) last = busy.Issue(5, 1000);
  EXPECT_EQ(last, Hlc{5} << 16 | 1019);
  EXPECT_GT(idle.Issue(5, 1'066), last) << "a microsecond later";
  EXPECT_EQ(idle.Issue(6), Hlc{6} << 16);
}

TEST(HybridClock, RisesWhileTheWallClockStandsOrGoesBack) {
  HybridClock clock;
  const Hlc first = clock.Issue(1000);
  const Hlc second = clock.Issue(1000);
  const Hlc third = clock.Issue(900);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, clock.Issue(1001));
}

TEST(HybridClock, IssuesLaterThanWhatItHasSeenElsewhere) {
  HybridClock ahead;
  HybridClock behind;
  const Hlc remote = ahead.Issue(6000);
  EXPECT_TRUE(behind.Observe(remote, 1000));
  EXPECT_GT(behind.Issue(1000), remote);
  EXPECT_TRUE(behind.Observe(1, 1000)) << "the past changes nothing";
  EXPECT_GT(behind.Issue(1000), remote);
}

TEST(HybridClock, DoesNotBelieveAClockThatIsFarAhead) {
  HybridClock clock;
  const WallMs now = 1'000'000;
  EXPECT_TRUE(clock.Observe(static_cast<Hlc>(now + HybridClock::kMaxAheadMs) << 16, now));
  HybridClock other;
  EXPECT_FALSE(other.Observe(static_cast<Hlc>(now + HybridClock::kMaxAheadMs + 1) << 16, now));
  EXPECT_EQ(other.Issue(now), static_cast<Hlc>(now) << 16);
}

}  // namespace
}  // namespace tandem
