// Retained messages to new subscribers.
#include "engine/broker/retained_fetcher.h"

#include <algorithm>
#include <string>

#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using mqtt::QoS;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RetainedTest : public WorldTest {
 protected:
  void Retain(int count, int qos = 1, std::size_t payload_bytes = 1) {
    MqttClient& publisher = Connect("retainer");
    for (int i = 0; i < count; ++i) {
      publisher.SendPublish("r/" + std::to_string(i), std::string(payload_bytes, 'r'), qos,
                            {.retain = true});
      if (i % 100 == 99) world().Run();
    }
    world().Run();
  }
  static std::set<std::string> Topics(const MqttClient& client) {
    std::set<std::string> topics;
    for (const Received& message : client.received) topics.insert(message.topic);
    return topics;
  }
};

TEST_F(RetainedTest, ReachesNewSubscribersWithTheRetainFlag) {
  Build({.cores = {3}});
  MqttClient& publisher = Connect("p");
  Publish(publisher, "a", "old", 1, {.retain = true});
  Publish(publisher, "a", "new", 2, {.retain = true});
  Publish(publisher, "b", "other", 0, {.retain = true});
  MqttClient& exact = Connect("exact");
  Subscribe(exact, "a", 1, {}, 9);
  ASSERT_THAT(exact.Payloads(), ElementsAre("new"));
  EXPECT_TRUE(exact.received[0].retain);
  EXPECT_EQ(exact.received[0].qos, QoS::kAtLeastOnce);
  EXPECT_THAT(exact.received[0].identifiers, ElementsAre(9u));
  MqttClient& all = Connect("all");
  Subscribe(all, "#", 2);
  EXPECT_THAT(all.Payloads(), UnorderedElementsAre("new", "other"));
}

TEST_F(RetainedTest, IsClearedByAnEmptyPayload_MQTT_3_3_1_6) {
  MqttClient& publisher = Connect("p");
  MqttClient& live = Connect("live");
  Publish(publisher, "a", "x", 1, {.retain = true});
  Subscribe(live, "a", 1);
  Publish(publisher, "a", "", 1, {.retain = true});
  EXPECT_THAT(live.Payloads(), ElementsAre("x", "")) << "the deletion is a message too";
  MqttClient& late = Connect("late");
  Subscribe(late, "a", 1);
  EXPECT_THAT(late.received, IsEmpty());
}

TEST_F(RetainedTest, ExpiresAndTellsTheRemainingTime) {
  MqttClient& publisher = Connect("p");
  Publish(publisher, "short", "x", 1, {.retain = true, .expiry_s = 10});
  Publish(publisher, "long", "x", 1, {.retain = true, .expiry_s = 100});
  world().AdvanceSeconds(20);
  MqttClient& late = Connect("late");
  Subscribe(late, "#", 1);
  ASSERT_EQ(late.received.size(), 1u);
  EXPECT_EQ(late.received[0].topic, "long");
  EXPECT_EQ(late.received[0].expiry_s, 80u);
  EXPECT_EQ(world().shard(0, 0).retained().messages(), 1u);
}

TEST_F(RetainedTest, FollowsRetainHandling) {
  Publish(Connect("p"), "a", "x", 1, {.retain = true});
  MqttClient& client = Connect("c");
  Subscribe(client, "a", 1, {.retain_handling = 2});
  EXPECT_EQ(client.received.size(), 0u) << "2: never";
  Unsubscribe(client, "a");
  Subscribe(client, "a", 1, {.retain_handling = 1});
  EXPECT_EQ(client.received.size(), 1u) << "1: a new subscription";
  Subscribe(client, "a", 1, {.retain_handling = 1});
  EXPECT_EQ(client.received.size(), 1u) << "1: not a new one";
  Subscribe(client, "a", 1, {.retain_handling = 0});
  EXPECT_EQ(client.received.size(), 2u) << "0: always";
}

TEST_F(RetainedTest, IsNotSentWhenASessionResumes) {
  Publish(Connect("p"), "a", "x", 1, {.retain = true});
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client, "a", 1);
  Break(client);
  client.ForgetSeen();
  Reconnect(client, 0, Persistent());
  EXPECT_THAT(client.received, IsEmpty());
}

// A23.
TEST_F(RetainedTest, ComesOncePerFilterOfASubscribe) {
  Publish(Connect("p"), "a/b", "x", 2, {.retain = true});
  MqttClient& client = Connect("c");
  Subscribe(client, {{"a/+", {.qos = QoS::kAtMostOnce}}, {"a/#", {.qos = QoS::kExactlyOnce}}});
  ASSERT_EQ(client.received.size(), 2u);
  EXPECT_EQ(client.received[0].qos, QoS::kAtMostOnce);
  EXPECT_EQ(client.received[1].qos, QoS::kExactlyOnce);
}

