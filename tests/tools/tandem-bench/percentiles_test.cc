#include "tools/tandem-bench/percentiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Percentiles, RiseFromTheSmallestToTheLargest) {
  LatencyHistogram latency;
  for (int i = 1; i <= 1'000; ++i) latency.Record(i * 1'000);
  const auto points = PercentilePoints(latency, 4);
  ASSERT_GT(points.size(), 20u);
  EXPECT_EQ(points.front().fraction, 0);
  EXPECT_EQ(points.back().fraction, 1);
  EXPECT_EQ(points.back().value_ns, 1'000'000u);
  EXPECT_EQ(points.back().count, 1'000u);
  for (std::size_t i = 1; i < points.size(); ++i) {
    EXPECT_GT(points[i].fraction, points[i - 1].fraction);
    EXPECT_GE(points[i].value_ns, points[i - 1].value_ns);
  }
}

TEST(Percentiles, OfNothingAreNone) {
  EXPECT_TRUE(PercentilePoints(LatencyHistogram(), 4).empty());
}

TEST(Hgrm, IsLaidOutAsHdrHistogramWritesIt) {
  LatencyHistogram latency;
  latency.Record(100);  // below 128 ns buckets are exact
  latency.Record(100);
  latency.Record(120);
  latency.Record(120);
  const std::string text = Hgrm(latency);
  EXPECT_THAT(text, StartsWith("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
  EXPECT_THAT(text, HasSubstr("       0.100 0.500000000000          2           2.00\n"));
  EXPECT_THAT(text, HasSubstr("       0.120 1.000000000000          4\n"));
  EXPECT_THAT(text, HasSubstr("#[Mean    =        0.110, StdDeviation   =        0.010]\n"));
  EXPECT_THAT(text, HasSubstr("#[Max     =        0.120, Total count    =            4]\n"));
}

}  // namespace
}  // namespace tandem::bench
