#include "engine/base/pace.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

constexpr MonoNs kInterval = 100;
constexpr std::int64_t kBurst = 3;

int TakenAt(Pace& pace, MonoNs now, int tries = 10) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += pace.Take(now, kInterval, kBurst);
  return taken;
}

TEST(Pace, AllowsABurstAndThenTheRate) {
  Pace pace;
  EXPECT_EQ(TakenAt(pace, 1000), 3);
  EXPECT_EQ(TakenAt(pace, 1099), 0);
  EXPECT_EQ(TakenAt(pace, 1100), 1);
  EXPECT_EQ(TakenAt(pace, 1350), 2);
}

TEST(Pace, IsNeverFullerThanABurst) {
  Pace pace;
  EXPECT_EQ(TakenAt(pace, 0), 3);
  EXPECT_FALSE(pace.IsFull(299));
  EXPECT_TRUE(pace.IsFull(300));
  EXPECT_EQ(TakenAt(pace, 1'000'000), 3);
}

TEST(Pace, MaySpendWhatItDoesNotHave) {
  Pace pace;
  for (int i = 0; i < 5; ++i) pace.Spend(0, kInterval);
  EXPECT_FALSE(pace.HasTokens(299, kInterval, kBurst));
  EXPECT_TRUE(pace.HasTokens(300, kInterval, kBurst));
}

TEST(LinePace, WritesOneLineAndSaysHowManyItStandsFor) {
  LinePace lines(kInterval);
  EXPECT_EQ(lines.Due(1000), 1u);
  for (MonoNs now = 1001; now < 1100; ++now) EXPECT_EQ(lines.Due(now), std::nullopt);
  EXPECT_EQ(lines.Due(1100), 100u);
  EXPECT_EQ(lines.Due(5000), 1u);
}

}  // namespace
}  // namespace tandem
