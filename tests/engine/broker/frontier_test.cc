#include "engine/broker/frontier.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

TEST(Frontier, ReachesWhatEveryPlaceHasDone) {
  Frontier frontier;
  frontier.Reset(2);
  EXPECT_EQ(frontier.Send(0), 1u);
  EXPECT_EQ(frontier.Send(1), 2u);
  EXPECT_EQ(frontier.Send(0), 3u);
  EXPECT_EQ(frontier.reached(), 0u);
  EXPECT_TRUE(frontier.Done(1, 2));
  EXPECT_EQ(frontier.reached(), 0u) << "the other place has done nothing";
  EXPECT_TRUE(frontier.Done(0, 1));
  EXPECT_EQ(frontier.reached(), 1u);
  EXPECT_TRUE(frontier.Done(0, 3));
  EXPECT_EQ(frontier.reached(), 3u);
}

TEST(Frontier, DoesNotWaitForPlacesWithoutItems) {
  Frontier frontier;
  frontier.Reset(3);
  frontier.Send(2);
  EXPECT_TRUE(frontier.Done(2, 1));
  EXPECT_EQ(frontier.reached(), 1u);
}

TEST(Frontier, TakesAnOlderReportForNoStepBack) {
  Frontier frontier;
  frontier.Reset(1);
  frontier.Send(0);
  frontier.Send(0);
  EXPECT_TRUE(frontier.Done(0, 2));
  EXPECT_TRUE(frontier.Done(0, 1));
  EXPECT_EQ(frontier.reached(), 2u);
}

TEST(Frontier, BelievesNoReportOfWhatWasNeverSentOrFromNowhere) {
  Frontier frontier;
  frontier.Reset(1);
  frontier.Send(0);
  EXPECT_FALSE(frontier.Done(0, 2));
  EXPECT_FALSE(frontier.Done(1, 1));
  EXPECT_EQ(frontier.reached(), 0u);
}

TEST(Frontier, CountsWhatWasUnderWayAtAResetAsDoneAndNumbersOn) {
  Frontier frontier;
  frontier.Reset(2);
  frontier.Send(0);
  frontier.Send(1);
  frontier.Reset(1);
  EXPECT_EQ(frontier.reached(), 2u);
  EXPECT_EQ(frontier.Send(0), 3u);
  EXPECT_EQ(frontier.reached(), 0u) << "nothing is done since";
  EXPECT_TRUE(frontier.Done(0, 3));
  EXPECT_EQ(frontier.reached(), 3u);
}

}  // namespace
}  // namespace tandem::broker
