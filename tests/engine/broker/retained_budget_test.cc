#include "engine/broker/retained_budget.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

TEST(RetainedBudget, LimitsMessagesAndBytes) {
  RetainedBudget budget(2, 100);
  EXPECT_TRUE(budget.HasRoom(1, 100));
  EXPECT_FALSE(budget.HasRoom(1, 101));
  budget.Changed(2, 60);
  EXPECT_FALSE(budget.HasRoom(1, 1));
  EXPECT_TRUE(budget.HasRoom(0, 40)) << "in place of another";
  EXPECT_FALSE(budget.HasRoom(0, 41));
  budget.Changed(-1, -30);
  EXPECT_TRUE(budget.HasRoom(1, 1));
}

TEST(RetainedBudget, HoldsRoomUntilItIsGivenBack) {
  RetainedBudget budget(2, 100);
  EXPECT_TRUE(budget.Reserve({.messages = 1, .bytes = 60}));
  EXPECT_FALSE(budget.Reserve({.messages = 1, .bytes = 41}));
  EXPECT_TRUE(budget.Reserve({.messages = 1, .bytes = 40}));
  EXPECT_FALSE(budget.Reserve({.messages = 1, .bytes = 0}));
  EXPECT_TRUE(budget.Reserve({})) << "in place of one as large";
  budget.Release({.messages = 1, .bytes = 60});
  EXPECT_TRUE(budget.Reserve({.messages = 1, .bytes = 60}));
  EXPECT_EQ(budget.messages(), 2);
  EXPECT_EQ(budget.bytes(), 100);
}

TEST(RetainedBudget, TakesWhatMakesItSmallerWhenItIsOverFull) {
  RetainedBudget budget(1, 10);
  budget.Changed(5, 500);
  EXPECT_TRUE(budget.HasRoom(0, -1));
  EXPECT_TRUE(budget.HasRoom(0, 0));
  EXPECT_FALSE(budget.HasRoom(0, 1));
}

TEST(RetainedBudget, HasAmpleRoomOnlyFarFromItsLimits) {
  RetainedBudget budget(100'000, std::size_t{1} << 30);
  EXPECT_TRUE(budget.HasAmpleRoom(1000));
  budget.Changed(98'000, 1000);
  EXPECT_FALSE(budget.HasAmpleRoom(1));
  EXPECT_TRUE(budget.HasRoom(1, 1));
  RetainedBudget bytes(0, 32 << 20);
  EXPECT_TRUE(bytes.HasAmpleRoom(1000));
  bytes.Changed(1, 17 << 20);
  EXPECT_FALSE(bytes.HasAmpleRoom(1000));
}

TEST(RetainedBudget, IsNeverAmpleWhereItIsSmall) {
  RetainedBudget budget(10, 1 << 20);
  EXPECT_TRUE(budget.HasRoom(1, 1));
  EXPECT_FALSE(budget.HasAmpleRoom(1));
}

}  // namespace
}  // namespace tandem::broker
