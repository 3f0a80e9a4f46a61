#include "tools/tandem-demo/node_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <fstream>
#include <functional>

#include "tests/support/temp_dir.h"
#include "tests/tools/support/tiny_http_server.h"
#include "tests/tools/tandem-demo/shell.h"

namespace tandem::demo {
namespace {

class NodeWatchTest : public ::testing::Test {
 protected:
  // Whether `condition` comes true; woken by the watch.
  bool Eventually(const std::function<bool()>& condition) {
    const TimePoint deadline = Clock::now() + kDeadline;
    while (!condition()) {
      if (Clock::now() >= deadline) return false;
      pollfd beat{pulse_.fd(), POLLIN, 0};
      poll(&beat, 1, 1'000);
      pulse_.Clear();
    }
    return true;
  }

  testing::TempDir directory_;
  tools::TinyHttpServer server_;
  Pulse pulse_;
  Traffic traffic_{pulse_};
};

TEST_F(NodeWatchTest, TellsWhatANodeSaysOfItself) {
  server_.Answer("/health/ready", 503, "");
  server_.Answer(
      "/metrics", 200,
      "tandem_node_state{state=\"catching_up\"} 1\ntandem_node_state{state=\"serving\"} 0\n"
      "tandem_connections{listener=\"mqtt\"} 7\ntandem_cluster_in_step{peer=\"beta\"} 0\n");
  const NodeWatch watch(0, server_.port(), directory_.Path("access"), traffic_);
  ASSERT_TRUE(Eventually([&] { return watch.status().ready_code == 503; }));
  EXPECT_EQ(watch.status().state, "catching_up");
  EXPECT_EQ(watch.status().connections, 7);
  EXPECT_EQ(watch.status().in_step, false);

  server_.Answer("/health/ready", 200, "");
  const TimePoint since = Clock::now();
  EXPECT_TRUE(Eventually([&] { return watch.status().ready_code == 200; }));
  EXPECT_GE(watch.status().asked_at, since - std::chrono::seconds(1));
}

TEST_F(NodeWatchTest, ANodeThatIsGoneIsNotReady) {
  std::uint16_t port = 0;
  {
    const tools::TinyHttpServer gone;
    port = gone.port();
  }
  const NodeWatch watch(0, port, directory_.Path("access"), traffic_);
  ASSERT_TRUE(Eventually([&] { return watch.status().asked_at != TimePoint{}; }));
  EXPECT_EQ(watch.status().ready_code, 0);
  EXPECT_FALSE(watch.status().state.has_value());
}

TEST_F(NodeWatchTest, FindsPublisherAndSubscriberInTheAccessLog) {
  std::ofstream(directory_.Path("access"))
      << "2026-01-01T00:00:00.000001Z connect client=\"" << kSubscriberId << "\" core=0\n"
      << "2026-01-01T00:00:00.000002Z connect client=\"" << PublisherId({3, 1}) << "\" core=0\n"
      << "2026-01-01T00:00:00.000003Z disconnect client=\"" << PublisherId({4, 1}) << "\" core=0\n";
  const NodeWatch watch(1, server_.port(), directory_.Path("access"), traffic_);
  ASSERT_TRUE(Eventually([&] {
    return traffic_.Look([](const TrafficState& state) { return state.routes.last() == 3; });
  }));
  traffic_.Look([](const TrafficState& state) {
    EXPECT_EQ(state.routes.node(3), NodeIndex{1});
    ASSERT_TRUE(state.subscriber_place.has_value());
    EXPECT_EQ(state.subscriber_place->node, NodeIndex{1});
  });
}

TEST_F(NodeWatchTest, TheNewestConnectSaysWhereTheSubscriberIs) {
  traffic_.Change([](TrafficState& state) {
    state.subscriber_place = SubscriberPlace{"2026-01-01T00:00:05.000000Z", 0};
  });
  std::ofstream(directory_.Path("access"))
      << "2026-01-01T00:00:04.000000Z connect client=\"" << kSubscriberId << "\" core=0\n"
      << "2026-01-01T00:00:04.000000Z connect client=\"" << PublisherId({1, 1}) << "\" core=0\n";
  const NodeWatch watch(1, server_.port(), directory_.Path("access"), traffic_);
  ASSERT_TRUE(Eventually([&] {
    return traffic_.Look([](const TrafficState& state) { return state.routes.last() == 1; });
  }));
  EXPECT_EQ(traffic_.Look([](const TrafficState& state) { return state.subscriber_place->node; }),
            NodeIndex{0});
}

}  // namespace
}  // namespace tandem::demo
