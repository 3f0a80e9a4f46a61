// Publisher and subscriber against the broker of another project.
#include "tools/tandem-demo/publisher.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <functional>

#include "tests/support/temp_dir.h"
#include "tests/tools/tandem-demo/shell.h"
#include "tools/tandem-demo/port_block.h"
#include "tools/tandem-demo/preflight.h"
#include "tools/tandem-demo/subscriber.h"

namespace tandem::demo {
namespace {

class ClientsTest : public ::testing::Test {
 protected:
  void StartBroker() {
    const auto program = FindProgram("mosquitto", "install it: apt-get install mosquitto");
    ASSERT_TRUE(program.ok()) << program.status();
    // "user": otherwise it changes its user when started by root, and the kernel no longer ends it
    // with the test.
    const std::string config =
        directory_.Write("mosquitto.conf", "listener " + std::to_string(port()) +
                                               " 127.0.0.1\nallow_anonymous true\nuser root\n");
    auto broker = Process::Start(
        {.arguments = {*program, "-c", config}, .output_file = directory_.Path("log")});
    ASSERT_TRUE(broker.ok()) << broker.status();
    broker_ = *std::move(broker);
  }
  std::uint16_t port() const { return ports_->port(0); }

  bool Eventually(const std::function<bool(const TrafficState&)>& condition) {
    const TimePoint deadline = Clock::now() + kDeadline;
    while (!traffic_.Look(condition)) {
      if (Clock::now() >= deadline) return false;
      pollfd beat{pulse_.fd(), POLLIN, 0};
      poll(&beat, 1, 1'000);
      pulse_.Clear();
    }
    return true;
  }
  Tally CurrentTally() {
    return traffic_.Look([](const TrafficState& state) { return state.ledger.tally(); });
  }

  static constexpr unsigned kRate = 500;
  testing::TempDir directory_;
  absl::StatusOr<PortBlock> ports_ = PortBlock::Reserve(std::nullopt);
  Process broker_;
  Pulse pulse_;
  Traffic traffic_{pulse_};
};

TEST_F(ClientsTest, EachMessageIsAcknowledgedAndReceivedOnceAndInOrder) {
  StartBroker();
  Subscriber subscriber(port(), traffic_);
  ASSERT_TRUE(Eventually([](const TrafficState& state) { return state.subscribed; }));
  Publisher publisher(port(), kRate, traffic_);
  ASSERT_TRUE(
      Eventually([](const TrafficState& state) { return state.ledger.tally().received >= 50; }));
  publisher.Stop();
  ASSERT_TRUE(
      Eventually([](const TrafficState& state) { return state.ledger.tally().on_the_way == 0; }));
  const Tally tally = CurrentTally();
  EXPECT_EQ(tally.acknowledged, tally.published);
  EXPECT_EQ(tally.received, tally.published);
  EXPECT_EQ(tally.lost + tally.twice_unexplained + tally.out_of_order + tally.unknown, 0u);
}

TEST_F(ClientsTest, APublisherRepeatsUntilABrokerAcknowledges) {
  Publisher publisher(port(), kRate, traffic_);
  ASSERT_TRUE(
      Eventually([](const TrafficState& state) { return state.ledger.tally().repeated == 1; }));
  EXPECT_EQ(CurrentTally().acknowledged, 0u);
  EXPECT_EQ(CurrentTally().published, 1u);
  StartBroker();
  EXPECT_TRUE(
      Eventually([](const TrafficState& state) { return state.ledger.tally().acknowledged >= 5; }));
  EXPECT_EQ(CurrentTally().repeated, 1u);
}

TEST_F(ClientsTest, ASubscriberComesBackAfterTheBroker) {
  StartBroker();
  Subscriber subscriber(port(), traffic_);
  ASSERT_TRUE(Eventually([](const TrafficState& state) { return state.subscribed; }));
  broker_.Kill();
  ASSERT_TRUE(Eventually([](const TrafficState& state) { return !state.subscribed; }));
  StartBroker();
  ASSERT_TRUE(Eventually([](const TrafficState& state) { return state.subscribed; }));
  EXPECT_EQ(traffic_.Look([](const TrafficState& state) { return state.subscriber_connections; }),
            2u);
}

TEST_F(ClientsTest, AClientSaysWhyItIsNotServed) {
  MqttClient client("a", true, {});
  EXPECT_FALSE(client.Connect(port()).ok());
}

}  // namespace
}  // namespace tandem::demo
