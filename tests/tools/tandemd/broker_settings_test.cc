#include "tools/tandemd/broker_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::tandemd {
namespace {

using ::testing::ElementsAre;

TEST(BrokerSettings, EveryLimitReachesTheBroker) {
  config::Config config;
  config.mqtt = {.max_packet_size_bytes = 4096,
                 .max_qos = 1,
                 .receive_maximum = 11,
                 .session_expiry_max_ns = 90 * kNanosecondsPerSecond,
                 .keep_alive_max_ns = 120 * kNanosecondsPerSecond,
                 .topic_alias_maximum = 12,
                 .connect_timeout_ns = 3 * kNanosecondsPerSecond,
                 .max_inflight = 13,
                 .retain_available = false,
                 .wildcard_available = false,
                 .shared_available = false,
                 .max_topic_levels = 14,
                 .max_subscriptions_per_session = 15,
                 .max_client_id_bytes = 64,
                 .allow_empty_client_id = false,
                 .close_on_invalid_filter = false,
                 .close_on_denied_publish = true,
                 .overlapping_subscriptions = config::Overlapping::kCopyEach,
                 .max_takeovers_per_minute = 18,
                 .max_retained_messages = 19,
                 .max_retained_bytes = 2048};
  config.queue = {.per_session_messages = 16,
                  .per_session_bytes = 8192,
                  .when_full = config::WhenFull::kDisconnect,
                  .keep_qos0 = true,
                  .stalled_after_ns = 7 * kNanosecondsPerSecond};
  config.cluster.backlog_bytes = 17 << 20;
  const broker::BrokerConfig broker = MakeBrokerConfig(config);
  EXPECT_EQ(broker.packet_bytes_max, 4096u);
  EXPECT_EQ(broker.qos_max, mqtt::QoS::kAtLeastOnce);
  EXPECT_EQ(broker.receive_maximum, 11);
  EXPECT_EQ(broker.session_expiry_max_s, 90u);
  EXPECT_EQ(broker.keep_alive_max_s, 120);
  EXPECT_EQ(broker.topic_alias_maximum, 12);
  EXPECT_EQ(broker.connect_timeout_ns, 3 * kNanosecondsPerSecond);
  EXPECT_EQ(broker.inflight_max, 13);
  EXPECT_FALSE(broker.retain_available);
  EXPECT_FALSE(broker.wildcard_available);
  EXPECT_FALSE(broker.shared_available);
  EXPECT_EQ(broker.topic_levels_max, 14u);
  EXPECT_EQ(broker.subscriptions_per_session_max, 15u);
  EXPECT_EQ(broker.client_id_bytes_max, 64u);
  EXPECT_FALSE(broker.empty_client_id_allowed);
  EXPECT_FALSE(broker.closes_on_invalid_filter);
  EXPECT_TRUE(broker.closes_on_denied_publish);
  EXPECT_TRUE(broker.copy_per_subscription);
  EXPECT_EQ(broker.takeovers_per_minute_max, 18u);
  EXPECT_EQ(broker.retained_messages_max, 19u);
  EXPECT_EQ(broker.retained_bytes_max, 2048u);
  EXPECT_TRUE(broker.keeps_qos0);
  EXPECT_EQ(broker.queue_messages_max, 16u);
  EXPECT_EQ(broker.queue_bytes_max, 8192u);
  EXPECT_EQ(broker.when_full, broker::WhenFull::kDisconnect);
  EXPECT_EQ(broker.stalled_after_ns, 7 * kNanosecondsPerSecond);
  EXPECT_EQ(broker.peer_backlog_bytes_max, std::size_t{17} << 20);
}

TEST(BrokerSettings, TheAccessLogIsOnWhereAFileIsNamed) {
  config::Config config;
  EXPECT_FALSE(MakeBrokerConfig(config).access_log);
  config.log.access_log = "/var/log/tandem/access.log";
  EXPECT_TRUE(MakeBrokerConfig(config).access_log);
}

TEST(BrokerSettings, NodeOptionsHaveCoresAndListeners) {
  config::Config config;
  config.engine = {.cores = {2, 3}, .huge_pages = config::HugePages::kOff, .spin_ns = 50'000};
  config.listeners = {{.name = "mqtt", .address = {"127.0.0.1", 1883}},
                      {.name = "plant", .address = {"::1", 1884}}};
  config.listeners[1].max_connections = 9;
  config.listeners[1].max_connections_per_address = 8;
  config.listeners[1].max_connect_rate = 7;
  config.listeners[1].max_connect_rate_per_address = 6;
  const node::NodeOptions options = MakeNodeOptions(config, Incarnation{0xABCDEF});
  EXPECT_THAT(options.cpus, ElementsAre(2, 3));
  EXPECT_EQ(options.spin_ns, 50'000);
  EXPECT_THAT(options.listener_names, ElementsAre("mqtt", "plant"));
  ASSERT_EQ(options.connection_limits.size(), 2u);
  EXPECT_EQ(options.connection_limits[0].connections, 0u);
  const node::ConnectionLimitOptions& limits = options.connection_limits[1];
  EXPECT_EQ(limits.connections, 9u);
  EXPECT_EQ(limits.connections_per_address, 8u);
  EXPECT_EQ(limits.rate, 7u);
  EXPECT_EQ(limits.rate_per_address, 6u);
  ASSERT_EQ(options.listeners.size(), 2u);
  EXPECT_EQ(options.listeners[1].endpoint, (reactor::Endpoint{"::1", 1884}));
  EXPECT_EQ(options.uring.huge_pages, reactor::HugePages::kOff);
  EXPECT_EQ(options.shard.incarnation, Incarnation{0xABCDEF});
}

TEST(BrokerSettings, AutoUsesTheCpusOfTheProcess) {
  EXPECT_FALSE(MakeNodeOptions(config::Config{}, Incarnation{1}).cpus.empty());
}

TEST(BrokerSettings, AssignedClientIdsDifferBetweenRuns) {
  const config::Config config;
  EXPECT_NE(MakeNodeOptions(config, Incarnation{1}).shard.assigned_id_prefix,
            MakeNodeOptions(config, Incarnation{2}).shard.assigned_id_prefix);
}

}  // namespace
}  // namespace tandem::tandemd
