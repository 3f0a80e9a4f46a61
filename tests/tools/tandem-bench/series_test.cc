#include "tools/tandem-bench/series.h"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

TEST(Sample, HoldsRatesPerSecondAndLatenciesInMicroseconds) {
  Measurement recent;
  recent.published = 50;
  recent.received = 100;
  for (int i = 0; i < 98; ++i) recent.latency.Record(100);
  recent.latency.Record(2'000);
  recent.latency.Record(4'000);
  const Sample sample = MakeSample(recent, 3 * kNanosecondsPerSecond, kNanosecondsPerSecond / 2);
  EXPECT_DOUBLE_EQ(sample.at_s, 3);
  EXPECT_DOUBLE_EQ(sample.published_per_s, 100);
  EXPECT_DOUBLE_EQ(sample.received_per_s, 200);
  EXPECT_DOUBLE_EQ(sample.p50_us, 0.1);
  EXPECT_NEAR(sample.p99_us, 2, 0.02);
  EXPECT_NEAR(sample.p99_9_us, 4, 0.04);
}

}  // namespace
}  // namespace tandem::bench
