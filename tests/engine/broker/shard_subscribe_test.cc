// SUBSCRIBE and UNSUBSCRIBE on one node, and how overlapping subscriptions add up.
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using mqtt::QoS;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SubscribeTest : public WorldTest {};

TEST_F(SubscribeTest, GrantsAndMatchesWildcards) {
  MqttClient& subscriber = Connect("s");
  EXPECT_THAT(Subscribe(subscriber,
                        {{"a/+", {.qos = QoS::kAtMostOnce}}, {"b/#", {.qos = QoS::kExactlyOnce}}}),
              ElementsAre(ReasonCode::kSuccess, ReasonCode::kGrantedQoS2));
  MqttClient& publisher = Connect("p");
  for (const char* topic : {"a/1", "a/1/2", "b", "b/1/2", "c"}) Publish(publisher, topic, topic);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("a/1", "b", "b/1/2"));
}

TEST_F(SubscribeTest, AnswersEachFilterOfAPacketOnItsOwn) {
  MqttClient& subscriber = Connect("s");
  EXPECT_THAT(Subscribe(subscriber, {{"ok", {}}, {"a/#/b", {}}, {"$share/g", {}}}),
              ElementsAre(ReasonCode::kSuccess, ReasonCode::kTopicFilterInvalid,
                          ReasonCode::kTopicFilterInvalid));
  EXPECT_EQ(world().metrics(0, 0).subscriptions_refused(), 2u);
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 1);
}

TEST_F(SubscribeTest, ClosesAnOldClientWithABadFilterAndAppliesNothing) {
  MqttClient& subscriber = Connect("s", 0, {.clean_start = false}, Version::k311);
  Subscribe(subscriber, {{"ok", {}}, {"a/#/b", {}}});
  EXPECT_FALSE(subscriber.open());
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 0);
}

TEST_F(SubscribeTest, ReplacesASubscription_MQTT_3_8_4_3) {
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 0, {}, 7);
  Subscribe(subscriber, "t", 2, {}, 8);
  Publish(Connect("p"), "t", "x", 2);
  ASSERT_EQ(subscriber.received.size(), 1u);
  EXPECT_EQ(subscriber.received[0].qos, QoS::kExactlyOnce);
  EXPECT_THAT(subscriber.received[0].identifiers, ElementsAre(8u));
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 1);
}

TEST_F(SubscribeTest, DeliversOneCopyForOverlappingSubscriptionsAtTheHighestQosWithAllIds) {
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "a/b", 0, {}, 1);
  Subscribe(subscriber, "a/+", 2, {}, 2);
  Subscribe(subscriber, "a/#", 1, {}, 3);
  Subscribe(subscriber, "#", 1);
  MqttClient& publisher = Connect("p");
  for (int qos = 0; qos <= 2; ++qos) Publish(publisher, "a/b", "x", qos);
  ASSERT_EQ(subscriber.received.size(), 3u);
  for (int qos = 0; qos <= 2; ++qos) {
    const Received& received = subscriber.received[static_cast<std::size_t>(qos)];
    EXPECT_EQ(static_cast<int>(received.qos), qos);
    EXPECT_THAT(received.identifiers, ElementsAre(1u, 2u, 3u));
  }
}

TEST_F(SubscribeTest, KeepsIdentifiersOfQueuedMessages) {
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "a/b", 1, {}, 5);
  Subscribe(subscriber, "a/+", 1, {}, 6);
  Subscribe(subscriber, "b", 1, {}, 7);
  Break(subscriber);
  MqttClient& publisher = Connect("p");
  Publish(publisher, "a/b", "x", 1);
  Publish(publisher, "b", "x", 1);
  Reconnect(subscriber, 0, Persistent());
  ASSERT_EQ(subscriber.received.size(), 2u);
  EXPECT_THAT(subscriber.received[0].identifiers, ElementsAre(5u, 6u));
  EXPECT_THAT(subscriber.received[1].identifiers, ElementsAre(7u));
}

TEST_F(SubscribeTest, SendsNothingBackThatIsNoLocal_MQTT_3_8_3_3) {
  MqttClient& client = Connect("c");
  Subscribe(client, "t", 1, {.no_local = true});
  Publish(client, "t", "own", 1);
  EXPECT_THAT(client.received, IsEmpty());
  Publish(Connect("p"), "t", "other", 1);
  EXPECT_THAT(client.Payloads(), ElementsAre("other"));
}

TEST_F(SubscribeTest, LetsAnotherSubscriptionOfTheClientHaveItsOwnMessages) {
  MqttClient& client = Connect("c");
  Subscribe(client, "a/b", 2, {.no_local = true}, 1);
  Subscribe(client, "a/+", 0, {}, 2);
  Publish(client, "a/b", "own", 2);
  ASSERT_EQ(client.received.size(), 1u);
  EXPECT_EQ(client.received[0].qos, QoS::kAtMostOnce);
  EXPECT_THAT(client.received[0].identifiers, ElementsAre(2u));
}

