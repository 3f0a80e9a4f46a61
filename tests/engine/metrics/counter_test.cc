#include "engine/metrics/counter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace tandem::metrics {

enum class Colour : std::uint8_t { kRed, kBlue };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<Colour> = {"red", "blue"};

namespace {

static_assert(sizeof(Counter) == 8 && sizeof(Gauge) == 8, "a metric is one word");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

TEST(Counter, CountsUp) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0u);
  counter.Add();
  counter.Add(41);
  EXPECT_EQ(counter.value(), 42u);
}

TEST(Gauge, GoesUpAndDownAndBelowZero) {
  Gauge gauge;
  gauge.Add(3);
  gauge.Add(-5);
  EXPECT_EQ(gauge.value(), -2);
  gauge.Set(7);
  EXPECT_EQ(gauge.value(), 7);
}

TEST(Counter, AReaderOnAnotherThreadSeesItGrow) {
  constexpr std::uint64_t kCount = 200'000;
  Counter counter;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kCount; ++i) counter.Add();
  });
  std::uint64_t last = 0;
  bool monotonic = true;
  while (last < kCount) {
    const std::uint64_t now = counter.value();
    monotonic = monotonic && now >= last;
    last = now;
  }
  writer.join();
  EXPECT_TRUE(monotonic);
  EXPECT_EQ(counter.value(), kCount);
}

TEST(ByLabel, HoldsOneMetricPerValueInTheirOrder) {
  ByLabel<Counter, Colour> counters;
  counters[Colour::kBlue].Add(5);
  std::vector<std::pair<std::string_view, std::uint64_t>> seen;
  counters.ForEach([&](std::string_view label, const Counter& counter) {
    seen.emplace_back(label, counter.value());
  });
  EXPECT_THAT(seen,
              ::testing::ElementsAre(::testing::Pair("red", 0u), ::testing::Pair("blue", 5u)));
}

}  // namespace
}  // namespace tandem::metrics
