// Which points of a latency distribution are written down, and HdrHistogram's file of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/tandem-bench/latency_histogram.h"

namespace tandem::bench {

struct PercentilePoint {
  double fraction = 0;  // 0..1
  std::uint64_t value_ns = 0;
  std::uint64_t count = 0;  // values up to value_ns, by `fraction`
};

// From 0 to 1, each half of what is left in `steps_per_half` steps, as HdrHistogram does it, until
// the steps are finer than one value. Empty if nothing was recorded.
std::vector<PercentilePoint> PercentilePoints(const LatencyHistogram& latency, int steps_per_half);

// The percentile distribution in the format of HdrHistogram's outputPercentileDistribution (.hgrm),
// values in microseconds; https://hdrhistogram.github.io/HdrHistogram/plotFiles.html plots it.
std::string Hgrm(const LatencyHistogram& latency);

}  // namespace tandem::bench
