#include "engine/broker/copy_checks.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

constexpr SubscriberId kOne{1};
constexpr SubscriberId kTwo{2};

class CopyChecksTest : public ::testing::Test {
 protected:
  CopyChecksTest() { checks_.Start(true); }
  CopyChecks checks_;
};

TEST_F(CopyChecksTest, ListsASessionOnceHoweverOftenItChanges) {
  for (int i = 0; i < 3; ++i) checks_.Changed(kOne);
  checks_.Changed(kTwo);
  EXPECT_EQ(checks_.waiting(), 2u);
  const CopyChecks::Check first = checks_.Take();
  EXPECT_EQ(first.session, kOne);
  EXPECT_EQ(first.first, 0u);
  checks_.Compared(first, UINT64_MAX);
  EXPECT_EQ(checks_.Take().session, kTwo);
  EXPECT_EQ(checks_.waiting(), 0u);
}

TEST_F(CopyChecksTest, GoesOnWhereAPartEnded) {
  checks_.Changed(kOne);
  checks_.Compared(checks_.Take(), 300);
  const CopyChecks::Check next = checks_.Take();
  EXPECT_EQ(next.first, 300u);
  checks_.Compared(next, UINT64_MAX);
  EXPECT_EQ(checks_.waiting(), 0u);
}

TEST_F(CopyChecksTest, BeginsAnewIfTheSessionChangedMeanwhile) {
  checks_.Changed(kOne);
  checks_.Compared(checks_.Take(), 300);
  checks_.Changed(kOne);
  EXPECT_EQ(checks_.waiting(), 1u);
  checks_.Compared(checks_.Take(), UINT64_MAX);
  const CopyChecks::Check again = checks_.Take();
  EXPECT_EQ(again.first, 0u);
  checks_.Compared(again, UINT64_MAX);
  EXPECT_EQ(checks_.waiting(), 0u);
}

TEST_F(CopyChecksTest, KeepsInMindThatACopyIsToBeToldAnew) {
  checks_.Owe(kOne);
  checks_.Changed(kOne);
  EXPECT_TRUE(checks_.IsOwed(kOne));
  EXPECT_EQ(checks_.waiting(), 1u);
  checks_.PutOff(checks_.Take());
  EXPECT_TRUE(checks_.IsOwed(kOne));
  checks_.Compared({.session = checks_.Take().session}, UINT64_MAX);
  EXPECT_FALSE(checks_.IsOwed(kOne));
  EXPECT_EQ(checks_.waiting(), 0u);
}

TEST_F(CopyChecksTest, TakesASessionAgainThatWasDropped) {
  checks_.Changed(kOne);
  checks_.Drop(checks_.Take());
  checks_.Changed(kOne);
  EXPECT_EQ(checks_.waiting(), 1u);
}

TEST_F(CopyChecksTest, TakesNothingForAPartnerThatKnowsNoHashes) {
  checks_.Changed(kOne);
  checks_.Start(false);
  checks_.Changed(kOne);
  checks_.Owe(kTwo);
  EXPECT_EQ(checks_.waiting(), 0u);
}

TEST(CopyChecks, OneThatWasToldOutOfTurnIsStillCompared) {
  CopyChecks checks;
  checks.Start(true);
  checks.Owe(SubscriberId{3});
  checks.Paid(SubscriberId{3});
  EXPECT_FALSE(checks.IsOwed(SubscriberId{3}));
  ASSERT_EQ(checks.waiting(), 1u);
  EXPECT_EQ(checks.Take().session, SubscriberId{3});
}

}  // namespace
}  // namespace tandem::broker
