// Wills (3.1.2.5, 3.1.3.2).
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WillTest : public WorldTest {
 protected:
  static mqtt::ConnectView With(mqtt::ConnectView connect, std::uint32_t delay_s = 0,
                                QoS qos = QoS::kAtLeastOnce, bool retain = false) {
    connect.will = mqtt::WillView{.topic = "will",
                                  .payload = AsBytes("gone"),
                                  .qos = qos,
                                  .retain = retain,
                                  .delay_s = delay_s};
    return connect;
  }
  MqttClient& Watcher(std::size_t node = 0) {
    MqttClient& watcher = Connect("watcher", node);
    Subscribe(watcher, "will", 2);
    return watcher;
  }
};

TEST_F(WillTest, IsPublishedWhenTheConnectionBreaks_MQTT_3_1_2_8) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Clean()));
  Break(client);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
  EXPECT_EQ(watcher.received[0].qos, QoS::kAtLeastOnce);
  EXPECT_EQ(watcher.received[0].topic, "will");
}

TEST_F(WillTest, IsPublishedWhenTheClientClosesWithoutDisconnect) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Clean()), Version::k311);
  world().Close(client);
  world().Run();
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, IsPublishedWhenTheClientFallsSilent) {
  MqttClient& watcher = Watcher();
  mqtt::ConnectView connect = With(Clean());
  connect.keep_alive_s = 10;
  Connect("c", 0, connect);
  world().AdvanceSeconds(16);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, IsPublishedWhenTheClientBreaksTheProtocol) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Clean()));
  const std::uint8_t reserved[] = {0x00, 0x00};
  client.SendBytes(reserved);
  world().Run();
  EXPECT_FALSE(client.open());
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, IsDroppedByADisconnect_MQTT_3_14_4_3) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Persistent(5)));
  Disconnect(client);
  world().AdvanceSeconds(10);
  EXPECT_THAT(watcher.received, IsEmpty());
}

TEST_F(WillTest, IsPublishedByADisconnectThatAsksForIt) {
  MqttClient& watcher = Watcher();
  Disconnect(Connect("c", 0, With(Clean())), {.reason = ReasonCode::kDisconnectWithWill});
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, WaitsForItsDelay) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Persistent(100), 10));
  Break(client);
  world().AdvanceSeconds(9);
  EXPECT_THAT(watcher.received, IsEmpty());
  world().AdvanceSeconds(2);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
  Reconnect(client, 0, Persistent(100));
  Break(client);
  world().AdvanceSeconds(200);
  EXPECT_EQ(watcher.received.size(), 1u) << "published once";
}

TEST_F(WillTest, IsCancelledWhenTheClientReturnsInTime_MQTT_3_1_3_9) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Persistent(100), 10));
  Break(client);
  world().AdvanceSeconds(9);
  Reconnect(client, 0, Persistent(100));
  world().AdvanceSeconds(20);
  EXPECT_THAT(watcher.received, IsEmpty());
}

TEST_F(WillTest, WaitsNoLongerThanItsSession) {
  MqttClient& watcher = Watcher();
  Break(Connect("c", 0, With(Persistent(5), 60)));
  world().AdvanceSeconds(4);
  EXPECT_THAT(watcher.received, IsEmpty());
  world().AdvanceSeconds(2);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, OfATransientSessionIsDueAtOnceWhateverItsDelay) {
  MqttClient& watcher = Watcher();
  Break(Connect("c", 0, With(Clean(), 60)));
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, IsPublishedAtATakeoverThatLeavesNoDelay) {
  MqttClient& watcher = Watcher();
  Connect("c", 0, With(Persistent()));
  Connect("c", 0, Persistent());
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, WithADelayIsNotPublishedAtATakeoverOfTheSession) {
  MqttClient& watcher = Watcher();
  Connect("c", 0, With(Persistent(), 10));
  Connect("c", 0, Persistent());
  world().AdvanceSeconds(20);
  EXPECT_THAT(watcher.received, IsEmpty());
}

