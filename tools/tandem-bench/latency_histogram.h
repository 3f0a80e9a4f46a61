// Latencies of a run, exact enough for percentiles and small enough to stay in the cache.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/base/clock.h"

namespace tandem::bench {

// Log-linear as HdrHistogram: each power of two is divided into kSteps equal buckets, so a reported
// value is at most 1/kSteps (0.8 %) above the true one; below kSteps nanoseconds it is exact. Holds
// up to kLargest; what is longer counts as kLargest, and max() still tells the truth. 35 KB;
// Record() costs a few instructions and allocates nothing.
class LatencyHistogram {
 public:
  static constexpr int kStepBits = 7;
  static constexpr std::uint64_t kSteps = std::uint64_t{1} << kStepBits;
  static constexpr int kWidthMax = 40;
  static constexpr std::uint64_t kLargest = (std::uint64_t{1} << kWidthMax) - 1;  // 18 minutes

  // Counts one latency; a negative one (clocks of two hosts) counts as 0.
  void Record(MonoNs latency_ns) noexcept {
    const std::uint64_t ns = latency_ns > 0 ? static_cast<std::uint64_t>(latency_ns) : 0;
    ++counts_[BucketOf(ns < kLargest ? ns : kLargest)];
    ++count_;
    if (ns > max_) max_ = ns;
  }

  // Adds what `other` has counted.
  void Add(const LatencyHistogram& other) noexcept;
  void Clear() noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t max_ns() const noexcept { return max_; }

  // The smallest recorded latency that `fraction` (0..1) of all do not exceed, as the upper end of
  // its bucket but never above max_ns(). 0 if nothing was recorded.
  std::uint64_t Quantile(double fraction) const noexcept;

  // Of the upper ends of the buckets; 0 if nothing was recorded.
  double Mean() const noexcept;
  double Deviation() const noexcept;

  static constexpr std::size_t BucketOf(std::uint64_t ns) noexcept {
    if (ns < kSteps) return static_cast<std::size_t>(ns);
    const int shift = static_cast<int>(std::bit_width(ns)) - kStepBits - 1;
    return (static_cast<std::size_t>(shift) << kStepBits) + static_cast<std::size_t>(ns >> shift);
  }
  // The largest value that falls into `bucket`.
  static constexpr std::uint64_t UpperEnd(std::size_t bucket) noexcept {
    if (bucket < kSteps) return bucket;
    const std::size_t shift = (bucket >> kStepBits) - 1;
    const std::uint64_t step = bucket - (shift << kStepBits);
    return ((step + 1) << shift) - 1;
  }

 private:
  static constexpr std::size_t kBuckets = std::size_t{kWidthMax - kStepBits + 1} << kStepBits;

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace tandem::bench
