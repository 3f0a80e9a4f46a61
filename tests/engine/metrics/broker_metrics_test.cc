#include "engine/metrics/broker_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/metrics/text_of.h"

namespace tandem::metrics {
namespace {

using ::testing::HasSubstr;

static_assert(alignof(BrokerMetrics) == kCacheLineBytes &&
                  sizeof(BrokerMetrics) % kCacheLineBytes == 0,
              "two cores must not share a cache line");

TEST(BrokerMetrics, EachVerbMovesItsSample) {
  BrokerMetrics metrics;
  metrics.PacketReceived(3);
  metrics.PacketSent(4, 2);
  metrics.PublishReceived(1, 30);
  metrics.PublishDelivered(2, 70);
  metrics.PublishDropped(DropReason::kQueueFull, 7);
  metrics.PublishRefused(PublishRefusal::kQuotaExceeded);
  metrics.SessionExpired();
  metrics.RetainedDeletionsForgotten(6);
  metrics.DeliveryTook(DeliveryPath::kPeer, 400'000, 3);
  metrics.AckTook(1, 60'000);
  metrics.AckTook(2, 70'000);
  metrics.ConnectionClosed(CloseReason::kKeepAlive);
  metrics.ConnectRefused(RefuseReason::kBadCredentials);
  metrics.SessionTakenOver(TakeoverFrom::kPeer);
  metrics.SessionsChanged(SessionState::kOffline, 2);
  metrics.SubscriptionsChanged(9, 4);
  metrics.SubscriptionRefused();
  metrics.RetainedChanged(1, 100);
  metrics.QueuedChanged(3, 300);
  metrics.QueuedChanged(-1, -100);
  metrics.InflightChanged(Direction::kOut, 4);
  metrics.MatchCutOff();
  metrics.PublisherPaused();
  metrics.PublisherPaused();
  metrics.PublisherResumed(2'500'000'000);
  metrics.SessionsCongestedChanged(1);
  metrics.SessionStalled();

  const std::string text = TextOf(metrics);
  for (const char* line :
       {"tandem_packets_received_total{type=\"publish\"} 1\n",
        "tandem_packets_sent_total{type=\"puback\"} 2\n",
        "tandem_publish_received_total{qos=\"1\"} 1\n",
        "tandem_publish_delivered_total{qos=\"2\"} 1\n",
        "tandem_publish_received_bytes_total 30\n",
        "tandem_publish_delivered_bytes_total 70\n",
        "tandem_subscriptions_shared 4\n",
        "tandem_publish_dropped_total{reason=\"queue_full\"} 7\n",
        "tandem_publish_refused_total{reason=\"quota_exceeded\"} 1\n",
        "tandem_sessions_expired_total 1\n",
        "tandem_retained_deletions_forgotten_total 6\n",
        "tandem_publish_delivery_seconds_bucket{path=\"peer\",le=\"0.0005\"} 3\n",
        "tandem_publish_delivery_seconds_count{path=\"local\"} 0\n",
        "tandem_publish_ack_seconds_sum{qos=\"1\"} 0.00006\n",
        "tandem_publish_ack_seconds_sum{qos=\"2\"} 0.00007\n",
        "tandem_connections_closed_total{reason=\"keep_alive\"} 1\n",
        "tandem_connects_refused_total{reason=\"bad_credentials\"} 1\n",
        "tandem_session_takeovers_total{from=\"peer\"} 1\n",
        "tandem_sessions{state=\"offline\"} 2\n",
        "tandem_sessions{state=\"online\"} 0\n",
        "tandem_subscriptions 9\n",
        "tandem_subscriptions_refused_total 1\n",
        "tandem_retained_messages 1\n",
        "tandem_retained_bytes 100\n",
        "tandem_queued_messages 2\n",
        "tandem_queued_bytes 200\n",
        "tandem_inflight_messages{direction=\"out\"} 4\n",
        "tandem_matches_cut_off_total 1\n",
        "tandem_publishers_paused 1\n",
        "tandem_publisher_pauses_total 2\n",
        "tandem_publisher_paused_seconds_total 2.5\n",
        "tandem_sessions_congested 1\n",
        "tandem_session_stalls_total 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(BrokerMetrics, PacketTypesAreThoseOfTheWire_MQTT_2_1_2) {
  const auto& names = kLabelValues<PacketLabel>;
  EXPECT_EQ(names[1], "connect");
  EXPECT_EQ(names[3], "publish");
  EXPECT_EQ(names[7], "pubcomp");
  EXPECT_EQ(names[8], "subscribe");
  EXPECT_EQ(names[12], "pingreq");
  EXPECT_EQ(names[14], "disconnect");
  EXPECT_EQ(names[15], "auth");
}

TEST(BrokerMetrics, CanBeReadBack) {
  BrokerMetrics metrics;
  metrics.PublishReceived(0, 7);
  metrics.SessionsChanged(SessionState::kOnline, 3);
  metrics.InflightChanged(Direction::kIn, -1);
  EXPECT_EQ(metrics.publish_received(0), 1u);
  EXPECT_EQ(metrics.publish_received(1), 0u);
  EXPECT_EQ(metrics.sessions(SessionState::kOnline), 3);
  EXPECT_EQ(metrics.inflight(Direction::kIn), -1);
}

}  // namespace
}  // namespace tandem::metrics
