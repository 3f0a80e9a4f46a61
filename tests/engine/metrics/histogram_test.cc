#include "engine/metrics/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace tandem::metrics {
namespace {

std::size_t BucketBySearch(std::uint64_t ns) {
  return static_cast<std::size_t>(
      std::lower_bound(kHistogramBoundsNs.begin(), kHistogramBoundsNs.end(), ns) -
      kHistogramBoundsNs.begin());
}

TEST(Histogram, FindsTheBucketThatASearchFinds) {
  for (const std::uint64_t bound : kHistogramBoundsNs) {
    for (const std::uint64_t ns : {bound - 1, bound, bound + 1})
      EXPECT_EQ(Histogram::BucketOf(ns), BucketBySearch(ns)) << ns;
  }
  for (int shift = 0; shift < 64; ++shift) {
    const std::uint64_t power = std::uint64_t{1} << shift;
    for (const std::uint64_t ns : {power - 1, power, power + 1})
      EXPECT_EQ(Histogram::BucketOf(ns), BucketBySearch(ns)) << ns;
  }
  EXPECT_EQ(Histogram::BucketOf(std::numeric_limits<std::uint64_t>::max()),
            Histogram::kBuckets - 1);
}

TEST(Histogram, CountsAndSums) {
  Histogram histogram;
  histogram.Observe(10'000);     // the bound belongs to its bucket
  histogram.Observe(10'001, 3);  // a batch
  histogram.Observe(-5);         // two clocks that disagree
  histogram.Observe(11'000'000'000);
  EXPECT_EQ(histogram.bucket(0), 2u);
  EXPECT_EQ(histogram.bucket(1), 3u);
  EXPECT_EQ(histogram.bucket(Histogram::kBuckets - 1), 1u);
  EXPECT_EQ(histogram.sum_ns(), 10'000u + 3 * 10'001u + 11'000'000'000u);
}

}  // namespace
}  // namespace tandem::metrics
