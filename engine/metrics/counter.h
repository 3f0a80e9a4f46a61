// Counters and gauges of one core.
//
// One thread writes (the core that owns the metrics struct), any thread reads at a scrape. A write
// is a relaxed load and a relaxed store: two plain moves, no lock prefix, no bus traffic while
// nobody scrapes. Two writers would lose counts. The structs that hold them are aligned to
// kCacheLineBytes, so that no two cores share a line.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::metrics {

inline constexpr std::size_t kCacheLineBytes = 64;

// Counts up, from 0 at start of the process.
class Counter {
 public:
  void Add(std::uint64_t count = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  // For what is counted elsewhere: its total by now.
  void Follow(std::uint64_t total) noexcept { value_.store(total, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Goes up and down. The gauge of one core may be negative where things are opened on one core and
// closed on another; the sum over the cores is what an operator sees.
class Gauge {
 public:
  void Set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void Add(std::int64_t delta) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// The label values of an enum, in the order of its enumerators; specialised beside the enum:
//   template <> inline constexpr std::array<std::string_view, 2> kLabelValues<Direction> = {"in",
//   "out"};
template <class Enum>
inline constexpr std::array<std::string_view, 0> kLabelValues = {};

// One Counter or Gauge for each value of an enum.
template <class Metric, class Enum>
class ByLabel {
 public:
  static constexpr std::size_t kSize = kLabelValues<Enum>.size();
  static_assert(kSize > 0, "specialise kLabelValues for this enum");

  Metric& operator[](Enum label) noexcept { return metrics_[static_cast<std::size_t>(label)]; }
  const Metric& operator[](Enum label) const noexcept {
    return metrics_[static_cast<std::size_t>(label)];
  }

  // Calls visit(label value, metric) for each, in the order of the enum.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (std::size_t i = 0; i < kSize; ++i) visit(kLabelValues<Enum>[i], metrics_[i]);
  }

 private:
  std::array<Metric, kSize> metrics_;
};

}  // namespace tandem::metrics
