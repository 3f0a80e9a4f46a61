#include "tools/tandem-bench/busy_meter.h"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

TEST(BusyMeter, CountsTheTurnsThatDidSomething) {
  BusyMeter meter;
  EXPECT_EQ(meter.Share(0), 0);
  meter.Begin(100);
  meter.Turn(100, 120, true);
  meter.Turn(120, 180, false);
  meter.Turn(180, 190, true);
  EXPECT_DOUBLE_EQ(meter.Share(200), 0.3);
}

TEST(BusyMeter, BeginsInTheMiddleOfATurn) {
  BusyMeter meter;
  meter.Turn(0, 50, true);
  meter.Begin(90);
  meter.Turn(50, 100, true);
  EXPECT_DOUBLE_EQ(meter.Share(110), 0.5);
}

}  // namespace
}  // namespace tandem::bench
