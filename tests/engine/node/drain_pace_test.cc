#include "engine/node/drain_pace.h"

#include <gtest/gtest.h>

namespace tandem::node {
namespace {

TEST(DrainPace, LetsClientsGoEvenly) {
  DrainPace pace;
  pace.Begin(0, 10);
  EXPECT_EQ(pace.Take(0), 1u) << "the first at once";
  EXPECT_EQ(pace.Take(kNanosecondsPerSecond / 20), 0u);
  EXPECT_EQ(pace.Take(kNanosecondsPerSecond / 10), 1u);
  EXPECT_EQ(pace.Take(kNanosecondsPerSecond), 9u);
}

TEST(DrainPace, SaysWhenTheNextMayGo) {
  DrainPace pace;
  pace.Begin(0, 10);
  pace.Take(0);
  const MonoNs next = pace.NextAt();
  EXPECT_NEAR(static_cast<double>(next), 1e8, 10);
  EXPECT_EQ(pace.Take(next - 1000), 0u);
  EXPECT_EQ(pace.Take(next), 1u);
}

TEST(DrainPace, MakesNoBurstOfALongPause) {
  DrainPace pace;
  pace.Begin(0, 1000);
  EXPECT_EQ(pace.Take(60 * kNanosecondsPerSecond), 64u);
}

}  // namespace
}  // namespace tandem::node