TEST_F(SubscribeTest, DeliversACopyForEachSubscriptionIfTheOperatorWantsThat) {
  WorldOptions options{.cores = {2}};
  options.config.copy_per_subscription = true;
  BuildPair(options);
  MqttClient& subscriber = Connect("s", 1, Persistent());
  Subscribe(subscriber, "a/b", 0, {}, 1);
  Subscribe(subscriber, "a/+", 2, {}, 2);
  Subscribe(subscriber, "a/#", 1, {}, 3);
  Publish(Connect("p"), "a/b", "x", 2);
  ASSERT_EQ(subscriber.received.size(), 3u);
  for (const Received& message : subscriber.received) {
    ASSERT_EQ(message.identifiers.size(), 1u);
    const int qos[] = {0, 2, 1};
    EXPECT_EQ(static_cast<int>(message.qos), qos[message.identifiers[0] - 1]);
  }
  // The copy of the session has both that it must have, and hands them over.
  Disconnect(subscriber);
  subscriber.ForgetSeen();
  Publish(*world().clients()[1], "a/b", "y", 2);
  world().Kill(1);
  world().Run();
  Reconnect(subscriber, 0, Persistent());
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("y", "y"));
}

TEST_F(SubscribeTest, RefusesNoLocalOnASharedSubscription_MQTT_3_8_3_4) {
  MqttClient& client = Connect("c");
  Subscribe(client, "$share/g/t", 1, {.no_local = true});
  EXPECT_EQ(client.disconnected, ReasonCode::kProtocolError);
}

TEST_F(SubscribeTest, KeepsTheRetainFlagOnlyWhereItIsWanted_MQTT_3_3_1_12) {
  MqttClient& plain = Connect("plain");
  MqttClient& as_published = Connect("rap");
  Subscribe(plain, "t", 1);
  Subscribe(as_published, "t", 1, {.retain_as_published = true});
  MqttClient& publisher = Connect("p");
  Publish(publisher, "t", "x", 1, {.retain = true});
  Publish(publisher, "t", "y", 1);
  EXPECT_FALSE(plain.received.at(0).retain);
  EXPECT_TRUE(as_published.received.at(0).retain);
  EXPECT_FALSE(as_published.received.at(1).retain);
}

TEST_F(SubscribeTest, StopsDeliveringAfterUnsubscribe) {
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 1);
  EXPECT_THAT(Unsubscribe(subscriber, "t"), ElementsAre(ReasonCode::kSuccess));
  EXPECT_THAT(Unsubscribe(subscriber, "t"), ElementsAre(ReasonCode::kNoSubscriptionExisted));
  EXPECT_THAT(Unsubscribe(subscriber, "a/#/b"), ElementsAre(ReasonCode::kTopicFilterInvalid));
  Publish(Connect("p"), "t", "x", 1);
  EXPECT_THAT(subscriber.received, IsEmpty());
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 0);
  EXPECT_EQ(world().shard(0, 0).trie().filters(), 0u);
}

TEST_F(SubscribeTest, RefusesWhatTheOperatorHasSwitchedOff) {
  WorldOptions options;
  options.config.wildcard_available = false;
  options.config.shared_available = false;
  Build(options);
  MqttClient& old_client = Connect("old", 0, Clean(), Version::k311);
  EXPECT_THAT(Subscribe(old_client, {{"a/+", {}}, {"$share/g/a", {}}, {"a", {}}}),
              ElementsAre(ReasonCode::kUnspecifiedError, ReasonCode::kUnspecifiedError,
                          ReasonCode::kSuccess));
}

// A7: a switch for clients that 3.x cannot tell otherwise.
TEST_F(SubscribeTest, FailsInvalidFiltersOfOldClientsInSubackWhenToldTo) {
  WorldOptions options;
  options.config.closes_on_invalid_filter = false;
  Build(options);
  MqttClient& client = Connect("c", 0, Clean(), Version::k311);
  EXPECT_THAT(Subscribe(client, {{"a/#/b", {}}, {"a", {}}}),
              ElementsAre(ReasonCode::kUnspecifiedError, ReasonCode::kSuccess));
  client.SendUnsubscribe({"a/#/b", "a"});
  world().Run();
  EXPECT_TRUE(client.open());
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 0);
}

