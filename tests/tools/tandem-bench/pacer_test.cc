#include "tools/tandem-bench/pacer.h"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

int PublishAll(Pacer& pacer, MonoNs now) {
  int count = 0;
  for (MonoNs planned; pacer.IsDue(now, planned); ++count) pacer.OnPublished();
  return count;
}

TEST(Pacer, ClosedLoopKeepsTheWindowFull) {
  Pacer pacer = Pacer::Closed(5, 1, false);
  EXPECT_EQ(PublishAll(pacer, 0), 5);
  pacer.OnDelivered();
  pacer.OnDelivered();
  EXPECT_EQ(PublishAll(pacer, 0), 2);
  EXPECT_EQ(pacer.NextDeadline(), kNever);
}

TEST(Pacer, AMessageLeavesTheWindowWithItsLastCopy) {
  Pacer pacer = Pacer::Closed(2, 3, false);
  EXPECT_EQ(PublishAll(pacer, 0), 2);
  pacer.OnDelivered();
  pacer.OnDelivered();
  EXPECT_EQ(PublishAll(pacer, 0), 0);
  pacer.OnDelivered();
  EXPECT_EQ(PublishAll(pacer, 0), 1);
}

TEST(Pacer, FromQos1OnDeliveryAloneOpensNothing) {
  Pacer pacer = Pacer::Closed(1, 1, true);
  EXPECT_EQ(PublishAll(pacer, 0), 1);
  pacer.OnDelivered();
  EXPECT_EQ(PublishAll(pacer, 0), 0);
  pacer.OnAcknowledged();
  EXPECT_EQ(PublishAll(pacer, 0), 1);
  pacer.OnAcknowledged();
  EXPECT_EQ(PublishAll(pacer, 0), 0);
  pacer.OnDelivered();
  EXPECT_EQ(PublishAll(pacer, 0), 1);
}

TEST(Pacer, ClosedLoopPlansForNow) {
  const Pacer pacer = Pacer::Closed(1, 1, false);
  MonoNs planned = 0;
  EXPECT_TRUE(pacer.IsDue(77, planned));
  EXPECT_EQ(planned, 77);
}

TEST(Pacer, UnansweredWaitsForTheConnectionAlone) {
  Pacer pacer = Pacer::Unanswered(3);
  EXPECT_EQ(PublishAll(pacer, 0), 3);
  EXPECT_EQ(pacer.GiveUpStalled(), 0u);
  EXPECT_EQ(pacer.GiveUpStalled(), 0u);
  pacer.OnWritten();
  EXPECT_EQ(PublishAll(pacer, 0), 3);
}

TEST(Pacer, OpenLoopKeepsItsPlanWhenItIsLate) {
  Pacer pacer = Pacer::Open(1'000, 100);
  MonoNs planned = 0;
  EXPECT_FALSE(pacer.IsDue(999, planned));
  EXPECT_EQ(pacer.NextDeadline(), 1'000);
  for (const MonoNs expected : {1'000, 1'100, 1'200}) {
    ASSERT_TRUE(pacer.IsDue(1'250, planned));
    EXPECT_EQ(planned, expected);
    pacer.OnPublished();
  }
  EXPECT_FALSE(pacer.IsDue(1'250, planned));
  EXPECT_EQ(pacer.NextDeadline(), 1'300);
}

TEST(Pacer, GivesUpAFullWindowOnlyAfterNothingReturned) {
  Pacer pacer = Pacer::Closed(3, 1, false);
  PublishAll(pacer, 0);
  pacer.OnDelivered();
  PublishAll(pacer, 0);
  EXPECT_EQ(pacer.GiveUpStalled(), 0u);  // something returned
  EXPECT_EQ(pacer.GiveUpStalled(), 3u);
  EXPECT_EQ(PublishAll(pacer, 0), 3);
  for (int i = 0; i < 6; ++i) pacer.OnDelivered();  // they were only late
  EXPECT_EQ(PublishAll(pacer, 0), 3);
}

TEST(Pacer, GivesUpNothingWhileTheWindowIsOpen) {
  Pacer pacer = Pacer::Closed(3, 1, false);
  pacer.OnPublished();
  EXPECT_EQ(pacer.GiveUpStalled(), 0u);
  EXPECT_EQ(pacer.GiveUpStalled(), 0u);
}

}  // namespace
}  // namespace tandem::bench
