#include "engine/metrics/cluster_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/metrics/text_of.h"

namespace tandem::metrics {
namespace {

TEST(ClusterMetrics, EachVerbMovesItsSample) {
  ClusterMetrics metrics("beta", {"10.9.0.2:7883", "10.0.0.12:7883"});
  EXPECT_FALSE(metrics.peer_up());
  metrics.PeerUp(true);
  metrics.InStep(true);
  metrics.LinkUp(0, true);
  metrics.LinkRtt(0, 210'000);
  metrics.FailedOver(FailoverCause::kPeerDead);
  metrics.CaughtUp(1'800'000'000);
  metrics.Epoch(7);
  EXPECT_TRUE(metrics.peer_up());
  EXPECT_TRUE(metrics.in_step());
  const std::string text = TextOf(metrics);
  for (const char* line :
       {"tandem_cluster_peer_up{peer=\"beta\"} 1\n", "tandem_cluster_in_step{peer=\"beta\"} 1\n",
        "tandem_cluster_link_up{peer=\"beta\",link=\"10.9.0.2:7883\"} 1\n",
        "tandem_cluster_link_up{peer=\"beta\",link=\"10.0.0.12:7883\"} 0\n",
        "tandem_cluster_link_rtt_seconds{peer=\"beta\",link=\"10.9.0.2:7883\"} 0.00021\n",
        "tandem_cluster_failovers_total{cause=\"peer_dead\"} 1\n",
        "tandem_cluster_catch_up_seconds 1.8\n", "tandem_cluster_epoch 7\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

TEST(LaneMetrics, EachVerbMovesItsSample) {
  LaneMetrics metrics("beta");
  metrics.BacklogChanged(5, 500);
  metrics.BacklogChanged(-2, -200);
  metrics.Forwarded(Direction::kOut, 9);
  EXPECT_EQ(metrics.backlog_messages(), 3);
  EXPECT_EQ(metrics.backlog_bytes(), 300);
  const std::string text = TextOf(metrics);
  for (const char* line : {"tandem_cluster_backlog_messages{peer=\"beta\"} 3\n",
                           "tandem_cluster_backlog_bytes{peer=\"beta\"} 300\n",
                           "tandem_cluster_forwarded_total{peer=\"beta\",direction=\"in\"} 0\n",
                           "tandem_cluster_forwarded_total{peer=\"beta\",direction=\"out\"} 9\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace tandem::metrics
