#include "tools/tandem-bench/percentiles.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tandem::bench {
namespace {

constexpr int kHgrmStepsPerHalf = 5;  // as HdrHistogram's own tools

double Microseconds(double ns) { return ns / 1e3; }

}  // namespace

std::vector<PercentilePoint> PercentilePoints(const LatencyHistogram& latency, int steps_per_half) {
  std::vector<PercentilePoint> points;
  const auto total = static_cast<double>(latency.count());
  if (latency.count() == 0) return points;
  const auto add = [&](double fraction) {
    points.push_back({.fraction = fraction,
                      .value_ns = latency.Quantile(fraction),
                      .count = static_cast<std::uint64_t>(std::ceil(fraction * total))});
  };
  double left = 1;
  for (; left * total >= 1; left /= 2) {
    for (int step = 0; step < steps_per_half; ++step) {
      add(1 - left + left / 2 * step / steps_per_half);
    }
  }
  add(1);
  return points;
}

std::string Hgrm(const LatencyHistogram& latency) {
  std::string text = absl::StrFormat("%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
                                     "1/(1-Percentile)");
  for (const PercentilePoint& point : PercentilePoints(latency, kHgrmStepsPerHalf)) {
    absl::StrAppendFormat(&text, "%12.3f %2.12f %10d",
                          Microseconds(static_cast<double>(point.value_ns)), point.fraction,
                          point.count);
    if (point.fraction < 1) absl::StrAppendFormat(&text, " %14.2f", 1 / (1 - point.fraction));
    text += '\n';
  }
  absl::StrAppendFormat(&text, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
                        Microseconds(latency.Mean()), Microseconds(latency.Deviation()));
  absl::StrAppendFormat(&text, "#[Max     = %12.3f, Total count    = %12d]\n",
                        Microseconds(static_cast<double>(latency.max_ns())), latency.count());
  absl::StrAppendFormat(&text, "#[Buckets = %12d, SubBuckets     = %12d]\n",
                        LatencyHistogram::kWidthMax - LatencyHistogram::kStepBits + 1,
                        LatencyHistogram::kSteps);
  return text;
}

}  // namespace tandem::bench
