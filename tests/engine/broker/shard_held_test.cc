// The partner is lost from sight, and it is not decided, or decided otherwise, that this node goes
// on (O4): nothing is acknowledged or fired meanwhile.
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::CloseReason;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HeldTest : public WorldTest {
 protected:
  static constexpr std::int64_t kGraceSeconds = 5;  // cluster.will_grace

  void SetUp() override { BuildPair({}); }

  // As the link does it: what node 0 sends reaches nobody, what it waits for does not come.
  void Hold() {
    world().HoldAcknowledgements(1, true);
    shard().OnPeerHeld();
  }
  void Take(bool taken) {
    shard().OnClientsTaken(taken);
    world().AdvanceSeconds(1);  // a turn, in which what it led to is carried out
  }
  broker::Shard& shard() { return world().shard(0, 0); }
};

TEST_F(HeldTest, NothingIsAcknowledgedAndClientsAreSentToTheOtherNode) {
  MqttClient& subscriber = Connect("s", 1);
  Subscribe(subscriber, "t", 1);
  MqttClient& publisher = Connect("p");
  MqttClient& older = Connect("older", 0, Clean(), Version::k311);
  Hold();
  const std::uint16_t id = Publish(publisher, "t", "x", 1);
  world().AdvanceSeconds(60);
  EXPECT_TRUE(publisher.connected());
  EXPECT_FALSE(publisher.AnswerTo(mqtt::PacketType::kPuback, id));
  Take(false);
  EXPECT_EQ(publisher.disconnected, ReasonCode::kUseAnotherServer);
  EXPECT_FALSE(older.open());
  EXPECT_EQ(older.disconnected, std::nullopt) << "3.1.1 knows no DISCONNECT of the server";
  EXPECT_EQ(world().metrics(0, 0).connections_closed(CloseReason::kPartition), 2u);
  world().EndEpoch(0);
  world().Run();
  EXPECT_FALSE(publisher.AnswerTo(mqtt::PacketType::kPuback, id)) << "nobody is there to hear it";
}

// All in one turn of the link, whose effects are carried out after it.
TEST_F(HeldTest, WhatIsLeftOfOneEpochDoesNotGetIntoTheNextOne) {
  Connect("c", 0, Persistent());
  shard().OnPeerHeld();
  shard().OnClientsTaken(false);
  ASSERT_FALSE(shard().outbox().records.empty()) << "the client's leaving is nothing to tell";
  shard().OnPeerDown();
  shard().OnPeerUp({.epoch = 7,
                    .self = NodeId{0},
                    .peer = NodeId{1},
                    .self_incarnation = Incarnation{1},
                    .peer_incarnation = Incarnation{2}});
  std::uint64_t number = 0;
  for (const broker::RecordEffect& effect : shard().outbox().records)
    EXPECT_EQ(effect.number, ++number);
}

TEST_F(HeldTest, NewClientsAreRefusedUntilTheyAreTakenAgain) {
  Hold();
  Take(false);
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0, Clean());
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kServerUnavailable);
  MqttClient& older = world().AddClient("older", Version::k311);
  TryConnect(older, 0, Clean());
  EXPECT_FALSE(older.connected());
  world().EndEpoch(0);
  world().Run();
  Take(true);
  Reconnect(client);
  EXPECT_TRUE(client.connected());
}

TEST_F(HeldTest, AClientThatBreaksOffWhileNothingIsDecidedHasNoWillPublished) {
  MqttClient& watcher = WillWatcher(1);
  MqttClient& client = Connect("c", 0, WithWill(Clean()));
  MqttClient& kept = Connect("kept", 0, WithWill(Persistent()));
  Hold();
  Break(client);
  Break(kept);
  world().AdvanceSeconds(600);
  EXPECT_THAT(watcher.Payloads(), IsEmpty());
}

TEST_F(HeldTest, TheWillsOfThoseSentAwayWaitUntilTheyCanComeBack_P8) {
  MqttClient& watcher = WillWatcher(1);
  MqttClient& back = Connect("back", 0, WithWill(Clean()));
  Connect("stays away", 0, WithWill(Clean()));
  Hold();
  Take(false);
  world().AdvanceSeconds(600);
  EXPECT_THAT(watcher.Payloads(), IsEmpty());
  world().EndEpoch(0);
  world().Run();
  Take(true);
  MqttClient& here = Connect("watcher here");
  Subscribe(here, "will", 1);
  Reconnect(back);
  world().AdvanceSeconds(kGraceSeconds - 2);
  EXPECT_THAT(here.Payloads(), IsEmpty());
  world().AdvanceSeconds(3);
  EXPECT_THAT(here.Payloads(), ElementsAre("gone")) << "of the one that stays away, once";
}

// It may live on the other node by now, or come back here when it is heard.
TEST_F(HeldTest, AClientThatBreaksOffFromANodeThatStoodStillHasNoWillPublishedBeforeItIsKnown_F7) {
  MqttClient& watcher = WillWatcher(1);
  MqttClient& client = Connect("c", 0, WithWill(Clean()));
  mqtt::ConnectView late = WithWill(Clean());
  late.keep_alive_s = 10;
  Connect("late", 0, late);
  shard().OnClientsWait(true);
  Break(client);
  world().AdvanceSeconds(600);
  EXPECT_THAT(watcher.Payloads(), IsEmpty());
  EXPECT_EQ(shard().connections(), 1u) << "who was not heard is not late";
  shard().OnClientsWait(false);
  world().AdvanceSeconds(600);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone", "gone"));
}

TEST_F(HeldTest, NoSessionExpiresWhileItsClientCannotComeBack) {
  Connect("c", 0, Persistent(10));
  Hold();
  Take(false);
  world().AdvanceSeconds(600);
  EXPECT_NE(shard().sessions().Find("c"), nullptr);
}

}  // namespace
}  // namespace tandem::testing
