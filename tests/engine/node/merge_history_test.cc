#include "engine/node/merge_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::node {
namespace {

using broker::MergeCount;
using broker::MergeReport;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

MergeReport Part(std::uint64_t epoch, std::uint64_t united = 1) {
  MergeReport part{.epoch = epoch, .partner_lived = true};
  part[MergeCount::kMessagesUnited] = united;
  return part;
}

TEST(MergeHistory, TellsAMergeWhenAllCoresHaveSaidWhatCameOfIt) {
  MergeHistory history(2);
  history.Add(Part(3, 4));
  EXPECT_THAT(history.Last(), IsEmpty());
  history.Add(Part(3, 5));
  ASSERT_THAT(history.Last(), SizeIs(1));
  EXPECT_EQ(history.Last()[0][MergeCount::kMessagesUnited], 9u);
  EXPECT_TRUE(history.Last()[0].whole);
  metrics::Exposition out;
  history.Collect(out);
  EXPECT_THAT(out.Text(), HasSubstr("tandem_cluster_merges_total 1\n"));
  EXPECT_THAT(out.Text(),
              HasSubstr("tandem_cluster_merge_results_total{what=\"messages_united\"} 9\n"));
}

TEST(MergeHistory, TellsOneThatANewerOneCutShort) {
  MergeHistory history(2);
  history.Add(Part(3));
  history.Add(Part(4));
  history.Add(Part(3));  // too late
  history.Add(Part(4));
  ASSERT_THAT(history.Last(), SizeIs(2));
  EXPECT_EQ(history.Last()[0].epoch, 4u);
  EXPECT_TRUE(history.Last()[0].whole);
  EXPECT_EQ(history.Last()[1].epoch, 3u);
  EXPECT_FALSE(history.Last()[1].whole);
}

TEST(MergeHistory, KeepsTheLastFewAndNoReturnOfAnEmptyPartner) {
  MergeHistory history(1);
  for (std::uint64_t epoch = 1; epoch <= 50; ++epoch) history.Add(Part(epoch));
  history.Add(MergeReport{.epoch = 51});
  ASSERT_THAT(history.Last(), SizeIs(8));
  EXPECT_EQ(history.Last().front().epoch, 50u);
}

}  // namespace
}  // namespace tandem::node
