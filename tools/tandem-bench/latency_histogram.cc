#include "tools/tandem-bench/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace tandem::bench {

void LatencyHistogram::Add(const LatencyHistogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

void LatencyHistogram::Clear() noexcept {
  counts_.fill(0);
  count_ = 0;
  max_ = 0;
}

std::uint64_t LatencyHistogram::Quantile(double fraction) const noexcept {
  if (count_ == 0) return 0;
  const double rank = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return i + 1 == kBuckets ? max_ : std::min(UpperEnd(i), max_);
  }
  return max_;
}

double LatencyHistogram::Mean() const noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    sum += static_cast<double>(counts_[i]) * static_cast<double>(UpperEnd(i));
  }
  return count_ > 0 ? sum / static_cast<double>(count_) : 0;
}

double LatencyHistogram::Deviation() const noexcept {
  const double mean = Mean();
  double sum = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const double distance = static_cast<double>(UpperEnd(i)) - mean;
    sum += static_cast<double>(counts_[i]) * distance * distance;
  }
  return count_ > 0 ? std::sqrt(sum / static_cast<double>(count_)) : 0;
}

}  // namespace tandem::bench
