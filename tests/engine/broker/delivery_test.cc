#include "engine/broker/delivery.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using metrics::Direction;
using metrics::DropReason;
using mqtt::QoS;

// What one session gets and keeps; whole handshakes are in shard_publish_test.cc.
class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest() {
    client_.stage = Client::Stage::kConnected;
    client_.version = mqtt::Version::k5;
    client_.window = 2;
    session_.client = &client_;
  }
  bool Deliver(std::string_view payload, QoS qos, const Delivery::Form& form = {}) {
    RoutedMessage message(MessageOn("t", payload));
    Delivery::Form full = form;
    full.qos = qos;
    delivery_.BeginRouting(true);
    return delivery_.Deliver(session_, message, full);
  }
  std::size_t sent() const { return parts_.context.outbox.sends.size(); }

  ShardParts parts_;
  Client client_;
  Session session_;
  SessionTable sessions_;
  PeerStream peer_{parts_.context};
  SessionTeller teller_{parts_.context, peer_, sessions_};
  Brakes brakes_;
  Congestion congestion_{parts_.context, peer_, brakes_, sessions_};
  Delivery delivery_{parts_.context, peer_, teller_, congestion_};
};

TEST_F(DeliveryTest, SendsAtOnceWithinTheWindow) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Deliver("x", QoS::kAtLeastOnce));
  EXPECT_EQ(sent(), 2u);
  EXPECT_EQ(parts_.metrics.queued_messages(), 4);
  EXPECT_EQ(parts_.metrics.inflight(Direction::kOut), 2);
  session_.queue.Acknowledge(mqtt::PacketId{1}, QoS::kAtLeastOnce);
  delivery_.Pump(session_);
  EXPECT_EQ(sent(), 3u);
}

TEST_F(DeliveryTest, QueuesForAnAbsentClientButNotQos0) {
  session_.client = nullptr;
  EXPECT_TRUE(Deliver("x", QoS::kAtMostOnce));
  EXPECT_TRUE(Deliver("x", QoS::kExactlyOnce));
  EXPECT_EQ(sent(), 0u);
  EXPECT_EQ(session_.queue.waiting_messages(), 1u);
}

TEST_F(DeliveryTest, HoldsQueuedMessagesBackAboveTheSoftBoundAndDropsQos0AboveTheHardOne) {
  client_.unsent_bytes = parts_.config.unsent_bytes_soft;
  Deliver("x", QoS::kAtLeastOnce);
  EXPECT_EQ(sent(), 0u);
  Deliver("x", QoS::kAtMostOnce);
  EXPECT_EQ(sent(), 1u);
  client_.unsent_bytes = parts_.config.unsent_bytes_hard + 1;
  Deliver("x", QoS::kAtMostOnce);
  EXPECT_EQ(sent(), 1u);
  EXPECT_EQ(parts_.metrics.publish_dropped(DropReason::kSlowConsumer), 1u);
  client_.unsent_bytes = 0;
  delivery_.Pump(session_);
  EXPECT_EQ(sent(), 2u);
}

TEST_F(DeliveryTest, SaysWhenTheConnectionMustGo) {
  parts_.config.queue_messages_max = 1;
  parts_.config.when_full = WhenFull::kDisconnect;
  parts_.config.stalled_after_ns = 0;
  EXPECT_TRUE(Deliver("x", QoS::kAtLeastOnce));
  EXPECT_FALSE(Deliver("x", QoS::kAtLeastOnce));
  EXPECT_EQ(parts_.metrics.publish_dropped(DropReason::kQueueFull), 1u);
}

TEST_F(DeliveryTest, RemembersLiveValuesWhileRetainedOnesAreFetched) {
  Deliver("x", QoS::kAtMostOnce);
  EXPECT_TRUE(session_.newer_topics.empty()) << "nothing is being fetched";
  session_.fetches.push_back(1);
  Deliver("x", QoS::kAtMostOnce, {.retain = true, .stored = true});
  EXPECT_TRUE(session_.newer_topics.empty()) << "it was fetched itself";
  Deliver("x", QoS::kAtMostOnce);
  EXPECT_TRUE(session_.newer_topics.contains("t"));
}

}  // namespace
}  // namespace tandem::broker
