#include "engine/broker/exposure.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

class ExposureTest : public ::testing::Test {
 protected:
  void Acknowledge(int count, MonoNs now) {
    for (int i = 0; i < count; ++i) exposure_.Acknowledged();
    exposure_.EndTurn(now);
  }
  metrics::BrokerMetrics metrics_;
  Exposure exposure_{metrics_, true, 2};
};

TEST_F(ExposureTest, CountsFromTheStartOfANodeWhosePartnerHasNotCome) {
  Acknowledge(0, 10);
  EXPECT_EQ(exposure_.since(), 0);
  Acknowledge(2, 20);
  Acknowledge(1, 30);
  EXPECT_EQ(exposure_.messages(), 3u);
  EXPECT_EQ(exposure_.since(), 20);
  EXPECT_EQ(metrics_.exposed_messages(), 3);
  EXPECT_EQ(metrics_.exposed_since_ns(), 20);
}

TEST_F(ExposureTest, EndsWhenEveryCoreHasToldThePartnerAllItHas) {
  Acknowledge(2, 20);
  exposure_.PartnerFound(30);
  Acknowledge(5, 40);
  EXPECT_EQ(exposure_.messages(), 2u);
  exposure_.CoreCovered(CoreId{1});
  EXPECT_EQ(exposure_.messages(), 2u);
  exposure_.CoreCovered(CoreId{0});
  EXPECT_EQ(metrics_.exposed_messages(), 0);
  EXPECT_EQ(metrics_.exposed_since_ns(), 0);
  exposure_.PartnerLost();
  Acknowledge(1, 90);
  EXPECT_EQ(exposure_.messages(), 1u);
  EXPECT_EQ(exposure_.since(), 90);
}

TEST_F(ExposureTest, GoesOnIfThePartnerIsLostBeforeItHasBeenToldAll) {
  Acknowledge(2, 20);
  exposure_.PartnerFound(30);
  exposure_.CoreCovered(CoreId{1});
  Acknowledge(5, 40);
  exposure_.PartnerLost();
  exposure_.CoreCovered(CoreId{0});
  Acknowledge(1, 50);
  EXPECT_EQ(exposure_.messages(), 3u);
  EXPECT_EQ(exposure_.since(), 20);
}

// What waited for the partner is let go in the turn in which it is lost.
TEST_F(ExposureTest, CountsWhatWaitedForAPartnerThatIsLost) {
  exposure_.PartnerFound(10);
  exposure_.CoreCovered(CoreId{0});
  exposure_.CoreCovered(CoreId{1});
  exposure_.PartnerLost();
  Acknowledge(4, 20);
  EXPECT_EQ(exposure_.messages(), 4u);
}

TEST(Exposure, IsNoneForANodeWithoutAPartner) {
  metrics::BrokerMetrics metrics;
  Exposure exposure(metrics, false, 1);
  exposure.Acknowledged();
  exposure.EndTurn(10);
  EXPECT_EQ(exposure.messages(), 0u);
}

}  // namespace
}  // namespace tandem::broker
