// A run, second by second.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/clock.h"
#include "tools/tandem-bench/load.h"

namespace tandem::bench {

struct Sample {
  double at_s = 0;  // the end of its time, from the begin of measuring
  double published_per_s = 0;
  double received_per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p99_9_us = 0;
};
using Series = std::vector<Sample>;

// What happened in the `length` that ends at `end`. Needs length > 0.
inline Sample MakeSample(const Measurement& recent, MonoNs end, MonoNs length) {
  const double seconds = static_cast<double>(length) / 1e9;
  const auto microseconds = [&](double fraction) {
    return static_cast<double>(recent.latency.Quantile(fraction)) / 1e3;
  };
  return {.at_s = static_cast<double>(end) / 1e9,
          .published_per_s = static_cast<double>(recent.published) / seconds,
          .received_per_s = static_cast<double>(recent.received) / seconds,
          .p50_us = microseconds(0.5),
          .p99_us = microseconds(0.99),
          .p99_9_us = microseconds(0.999)};
}

}  // namespace tandem::bench