TEST_F(RetainedTest, ArrivesPageByPageAndCompletely) {
  for (const std::uint16_t cores : {1, 3}) {
    for (const int qos : {0, 1, 2}) {
      Build({.cores = {cores}});
      Retain(1000, qos);
      MqttClient& client = Connect("c", 0, {.clean_start = true, .receive_maximum = 10});
      Subscribe(client, "r/+", 2);
      EXPECT_EQ(client.received.size(), 1000u) << cores << " cores, QoS " << qos;
      EXPECT_EQ(Topics(client).size(), 1000u);
      TearDown();
    }
  }
}

TEST_F(RetainedTest, FitsThroughAQueueThatIsSmallerThanAPage) {
  for (const std::uint16_t cores : {1, 3}) {
    WorldOptions options{.cores = {cores}};
    options.config.queue_messages_max = 20;
    Build(options);
    Retain(700);
    MqttClient& client = Connect("c", 0, {.clean_start = true, .receive_maximum = 5});
    Subscribe(client, "r/#", 1);
    EXPECT_EQ(Topics(client).size(), 700u) << cores;
    EXPECT_EQ(
        world().Total([](auto& m) { return m.publish_dropped(metrics::DropReason::kQueueFull); }),
        0);
    TearDown();
  }
}

TEST_F(RetainedTest, FitsThroughAQueueOfFewBytes) {
  WorldOptions options{.cores = {2}};
  options.config.queue_bytes_max = 10'000;
  Build(options);
  Retain(50, 1, 3'000);
  MqttClient& client = Connect("c");
  Subscribe(client, "#", 1);
  EXPECT_EQ(Topics(client).size(), 50u);
}

TEST_F(RetainedTest, WaitsForASubscriberThatDoesNotRead) {
  WorldOptions options{.cores = {2}};
  options.config.unsent_bytes_soft = 10'000;
  options.config.unsent_bytes_hard = 500'000;
  Build(options);
  Retain(1000, 0, 1000);
  MqttClient& client = Connect("c");
  const auto id = client.SendSubscribe({{"r/#", {}}});
  client.reads = false;
  world().Run();
  client.reads = true;
  world().Run();
  EXPECT_TRUE(client.AnswerTo(mqtt::PacketType::kSuback, id));
  EXPECT_EQ(Topics(client).size(), 1000u) << "QoS 0 is not dropped for being retained";
}

TEST_F(RetainedTest, EndsWithTheConnection) {
  WorldOptions options{.cores = {2}};
  options.config.queue_messages_max = 400;
  Build(options);
  Retain(1000);
  MqttClient& client = Connect("c", 0, Persistent());
  client.acknowledges = false;
  Subscribe(client, "r/#", 1);
  Break(client);
  client.acknowledges = true;
  Reconnect(client, 0, Persistent());
  EXPECT_LT(Topics(client).size(), 1000u);
  Subscribe(client, "r/#", 1);
  EXPECT_EQ(Topics(client).size(), 1000u) << "a new SUBSCRIBE gets them all";
}

// A value that was delivered live is never followed by the older one.
TEST_F(RetainedTest, NeverComesAfterANewerValue) {
  for (const std::uint64_t seed : Seeds(150)) {
    Build({.seed = seed, .cores = {3}});
    MqttClient& publisher = Connect("p");
    MqttClient& subscriber = Connect("s");
    Publish(publisher, "t/1", "0", 1, {.retain = true});
    subscriber.SendSubscribe({{seed % 2 == 0 ? "t/1" : "t/#", {.qos = QoS::kAtLeastOnce}}});
    for (int i = 1; i <= 5; ++i) {
      publisher.SendPublish("t/1", std::to_string(i), 1, {.retain = true});
      for (std::uint64_t steps = world().random()() % 6; steps > 0; --steps) world().Step();
    }
    world().Run();
    ASSERT_FALSE(subscriber.received.empty()) << "seed " << seed;
    EXPECT_EQ(subscriber.received.back().payload, "5") << "seed " << seed;
    // Once a live one has come, retained ones are no older.
    std::string newest_live;
    for (const Received& message : subscriber.received) {
      if (!message.retain) newest_live = std::max(newest_live, message.payload);
      if (message.retain) {
        EXPECT_GE(message.payload, newest_live) << "seed " << seed;
      }
    }
    TearDown();
  }
}

TEST_F(RetainedTest, SendsNothingBackThatIsNoLocal_MQTT_3_8_3_3) {
  MqttClient& client = Connect("c");
  Publish(client, "t", "own", 1, {.retain = true});
  Publish(Connect("p"), "u", "other", 1, {.retain = true});
  Subscribe(client, "#", 1, {.no_local = true});
  EXPECT_THAT(client.Payloads(), ElementsAre("other"));
}

}  // namespace
}  // namespace tandem::testing