TEST_F(WillTest, WithADelayIsPublishedAtATakeoverThatEndsTheSession) {
  MqttClient& watcher = Watcher();
  Connect("c", 0, With(Persistent(), 10));
  Connect("c", 0, Clean());
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, CanBeRetained) {
  Break(Connect("c", 0, With(Clean(), 0, QoS::kAtMostOnce, true)));
  MqttClient& late = Watcher();
  ASSERT_EQ(late.received.size(), 1u);
  EXPECT_TRUE(late.received[0].retain);
}

TEST_F(WillTest, IsReplacedByThatOfTheNextConnect) {
  MqttClient& watcher = Watcher();
  MqttClient& client = Connect("c", 0, With(Persistent(), 60));
  Break(client);
  Reconnect(client, 0, Persistent());
  Break(client);
  world().AdvanceSeconds(100);
  EXPECT_THAT(watcher.received, IsEmpty());
}

TEST_F(WillTest, ReachesSubscribersOnTheOtherNode) {
  BuildPair({.cores = {2}});
  MqttClient& watcher = Watcher(1);
  Break(Connect("c", 0, With(Clean())));
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

TEST_F(WillTest, WithADelayIsCancelledByAReturnToTheOtherNode) {
  BuildPair({.cores = {2}});
  MqttClient& watcher = Watcher(0);
  MqttClient& client = Connect("c", 0, With(Persistent(), 10));
  Break(client);
  world().AdvanceSeconds(5);
  Reconnect(client, 1, Persistent());
  world().AdvanceSeconds(20);
  EXPECT_THAT(watcher.received, IsEmpty());
}

TEST_F(WillTest, WithADelayIsPublishedByAReturnToTheOtherNodeThatEndsTheSession) {
  BuildPair({.cores = {2}});
  MqttClient& watcher = Watcher(0);
  MqttClient& client = Connect("c", 0, With(Persistent(), 10));
  Break(client);
  Reconnect(client, 1, Clean());
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone"));
}

// The client's node dies; so does the one that took its place, and the first one is back.
TEST_F(WillTest, WaitsForTheClientThoughBothNodesDieInTurn_P8) {
  BuildPair({.cores = {2}});
  MqttClient& watcher = Connect("watcher", 0, Persistent());
  Subscribe(watcher, "will", 2);
  MqttClient& client = Connect("c", 1, With(Persistent()));
  for (const std::size_t node : {1, 0}) {
    world().Kill(node);
    world().Run();
    world().Start(node);
    world().Pair();
    world().Run();
    ASSERT_TRUE(world().InStep());
  }
  world().AdvanceSeconds(1);
  Reconnect(client, 1, Persistent());
  world().AdvanceSeconds(60);
  Reconnect(watcher, 1, Persistent());
  EXPECT_THAT(watcher.received, IsEmpty()) << "the client was back within the grace";
}

TEST_F(WillTest, OfTheConnectionBeforeIsNotDueWhileItsClientWaitsForTheOtherNode_P8) {
  BuildPair({.cores = {2}});
  MqttClient& watcher = Watcher(1);
  MqttClient& client = Connect("c", 0, With(Persistent(), 10));
  Break(client);
  world().AdvanceSeconds(9);
  world().HoldRecords(1, true);
  TryConnect(client, 0, With(Persistent()));
  world().AdvanceSeconds(5);
  EXPECT_FALSE(client.connected()) << "node 1 has not answered";
  world().HoldRecords(1, false);
  world().Run();
  ASSERT_TRUE(client.connected());
  EXPECT_THAT(watcher.received, IsEmpty());
  world().Kill(0);
  world().AdvanceSeconds(60);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("gone")) << "the copy has the present connection's";
}

TEST_F(WillTest, OfAConnectionThatNeverWasIsForgottenByTheCopy_P8) {
  BuildPair({.cores = {2}});
  MqttClient& watcher = Watcher(0);
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client, "$share/g/t", 1);
  Break(client);
  world().HoldAcknowledgements(0, true);
  TryConnect(client, 1, With(Persistent()));
  EXPECT_FALSE(client.connected()) << "node 0 must route to its new place first";
  world().Break(client);
  world().HoldAcknowledgements(0, false);
  world().Run();
  world().Kill(1);
  world().AdvanceSeconds(60);
  EXPECT_THAT(watcher.received, IsEmpty());
}

}  // namespace
}  // namespace tandem::testing
