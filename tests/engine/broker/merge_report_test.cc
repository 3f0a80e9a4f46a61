#include "engine/broker/merge_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/base/limits.h"

namespace tandem::broker {
namespace {

using ::testing::SizeIs;

TEST(MergeReport, KeepsTheLastConflictsAndCountsTheOthers) {
  MergeReport report;
  const std::size_t all = 5 * kMergeConflictsMax + 7;
  for (std::size_t i = 0; i < all; ++i) report.Add({.key = std::to_string(i)});
  EXPECT_GE(report.conflicts.size(), kMergeConflictsMax);
  EXPECT_LT(report.conflicts.size(), 2 * kMergeConflictsMax);
  EXPECT_EQ(report.conflicts.size() + report.conflicts_forgotten, all);
  EXPECT_EQ(report.conflicts.back().key, std::to_string(all - 1));
}

TEST(MergeReport, AddsUpTheCores) {
  MergeReport sum;
  MergeReport a{.epoch = 4, .parted_at = 11, .met_at = 20};
  a[MergeCount::kMessagesUnited] = 2;
  a.Add({.key = "x"});
  MergeReport b{.epoch = 4, .parted_at = 10, .met_at = 21, .partner_lived = true, .whole = false};
  b[MergeCount::kMessagesUnited] = 3;
  b.conflicts_forgotten = 5;
  sum.Add(a);
  sum.Add(b);
  EXPECT_EQ(sum.epoch, 4u);
  EXPECT_EQ(sum.parted_at, 10);
  EXPECT_EQ(sum.met_at, 20);
  EXPECT_TRUE(sum.partner_lived);
  EXPECT_FALSE(sum.whole);
  EXPECT_EQ(sum[MergeCount::kMessagesUnited], 5u);
  EXPECT_THAT(sum.conflicts, SizeIs(1));
  EXPECT_EQ(sum.conflicts_forgotten, 5u);
}

TEST(MergeReport, IsOfNoMergeIfOneOfTheNodesStartedEmpty) {
  MergeReport report;
  EXPECT_FALSE(report.both_served());
  report[MergeCount::kAcceptedThere] = 9;
  report[MergeCount::kRetainedTaken] = 4;
  EXPECT_FALSE(report.both_served());
  report[MergeCount::kAcceptedHere] = 1;
  EXPECT_TRUE(report.both_served());
  EXPECT_TRUE(MergeReport{.partner_lived = true}.both_served());
}

}  // namespace
}  // namespace tandem::broker
