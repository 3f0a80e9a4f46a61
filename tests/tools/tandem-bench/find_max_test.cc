#include "tools/tandem-bench/find_max.h"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

// Searches a broker that keeps up with `limit` and no more; yields what was found.
double Search(double first, double limit, int& loads) {
  RateSearch search(first, 0.05);
  for (loads = 0; const auto rate = search.next(); ++loads) search.Report(*rate <= limit);
  return search.best();
}

TEST(RateSearch, ComesWithinThePrecisionFromBelowAndFromAbove) {
  for (const double limit : {37.0, 9'000.0, 10'000.0, 123'456.0, 5e6}) {
    int loads = 0;
    const double found = Search(10'000, limit, loads);
    EXPECT_LE(found, limit);
    EXPECT_GE(found, limit * 0.94);
    EXPECT_LT(loads, 20) << limit;
  }
}

TEST(RateSearch, EndsWithNothingWhenNoRateIsKeptUp) {
  int loads = 0;
  EXPECT_EQ(Search(10'000, 0, loads), 0);
  EXPECT_LT(loads, 20);
}

}  // namespace
}  // namespace tandem::bench
