#include "engine/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "engine/metrics/broker_metrics.h"
#include "engine/metrics/core_metrics.h"
#include "engine/metrics/net_metrics.h"
#include "engine/metrics/node_metrics.h"
#include "tests/support/temp_dir.h"

namespace tandem::metrics {
namespace {

using ::testing::HasSubstr;

TEST(Registry, AddsUpCoresAndAsksCallbacksAtEachScrape) {
  BrokerMetrics core0;
  BrokerMetrics core1;
  Registry registry;
  registry.Add(core0);
  registry.Add(core1);
  int asked = 0;
  constexpr Family kAsked = {"asked", Kind::kGauge, Unit::kPlain, "Asked."};
  registry.AddCallback([&](Exposition& out) { out.Add(kAsked, {}, std::int64_t{++asked}); });
  core0.PublishReceived(1, 1);
  core1.PublishReceived(1, 1);
  EXPECT_THAT(registry.Scrape(), HasSubstr("tandem_publish_received_total{qos=\"1\"} 2\n"));
  core1.PublishReceived(1, 1);
  const std::string text = registry.Scrape();
  EXPECT_THAT(text, HasSubstr("tandem_publish_received_total{qos=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nasked 2\n"));
}

TEST(Registry, CanBeScrapedWhileCoresCountAndSourcesAreAdded) {
  constexpr int kPublishes = 50'000;
  BrokerMetrics core0;
  BrokerMetrics core1;
  Registry registry;
  registry.Add(core0);
  std::thread core([&] {
    for (int i = 0; i < kPublishes; ++i) core0.PublishReceived(0, 1);
  });
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(registry.Scrape(), HasSubstr("tandem_publish_received_total"));
  registry.Add(core1);
  core.join();
  EXPECT_THAT(registry.Scrape(), HasSubstr("tandem_publish_received_total{qos=\"0\"} 50000\n"));
}

// All structs of a node with two cores, as a scrape shows them.
std::string WholeNode() {
  NodeMetrics node("0.1.0", "abc1234");
  ProcessMetrics process;
  BrokerMetrics broker[2];
  NetMetrics net[2] = {NetMetrics({"mqtt"}), NetMetrics({"mqtt"})};
  CoreMetrics core[2] = {CoreMetrics(2), CoreMetrics(3)};
  Registry registry;
  registry.Add(node);
  for (int i = 0; i < 2; ++i) {
    registry.Add(net[i]);
    registry.Add(broker[i]);
    registry.Add(core[i]);
  }
  registry.Add(process);
  broker[0].DeliveryTook(DeliveryPath::kLocal, 70'000);
  return registry.Scrape();
}

// Dashboards and alerts are written against these names.
TEST(Registry, HasTheFamiliesThatOperatorsRelyOn) {
  const std::string text = WholeNode();
  for (const char* family : {"tandem_build_info gauge",
                             "tandem_node_state gauge",
                             "tandem_safe_to_stop gauge",
                             "tandem_connections gauge",
                             "tandem_connections_opened_total counter",
                             "tandem_connections_closed_total counter",
                             "tandem_connects_refused_total counter",
                             "tandem_sessions gauge",
                             "tandem_session_takeovers_total counter",
                             "tandem_packets_received_total counter",
                             "tandem_packets_sent_total counter",
                             "tandem_network_received_bytes_total counter",
                             "tandem_network_sent_bytes_total counter",
                             "tandem_publish_received_total counter",
                             "tandem_publish_delivered_total counter",
                             "tandem_publish_dropped_total counter",
                             "tandem_publish_delivery_seconds histogram",
                             "tandem_publish_ack_seconds histogram",
                             "tandem_subscriptions gauge",
                             "tandem_retained_messages gauge",
                             "tandem_retained_bytes gauge",
                             "tandem_queued_messages gauge",
                             "tandem_queued_bytes gauge",
                             "tandem_inflight_messages gauge",
                             "tandem_core_busy_seconds_total counter",
                             "tandem_core_mailbox_messages gauge",
                             "tandem_core_mailbox_full_total counter",
                             "tandem_core_uring_enters_total counter",
                             "tandem_core_uring_overflows_total counter",
                             "tandem_core_buffers_free gauge",
                             "tandem_cluster_copy_checks_total counter",
                             "tandem_cluster_copy_mismatches_total counter",
                             "tandem_cluster_copy_repairs_total counter",
                             "process_cpu_seconds_total counter",
                             "process_resident_memory_bytes gauge",
                             "process_open_fds gauge",
                             "process_max_fds gauge",
                             "process_start_time_seconds gauge"}) {
    EXPECT_THAT(text, HasSubstr("# TYPE " + std::string(family) + "\n"));
  }
}

TEST(Registry, PromtoolFindsNothingToSay) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool is not installed";
  testing::TempDir dir;
  const std::string scrape = dir.Write("metrics", WholeNode());
  const int status = std::system(
      ("promtool check metrics < " + scrape + " > " + dir.Path("said") + " 2>&1").c_str());
  EXPECT_EQ(status, 0);
  EXPECT_EQ(dir.Read("said"), "");
}

}  // namespace
}  // namespace tandem::metrics