// CONNACK has said that there are none, so asking is a protocol error (3.2.2.3.11, 3.2.2.3.13).
TEST_F(SubscribeTest, DisconnectsWhoAsksForWhatConnackExcluded) {
  WorldOptions options;
  options.config.wildcard_available = false;
  options.config.shared_available = false;
  Build(options);
  for (const auto& [filter, code] :
       {std::pair{"a/+", ReasonCode::kWildcardSubscriptionsNotSupported},
        std::pair{"$share/g/a", ReasonCode::kSharedSubscriptionsNotSupported}}) {
    MqttClient& client = Connect(filter);
    client.SendSubscribe({{"a", {}}, {filter, {}}});
    world().Run();
    ASSERT_TRUE(client.disconnected);
    EXPECT_EQ(client.disconnected, code);
    EXPECT_EQ(world().metrics(0, 0).subscriptions(), 0) << "nothing of the packet was done";
  }
}

TEST_F(SubscribeTest, BoundsTheSubscriptionsOfASession) {
  WorldOptions options;
  options.config.subscriptions_per_session_max = 3;
  Build(options);
  MqttClient& client = Connect("c");
  EXPECT_THAT(Subscribe(client, {{"a", {}}, {"b", {}}, {"a", {}}, {"c", {}}, {"d", {}}}),
              ElementsAre(ReasonCode::kSuccess, ReasonCode::kSuccess, ReasonCode::kSuccess,
                          ReasonCode::kSuccess, ReasonCode::kQuotaExceeded));
  EXPECT_THAT(Subscribe(client, "e"), ElementsAre(ReasonCode::kQuotaExceeded));
  EXPECT_THAT(Subscribe(client, "a", 1), ElementsAre(ReasonCode::kGrantedQoS1)) << "not a new one";
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 3);
  Unsubscribe(client, "a");
  EXPECT_THAT(Subscribe(client, "e"), ElementsAre(ReasonCode::kSuccess));
}

TEST_F(SubscribeTest, RefusesASubackThatTheClientCannotTake) {
  MqttClient& client = Connect("c", 0, {.clean_start = true, .maximum_packet_size = 60});
  std::vector<std::string> filters;
  std::vector<mqtt::SubscribeEntry> entries;
  for (int i = 0; i < 80; ++i) filters.push_back("t" + std::to_string(i));
  for (const std::string& filter : filters) entries.push_back({filter, {}});
  Subscribe(client, entries);
  EXPECT_EQ(client.disconnected, ReasonCode::kPacketTooLarge);
}

// Shared groups on one node.

class SharedTest : public WorldTest {
 protected:
  std::size_t Received(const std::vector<MqttClient*>& members) {
    std::size_t all = 0;
    for (const MqttClient* member : members) all += member->received.size();
    return all;
  }
};

TEST_F(SharedTest, GivesEachMessageToOneMemberInTurn) {
  Build({.cores = {3}});
  std::vector<MqttClient*> members;
  for (int i = 0; i < 6; ++i) {
    members.push_back(&Connect("m" + std::to_string(i)));
    Subscribe(*members.back(), "$share/g/t/+", 1, {}, static_cast<std::uint32_t>(i + 1));
  }
  MqttClient& plain = Connect("plain");
  Subscribe(plain, "t/#", 1);
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 60; ++i) Publish(publisher, "t/x", std::to_string(i), 1);
  EXPECT_EQ(Received(members), 60u);
  EXPECT_EQ(plain.received.size(), 60u);
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(members[i]->received.size(), 10u) << i;
    EXPECT_THAT(members[i]->received[0].identifiers, ElementsAre(i + 1));
  }
}

TEST_F(SharedTest, ServesEachGroupOfAFilter) {
  MqttClient& first = Connect("a");
  MqttClient& second = Connect("b");
  Subscribe(first, "$share/one/t", 1);
  Subscribe(second, "$share/two/t", 1);
  Publish(Connect("p"), "t", "x", 1);
  EXPECT_EQ(first.received.size(), 1u);
  EXPECT_EQ(second.received.size(), 1u);
}

TEST_F(SharedTest, GivesAMessageThatIsTooLargeForSomeMembersToAnother) {
  for (const std::uint64_t seed : Seeds(10)) {
    BuildPair({.seed = seed, .cores = {3, 2}});
    std::vector<MqttClient*> small;
    for (std::size_t i = 0; i < 8; ++i) {
      small.push_back(&Connect("small" + std::to_string(i), i % 2,
                               {.clean_start = true, .maximum_packet_size = 100}));
      Subscribe(*small.back(), "$share/g/t", 1);
    }
    MqttClient& large = Connect("large", seed % 2);
    Subscribe(large, "$share/g/t", 1);
    MqttClient& publisher = Connect("p");
    for (int i = 0; i < 12; ++i) Publish(publisher, "t", std::string(200, 'x'), i % 3);
    EXPECT_EQ(large.received.size(), 12u) << "seed " << seed;
    Disconnect(large);
    for (int i = 0; i < 6; ++i) Publish(publisher, "t", std::string(200, 'x'), i % 3);
    Publish(publisher, "t", "short", 1);
    const auto too_large = [](auto& m) {
      return m.publish_dropped(metrics::DropReason::kPacketTooLarge);
    };
    EXPECT_EQ(world().Total(too_large), 6) << "nobody is left who takes them";
    std::size_t got = 0;
    for (MqttClient* client : small) got += client->received.size();
    EXPECT_EQ(got, 1u);
  }
}

