#include "tools/tandem-bench/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace tandem::bench {
namespace {

TEST(LatencyHistogram, IsEmptyAtFirst) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Quantile(0.5), 0u);
  EXPECT_EQ(histogram.max_ns(), 0u);
}

TEST(LatencyHistogram, IsExactForSmallValues) {
  LatencyHistogram histogram;
  for (MonoNs ns = 1; ns <= 100; ++ns) histogram.Record(ns);
  EXPECT_EQ(histogram.Quantile(0.5), 50u);
  EXPECT_EQ(histogram.Quantile(0.99), 99u);
  EXPECT_EQ(histogram.Quantile(1), 100u);
  EXPECT_EQ(histogram.Quantile(0), 1u);
}

TEST(LatencyHistogram, BucketsFollowOneAnotherWithoutGaps) {
  for (std::size_t bucket = 0; bucket < 4'000; ++bucket) {
    const std::uint64_t end = LatencyHistogram::UpperEnd(bucket);
    EXPECT_EQ(LatencyHistogram::BucketOf(end), bucket);
    EXPECT_EQ(LatencyHistogram::BucketOf(end + 1), bucket + 1);
  }
}

TEST(LatencyHistogram, QuantilesAreAtMostOneStepAboveTheTruth) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(std::log(200'000.0), 2);
  std::vector<std::uint64_t> all;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.Record(static_cast<MonoNs>(all.back()));
  }
  std::sort(all.begin(), all.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double truth = all[static_cast<std::size_t>(std::ceil(q * 20'000)) - 1];
    const double measured = histogram.Quantile(q);
    EXPECT_GE(measured, truth) << q;
    EXPECT_LE(measured, truth * (1 + 1.0 / LatencyHistogram::kSteps) + 1) << q;
  }
}

TEST(LatencyHistogram, NegativeCountsAsNothingAndTooLongKeepsItsMaximum) {
  LatencyHistogram histogram;
  histogram.Record(-5);
  EXPECT_EQ(histogram.Quantile(1), 0u);
  histogram.Record(MonoNs{1} << 50);
  EXPECT_EQ(histogram.max_ns(), std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.Quantile(1), std::uint64_t{1} << 50);
}

TEST(LatencyHistogram, AddsWhatAnotherCounted) {
  LatencyHistogram a, b;
  for (int i = 0; i < 10; ++i) a.Record(10);
  for (int i = 0; i < 30; ++i) b.Record(100);
  a.Add(b);
  EXPECT_EQ(a.count(), 40u);
  EXPECT_EQ(a.Quantile(0.25), 10u);
  EXPECT_EQ(a.Quantile(0.26), 100u);
  EXPECT_EQ(a.max_ns(), 100u);
  a.Clear();
  EXPECT_EQ(a.count(), 0u);
  EXPECT_EQ(a.Quantile(1), 0u);
}

TEST(LatencyHistogram, KnowsMeanAndDeviation) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Mean(), 0);
  EXPECT_EQ(histogram.Deviation(), 0);
  for (const MonoNs ns : {10, 20, 30, 40}) histogram.Record(ns);
  EXPECT_DOUBLE_EQ(histogram.Mean(), 25);
  EXPECT_NEAR(histogram.Deviation(), 11.18, 0.01);
}

}  // namespace
}  // namespace tandem::bench
