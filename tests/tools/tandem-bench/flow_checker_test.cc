#include "tools/tandem-bench/flow_checker.h"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

using mqtt::QoS;
constexpr QoS kQoS0 = QoS::kAtMostOnce;
constexpr QoS kQoS1 = QoS::kAtLeastOnce;
constexpr QoS kQoS2 = QoS::kExactlyOnce;

TEST(FlowChecker, FindsNothingWrongInAnOrderedFlow) {
  FlowChecker flow;
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(flow.Observe(i, kQoS0, false));
  EXPECT_EQ(flow.counts().delivered, 100u);
  EXPECT_EQ(flow.Lost(100), 0u);
  EXPECT_EQ(flow.counts().duplicates, 0u);
  EXPECT_EQ(flow.counts().reordered, 0u);
}

TEST(FlowChecker, CountsWhatIsMissingInTheMiddleAndAtTheEnd) {
  FlowChecker flow;
  flow.Observe(0, kQoS1, false);
  flow.Observe(5, kQoS1, false);
  EXPECT_EQ(flow.Lost(6), 4u);
  EXPECT_EQ(flow.Lost(10), 8u);
  EXPECT_EQ(flow.counts().reordered, 0u);
}

TEST(FlowChecker, CallsAMessageThatComesAfterALaterOneReordered) {
  FlowChecker flow;
  flow.Observe(0, kQoS1, false);
  flow.Observe(4, kQoS1, false);
  EXPECT_TRUE(flow.Observe(2, kQoS1, false));
  EXPECT_EQ(flow.counts().reordered, 1u);
  EXPECT_EQ(flow.Lost(5), 2u);
  EXPECT_TRUE(flow.Observe(1, kQoS1, false));
  EXPECT_TRUE(flow.Observe(3, kQoS1, false));
  EXPECT_EQ(flow.counts().reordered, 3u);
  EXPECT_EQ(flow.Lost(5), 0u);
  EXPECT_EQ(flow.counts().duplicates, 0u);
}

TEST(FlowChecker, AGapIsFilledOnlyOnce) {
  FlowChecker flow;
  flow.Observe(9, kQoS2, false);
  EXPECT_TRUE(flow.Observe(4, kQoS2, false));
  EXPECT_FALSE(flow.Observe(4, kQoS2, false));
  EXPECT_EQ(flow.counts().duplicates, 1u);
  EXPECT_EQ(flow.counts().delivered, 2u);
}

TEST(FlowChecker, AllowsOnlyMarkedRepetitionsOfQos1) {
  FlowChecker flow;
  flow.Observe(0, kQoS1, false);
  EXPECT_FALSE(flow.Observe(0, kQoS1, true));
  EXPECT_EQ(flow.counts().allowed_duplicates, 1u);
  EXPECT_EQ(flow.counts().duplicates, 0u);
  EXPECT_FALSE(flow.Observe(0, kQoS1, false));
  EXPECT_FALSE(flow.Observe(0, kQoS2, true));
  EXPECT_FALSE(flow.Observe(0, kQoS0, false));
  EXPECT_EQ(flow.counts().duplicates, 3u);
  EXPECT_EQ(flow.counts().delivered, 1u);
}

}  // namespace
}  // namespace tandem::bench
