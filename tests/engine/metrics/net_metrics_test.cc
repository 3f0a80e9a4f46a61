#include "engine/metrics/net_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/metrics/registry.h"
#include "tests/engine/metrics/text_of.h"

namespace tandem::metrics {
namespace {

using ::testing::HasSubstr;

TEST(NetMetrics, CountsByListener) {
  NetMetrics metrics({"mqtt", "plant"});
  metrics.ConnectionOpened(1);
  metrics.ConnectionOpened(1);
  metrics.ConnectionClosed(1);
  metrics.BytesReceived(10);
  metrics.BytesSent(20);
  metrics.AcceptFailed();
  EXPECT_EQ(metrics.connections(), 1);
  const std::string text = TextOf(metrics);
  for (const char* line :
       {"tandem_connections{listener=\"mqtt\"} 0\n", "tandem_connections{listener=\"plant\"} 1\n",
        "tandem_connections_opened_total{listener=\"plant\"} 2\n",
        "tandem_network_received_bytes_total 10\n", "tandem_network_sent_bytes_total 20\n",
        "tandem_accept_failures_total 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(NetMetrics, AConnectionMayBeOpenedOnOneCoreAndClosedOnAnother) {
  NetMetrics core0({"mqtt"});
  NetMetrics core1({"mqtt"});
  core0.ConnectionOpened(0);
  core0.ConnectionOpened(0);
  core1.ConnectionClosed(0);
  Registry registry;
  registry.Add(core0);
  registry.Add(core1);
  EXPECT_THAT(registry.Scrape(), HasSubstr("tandem_connections{listener=\"mqtt\"} 1\n"));
}

}  // namespace
}  // namespace tandem::metrics
