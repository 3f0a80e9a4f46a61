// What a node has acknowledged while the other one was away is counted until that has it, too.
#include <string>

#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

class ExposureTest : public WorldTest {
 protected:
  std::int64_t Exposed(std::size_t node) {
    return world().Sum(node, [](const auto& metrics) { return metrics.exposed_messages(); });
  }
};

TEST_F(ExposureTest, RisesWhileThePartnerIsDeadAndFallsWhenItIsInStepAgain) {
  for (const std::uint64_t seed : Seeds(30)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 2);
    MqttClient& publisher = Connect("p", 0, Persistent());
    Publish(publisher, "t", "paired", 1);
    EXPECT_EQ(Exposed(0), 0);
    world().Kill(1);
    world().Run();
    for (int i = 0; i < 6; ++i) Publish(publisher, "t", "alone", i % 3);
    EXPECT_EQ(Exposed(0), 4) << "QoS 0 promises nothing";
    world().Start(1);
    world().Run();
    EXPECT_EQ(Exposed(0), 4);
    world().Pair();
    world().Run();
    EXPECT_EQ(Exposed(0), 0);
    EXPECT_EQ(Exposed(1), 0);
    Publish(publisher, "t", "paired", 1);
    EXPECT_EQ(Exposed(0), 0);
  }
}

TEST_F(ExposureTest, StaysWhileTheCopiesAreOnTheirWay) {
  for (const std::uint64_t seed : Seeds(30)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    MqttClient& publisher = Connect("p", 0, Persistent());
    world().Kill(1);
    world().Run();
    Publish(publisher, "t", "alone", 1);
    world().Start(1);
    world().HoldRecords(0, true);
    world().Pair();
    world().Run();
    Publish(publisher, "t", "waits", 1);
    EXPECT_EQ(publisher.publishing(), 1u);
    EXPECT_EQ(Exposed(0), 1);
    // It is lost again before it has heard anything: what waited for it is exposed as well.
    world().Kill(1);
    world().Run();
    EXPECT_EQ(publisher.publishing(), 0u);
    EXPECT_EQ(Exposed(0), 2);
    world().HoldRecords(0, false);
    world().Start(1);
    world().Pair();
    world().Run();
    EXPECT_EQ(Exposed(0), 0);
  }
}

}  // namespace
}  // namespace tandem::testing