TEST_F(SharedTest, GivesWhatAReturningMemberNoLongerTakesToAnother) {
  Build({.cores = {2}});
  const mqtt::ConnectView small{
      .clean_start = false, .session_expiry_s = 3600, .maximum_packet_size = 100};
  MqttClient& first = Connect("first", 0, Persistent());
  Subscribe(first, "$share/g/t", 1);
  Disconnect(first);
  Publish(Connect("p"), "t", std::string(200, 'x'), 1);
  MqttClient& second = Connect("second");
  Subscribe(second, "$share/g/t", 1);
  Reconnect(first, 0, small);
  EXPECT_EQ(first.received.size(), 0u);
  EXPECT_EQ(second.received.size(), 1u);
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
}

TEST_F(SharedTest, PrefersMembersThatAreOnlineAndQueuesForOneIfNobodyIs) {
  Build({.cores = {2}});
  MqttClient& away = Connect("away", 0, Persistent());
  MqttClient& here = Connect("here", 0, Persistent());
  Subscribe(away, "$share/g/t", 1);
  Subscribe(here, "$share/g/t", 1);
  Break(away);
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 4; ++i) Publish(publisher, "t", std::to_string(i), 1);
  EXPECT_EQ(here.received.size(), 4u);
  Break(here);
  for (int i = 4; i < 8; ++i) Publish(publisher, "t", std::to_string(i), 1);
  Reconnect(away, 0, Persistent());
  Reconnect(here, 0, Persistent());
  EXPECT_EQ(Received({&away, &here}), 8u) << "each once";
}

// P10.
TEST_F(SharedTest, GivesWhatALeavingMemberHasNotAcknowledgedToAnother) {
  Build({.cores = {2}});
  MqttClient& leaving = Connect("leaving", 0, {.clean_start = true, .receive_maximum = 2});
  leaving.acknowledges = false;
  Subscribe(leaving, "$share/g/t", 1);
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 5; ++i) Publish(publisher, "t", std::to_string(i), 1);
  MqttClient& staying = Connect("staying");
  Subscribe(staying, "$share/g/t", 1);
  Break(leaving);
  EXPECT_THAT(staying.Payloads(), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
}

TEST_F(SharedTest, KeepsASentQos2MessageWithItsMember_MQTT_4_8_2_4) {
  MqttClient& member = Connect("member", 0, Persistent());
  member.acknowledges = false;
  Subscribe(member, "$share/g/t", 2);
  Publish(Connect("p"), "t", "x", 2);
  MqttClient& other = Connect("other");
  Subscribe(other, "$share/g/t", 2);
  Break(member);
  EXPECT_THAT(other.received, IsEmpty());
  member.acknowledges = true;
  Reconnect(member, 0, Persistent());
  EXPECT_EQ(member.repeats, 1u);
}

TEST_F(SharedTest, MovesUnsentMessagesWhenAPersistentMemberGoesAway) {
  mqtt::ConnectView connect = Persistent();
  connect.receive_maximum = 1;
  MqttClient& member = Connect("member", 0, connect);
  member.acknowledges = false;
  Subscribe(member, "$share/g/t", 1);
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 4; ++i) Publish(publisher, "t", std::to_string(i), 1);
  MqttClient& other = Connect("other");
  Subscribe(other, "$share/g/t", 1);
  Break(member);
  EXPECT_THAT(other.Payloads(), ElementsAre("1", "2", "3"));
  member.acknowledges = true;
  Reconnect(member, 0, connect);
  EXPECT_THAT(member.Payloads(), ElementsAre("0", "0")) << "sent again with DUP";
}

TEST_F(SharedTest, KeepsMessagesOfTheOnlyMember) {
  mqtt::ConnectView connect = Persistent();
  connect.receive_maximum = 1;
  MqttClient& member = Connect("member", 0, connect);
  member.acknowledges = false;
  Subscribe(member, "$share/g/t", 1);
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 4; ++i) Publish(publisher, "t", std::to_string(i), 1);
  Break(member);
  member.acknowledges = true;
  member.ForgetSeen();
  Reconnect(member, 0, connect);
  EXPECT_THAT(member.Payloads(), ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
}

TEST_F(SharedTest, SendsNoRetainedMessages) {
  Publish(Connect("p"), "t", "kept", 1, {.retain = true});
  MqttClient& member = Connect("member");
  Subscribe(member, "$share/g/t", 1);
  EXPECT_THAT(member.received, IsEmpty());
}

}  // namespace
}  // namespace tandem::testing
