// Durations by bucket, of one core: a single writer, any reader (see counter.h).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/metrics/counter.h"

namespace tandem::metrics {

// Upper bounds of the buckets in nanoseconds, inclusive: 10 us to 10 s in steps of 1, 2.5 and 5.
inline constexpr std::array<std::uint64_t, 19> kHistogramBoundsNs = {
    10'000,        25'000,        50'000,        100'000,       250'000,
    500'000,       1'000'000,     2'500'000,     5'000'000,     10'000'000,
    25'000'000,    50'000'000,    100'000'000,   250'000'000,   500'000'000,
    1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

namespace internal {
// For each bit width of a duration, the first bucket that a duration of that width can be in.
// Neighbouring bounds differ by a factor of at least two, so the bucket is this one or the next:
// one comparison instead of a search.
consteval std::array<std::uint8_t, 65> FirstBucketByWidth() {
  std::array<std::uint8_t, 65> first{};
  for (std::size_t width = 0; width < first.size(); ++width) {
    const std::uint64_t smallest = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
    std::size_t bucket = 0;
    while (bucket < kHistogramBoundsNs.size() && kHistogramBoundsNs[bucket] < smallest) ++bucket;
    first[width] = static_cast<std::uint8_t>(bucket);
  }
  return first;
}
inline constexpr std::array<std::uint8_t, 65> kFirstBucketByWidth = FirstBucketByWidth();
}  // namespace internal

class Histogram {
 public:
  // The last bucket holds what is above all bounds.
  static constexpr std::size_t kBuckets = kHistogramBoundsNs.size() + 1;

  // Counts one duration; a negative one (clocks of two cores) counts as 0.
  void Observe(std::int64_t duration_ns) noexcept { Observe(duration_ns, 1); }
  // Counts `times` observations of one duration: a batch that was written at once.
  void Observe(std::int64_t duration_ns, std::uint64_t times) noexcept {
    const std::uint64_t ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration_ns, 0));
    buckets_[BucketOf(ns)].Add(times);
    sum_ns_.Add(ns * times);
  }

  std::uint64_t bucket(std::size_t index) const noexcept { return buckets_[index].value(); }
  std::uint64_t sum_ns() const noexcept { return sum_ns_.value(); }

  static constexpr std::size_t BucketOf(std::uint64_t ns) noexcept {
    const std::size_t first =
        internal::kFirstBucketByWidth[static_cast<std::size_t>(std::bit_width(ns))];
    return first + (first < kHistogramBoundsNs.size() && ns > kHistogramBoundsNs[first] ? 1 : 0);
  }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

}  // namespace tandem::metrics
