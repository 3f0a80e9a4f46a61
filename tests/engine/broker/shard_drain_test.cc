// A node that goes: its clients are moved to the other one, and their wills wait for them (O2, P8).
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::CloseReason;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DrainTest : public WorldTest {
 protected:
  static constexpr std::int64_t kGraceSeconds = 5;  // cluster.will_grace

  void SetUp() override { BuildPair({}); }

  bool MoveAway(std::size_t count) {
    const bool some_stay = world().shard(0, 0).MoveAway(count);
    world().AdvanceSeconds(1);  // a turn, in which what it led to is carried out
    return some_stay;
  }
};

TEST_F(DrainTest, MovesAsManyClientsAsItIsTold) {
  MqttClient& first = Connect("a");
  MqttClient& second = Connect("b", 0, Clean(), Version::k311);
  EXPECT_TRUE(MoveAway(1));
  EXPECT_EQ(first.disconnected, ReasonCode::kUseAnotherServer);
  EXPECT_TRUE(second.connected());
  EXPECT_TRUE(MoveAway(0));
  EXPECT_TRUE(second.connected());
  EXPECT_FALSE(MoveAway(1));
  EXPECT_FALSE(second.open());
  EXPECT_EQ(second.disconnected, std::nullopt) << "3.1.1 knows no DISCONNECT of the server";
  EXPECT_EQ(world().metrics(0, 0).connections_closed(CloseReason::kDrained), 2u);
}

TEST_F(DrainTest, AcknowledgesFirstWhatTheClientHasSent) {
  MqttClient& subscriber = Connect("s", 1);
  Subscribe(subscriber, "t", 1);
  MqttClient& publisher = Connect("p");
  world().HoldAcknowledgements(1, true);
  const std::uint16_t id = Publish(publisher, "t", "x", 1);
  EXPECT_TRUE(MoveAway(9));
  EXPECT_TRUE(publisher.connected());
  EXPECT_FALSE(publisher.AnswerTo(mqtt::PacketType::kPuback, id));
  world().HoldAcknowledgements(1, false);
  world().Run();
  EXPECT_FALSE(MoveAway(0));
  EXPECT_TRUE(publisher.AnswerTo(mqtt::PacketType::kPuback, id));
  EXPECT_FALSE(publisher.open());
}

TEST_F(DrainTest, TurnsNewClientsAway) {
  world().shard(0, 0).SetDraining(true);
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0, Clean());
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kUseAnotherServer);
  MqttClient& older = world().AddClient("older", Version::k311);
  TryConnect(older, 0, Clean());
  EXPECT_FALSE(older.connected());
  world().shard(0, 0).SetDraining(false);
  Reconnect(client);
}

TEST_F(DrainTest, HasNoWillPublishedOfAClientThatMoves) {
  MqttClient& watcher = WillWatcher(1);
  MqttClient& transient = Connect("t", 0, WithWill(Clean()));
  MqttClient& persistent = Connect("p", 0, WithWill(Persistent()));
  EXPECT_FALSE(MoveAway(9));
  world().AdvanceSeconds(kGraceSeconds - 2);
  Reconnect(transient, 1, Clean());
  Reconnect(persistent, 1, Persistent());
  EXPECT_TRUE(persistent.connack->session_present);
  world().AdvanceSeconds(3600);
  EXPECT_THAT(watcher.received, IsEmpty());
}

TEST_F(DrainTest, HasTheWillOfAClientThatStaysAwayPublishedOnceAfterTheGrace) {
  MqttClient& watcher = WillWatcher(1);
  Connect("t", 0, WithWill(Clean()));
  EXPECT_FALSE(MoveAway(9));
  world().AdvanceSeconds(kGraceSeconds - 2);
  EXPECT_THAT(watcher.received, IsEmpty());
  world().AdvanceSeconds(2);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
  world().Kill(0);
  world().AdvanceSeconds(3600);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
  EXPECT_EQ(world().shard(1, 0).sessions().size(), 1u) << "the watcher's alone";
}

TEST_F(DrainTest, LeavesTheWillsThatWaitToTheOtherNode) {
  MqttClient& watcher = WillWatcher(1);
  MqttClient& comes = Connect("comes", 0, WithWill(Clean()));
  Connect("stays away", 0, WithWill(Persistent()));
  EXPECT_FALSE(MoveAway(9));
  world().Kill(0);
  world().AdvanceSeconds(kGraceSeconds - 2);
  Reconnect(comes, 1, Clean());
  EXPECT_THAT(watcher.received, IsEmpty());
  world().AdvanceSeconds(3);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
  world().AdvanceSeconds(3600);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(DrainTest, PublishesNoWillsBecauseANodeOfAPairIsStopped) {
  MqttClient& watcher = WillWatcher(1);
  MqttClient& client = Connect("c", 0, WithWill(Clean()));
  world().shard(0, 0).DisconnectAll(ReasonCode::kServerShuttingDown, CloseReason::kShutdown);
  world().AdvanceSeconds(1);
  world().Kill(0);
  Reconnect(client, 1, Clean());
  world().AdvanceSeconds(3600);
  EXPECT_THAT(watcher.received, IsEmpty());
}

}  // namespace
}  // namespace tandem::testing
