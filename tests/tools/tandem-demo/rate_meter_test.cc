#include "tools/tandem-demo/rate_meter.h"

#include <gtest/gtest.h>

namespace tandem::demo {
namespace {

using std::chrono::milliseconds;

TEST(RateMeter, NeedsTwoReadings) {
  RateMeter meter;
  EXPECT_EQ(meter.per_second(), 0);
  meter.Read(1'000, TimePoint{});
  EXPECT_EQ(meter.per_second(), 0);
  meter.Read(1'100, TimePoint{} + milliseconds(500));
  EXPECT_DOUBLE_EQ(meter.per_second(), 200);
}

TEST(RateMeter, ForgetsWhatWasLongAgo) {
  RateMeter meter;
  TimePoint now{};
  double count = 0;
  for (int i = 0; i < 20; ++i) meter.Read(count += 100, now += milliseconds(200));
  for (int i = 0; i < 20; ++i) meter.Read(count += 2, now += milliseconds(200));
  EXPECT_NEAR(meter.per_second(), 10, 0.01);
}

TEST(RateMeter, ACounterThatBeginsAnewGivesNoNegativeRate) {
  RateMeter meter;
  meter.Read(5'000, TimePoint{});
  meter.Read(6'000, TimePoint{} + milliseconds(200));
  meter.Read(10, TimePoint{} + milliseconds(400));
  EXPECT_EQ(meter.per_second(), 0);
  meter.Read(20, TimePoint{} + milliseconds(600));
  EXPECT_DOUBLE_EQ(meter.per_second(), 50);
}

}  // namespace
}  // namespace tandem::demo
