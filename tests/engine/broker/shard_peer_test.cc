// Two nodes: interest, the commit gate, snapshots, sessions that move, shared groups.
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using broker::InterestRecord;
using broker::PeerRecord;
using broker::PublishRecord;
using metrics::SessionState;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

class PairTest : public WorldTest {
 protected:
  // Two nodes of so many cores each, whose records are counted.
  void BuildNodes(std::uint16_t first, std::uint16_t second, broker::BrokerConfig config = {}) {
    BuildPair({.cores = {first, second}, .config = config});
    CountRecords();
  }
  void CountRecords() {
    publishes_ = {};
    world().on_record = [this](std::size_t from, const PeerRecord& record) {
      if (std::holds_alternative<PublishRecord>(record)) ++publishes_[from];
    };
  }
  std::int64_t Sessions(SessionState state) {
    return world().Total([&](auto& m) { return m.sessions(state); });
  }
  std::array<int, 2> publishes_{};
};

// P1, P2.

TEST_F(PairTest, DeliversToSubscribersOnEitherNode) {
  BuildNodes(2, 3);
  for (int qos = 0; qos <= 2; ++qos) {
    const std::string topic = "t" + std::to_string(qos);
    MqttClient& here = Connect("here" + topic, 0);
    MqttClient& there = Connect("there" + topic, 1);
    Subscribe(here, topic, 2);
    Subscribe(there, topic, 2);
    for (std::size_t node = 0; node < 2; ++node) {
      MqttClient& publisher = Connect("p" + topic + std::to_string(node), node);
      Publish(publisher, topic, std::to_string(node), qos);
      EXPECT_EQ(publisher.publishing(), 0u);
    }
    EXPECT_THAT(here.Payloads(), ElementsAre("0", "1"));
    EXPECT_THAT(there.Payloads(), ElementsAre("0", "1"));
    EXPECT_EQ(static_cast<int>(there.received[0].qos), qos);
  }
}

TEST_F(PairTest, SendsNothingAcrossThatNobodyWantsThere_P2) {
  BuildNodes(2, 2);
  Subscribe(Connect("here", 0), "t/#", 1);
  MqttClient& there = Connect("there", 1);
  Subscribe(there, "other", 1);
  Subscribe(there, "t/1", 1);
  Unsubscribe(there, "t/1");
  MqttClient& publisher = Connect("p", 0);
  for (int i = 0; i < 10; ++i) Publish(publisher, "t/1", "x", 1);
  EXPECT_EQ(publishes_[0], 0);
}

TEST_F(PairTest, TellsAMessageAndItsPlaceInACopyInOneRecord) {
  for (const bool oldest_partner : {false, true}) {
    BuildPair({.cores = {1, 1}, .oldest_partner = oldest_partner});
    MqttClient& kept = Connect("kept", 0, Persistent());
    Subscribe(kept, "t", 2);
    Break(kept);
    MqttClient& publisher = Connect("p", 0);
    int places = 0;
    int orders = 0;
    CountRecords();
    world().on_record = [&, count = world().on_record](std::size_t from, const PeerRecord& record) {
      count(from, record);
      if (const auto* publish = std::get_if<PublishRecord>(&record))
        places += static_cast<int>(publish->places.size());
      if (std::holds_alternative<broker::SessionOrderRecord>(record)) ++orders;
    };
    for (int qos = 1; qos <= 2; ++qos) Publish(publisher, "t", std::to_string(qos), qos);
    EXPECT_EQ(publishes_[0], 2);
    EXPECT_EQ(places, oldest_partner ? 0 : 2);
    EXPECT_EQ(orders, oldest_partner ? 2 : 0) << "to a partner that does not know it yet";
    Reconnect(kept, 1, Persistent());
    EXPECT_THAT(kept.Payloads(), ElementsAre("1", "2"));
  }
}

// What must cross is the packet id that its publisher uses.
TEST_F(PairTest, SendsNoPayloadOfQos2AcrossThatNobodyWantsThere_P2) {
  BuildNodes(3, 2);
  for (int i = 0; i < 6; ++i) {
    MqttClient& here = Connect("here" + std::to_string(i), 0);
    Subscribe(here, i % 2 == 0 ? "t" : "$share/g/t", 2);
  }
  MqttClient& publisher = Connect("p", 0, Persistent());
  for (int i = 0; i < 10; ++i) Publish(publisher, "t", "x", 2);
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(publishes_[0], 0);
}

TEST_F(PairTest, SendsAMessageAcrossOnceForAThousandSubscribers_P2) {
  BuildNodes(2, 3);
  std::vector<MqttClient*> subscribers;
  for (int i = 0; i < 1000; ++i) {
    subscribers.push_back(&world().AddClient("s" + std::to_string(i)));
    world().Open(*subscribers.back(), 1);
    subscribers.back()->SendConnect(Clean());
    subscribers.back()->SendSubscribe({{i % 2 == 0 ? "t/1" : "t/+", {.qos = QoS::kAtLeastOnce}}});
    if (i % 50 == 49) world().Run();
  }
  Publish(Connect("p", 0), "t/1", "x", 1);
  EXPECT_EQ(publishes_[0], 1);
  for (const MqttClient* subscriber : subscribers) ASSERT_EQ(subscriber->received.size(), 1u);
}

TEST_F(PairTest, CarriesExpiryAsTheTimeThatIsLeft) {
  BuildNodes(1, 1);
  MqttClient& there = Connect("there", 1, Persistent());
  Subscribe(there, "t", 1);
  Break(there);
  Publish(Connect("p", 0), "t", "x", 1, {.expiry_s = 100});
  world().AdvanceSeconds(30);
  Reconnect(there, 1, Persistent());
  ASSERT_EQ(there.received.size(), 1u);
  EXPECT_EQ(there.received[0].expiry_s, 70u) << "the clocks of the hosts start apart";
}

// The commit gate (P3, P4).

TEST_F(PairTest, HoldsPubackUntilTheOtherNodeHasTheMessage_P4) {
  BuildNodes(2, 2);
  Subscribe(Connect("there", 1), "t", 1);
  MqttClient& publisher = Connect("p", 0);
  world().HoldAcknowledgements(1, true);
  const auto first = Publish(publisher, "t", "x", 1);
  const auto second = Publish(publisher, "t", "x", 2);
  EXPECT_FALSE(publisher.AnswerTo(PacketType::kPuback, first));
  EXPECT_FALSE(publisher.AnswerTo(PacketType::kPubrec, second));
  world().HoldAcknowledgements(1, false);
  world().Run();
  EXPECT_TRUE(publisher.AnswerTo(PacketType::kPuback, first));
  EXPECT_TRUE(publisher.AnswerTo(PacketType::kPubrec, second));
}

TEST_F(PairTest, DoesNotHoldWhatConcernsThisNodeAlone) {
  BuildNodes(2, 2);
  Subscribe(Connect("here", 0), "t", 1);
  MqttClient& publisher = Connect("p", 0);
  world().HoldAcknowledgements(1, true);
  const auto id = Publish(publisher, "t", "x", 1);
  EXPECT_TRUE(publisher.AnswerTo(PacketType::kPuback, id));
}

TEST_F(PairTest, AcknowledgesInTheOrderOfThePublishes_MQTT_4_6_0_2) {
  BuildNodes(2, 2);
  Subscribe(Connect("there", 1), "across", 1);
  MqttClient& publisher = Connect("p", 0);
  world().HoldAcknowledgements(1, true);
  std::vector<std::uint16_t> ids;
  for (const char* topic : {"across", "local", "across", "local"}) {
    ids.push_back(Publish(publisher, topic, "x", 1));
  }
  EXPECT_THAT(publisher.answers, IsEmpty()) << "the local one waits for the one before it";
  world().HoldAcknowledgements(1, false);
  world().Run();
  std::vector<std::uint16_t> answered;
  for (const Answer& answer : publisher.answers) answered.push_back(answer.packet_id);
  EXPECT_EQ(answered, ids);
}

TEST_F(PairTest, HoldsSubackUntilTheOtherNodeKnows_P3) {
  BuildNodes(2, 2);
  MqttClient& subscriber = Connect("s", 0);
  world().HoldAcknowledgements(1, true);
  EXPECT_THAT(Subscribe(subscriber, "t", 1), IsEmpty());
  EXPECT_THAT(Subscribe(Connect("local", 1), "u", 1), ElementsAre(ReasonCode::kGrantedQoS1));
  world().HoldAcknowledgements(1, false);
  world().Run();
  EXPECT_EQ(subscriber.answers.size(), 1u);
}

TEST_F(PairTest, HoldsTheSubackOfASecondSubscriberAsLongAsThatOfTheFirst_P3) {
  BuildNodes(1, 1);
  MqttClient& first = Connect("first", 0);
  MqttClient& second = Connect("second", 0);
  world().HoldRecords(0, true);
  EXPECT_THAT(Subscribe(first, "t", 1), IsEmpty());
  EXPECT_THAT(Subscribe(second, "t", 1), IsEmpty());
  world().HoldRecords(0, false);
  world().Run();
  EXPECT_EQ(first.answers.size(), 1u);
  EXPECT_EQ(second.answers.size(), 1u);
}

TEST_F(PairTest, LetsEverythingGoWhenTheOtherNodeIsGone) {
  BuildNodes(2, 2);
  Subscribe(Connect("there", 1), "t", 1);
  MqttClient& publisher = Connect("p", 0);
  MqttClient& subscriber = Connect("s", 0);
  world().HoldRecords(0, true);
  const auto id = Publish(publisher, "t", "x", 1);
  EXPECT_THAT(Subscribe(subscriber, "t", 1), IsEmpty());
  world().Kill(1);
  world().Run();
  EXPECT_TRUE(publisher.AnswerTo(PacketType::kPuback, id));
  EXPECT_EQ(subscriber.answers.size(), 1u);
  EXPECT_THAT(Subscribe(subscriber, "u", 1), ElementsAre(ReasonCode::kGrantedQoS1));
}

// A packet that waited for the old epoch must not make those behind it wait for its number in the
// new one.
TEST_F(PairTest, StartsEachEpochWithNothingToWaitFor) {
  for (const std::uint64_t seed : Seeds(60)) {
    BuildPair({.seed = seed, .cores = {3, 1}});
    MqttClient& subscriber = Connect("s", 0);
    MqttClient& publisher = Connect("p", 0);
    Subscribe(Connect("there", 1), "t", 1);
    for (int i = 0; i < 50; ++i) Publish(publisher, "t", "x", 1);
    std::uint16_t last = 0;
    for (int round = 0; round < 4; ++round) {
      world().HoldRecords(0, true);
      for (int i = 0; i < 10; ++i) {
        last = subscriber.SendSubscribe({{"f" + std::to_string(round * 10 + i), {}}});
        publisher.SendPublish("t", "x", 1);
        for (std::uint64_t steps = world().random()() % 5; steps > 0; --steps) world().Step();
        if (i == 5) world().Unpair();
      }
      world().Pair();
      world().HoldRecords(0, false);
      world().Run();
      ASSERT_TRUE(subscriber.AnswerTo(PacketType::kSuback, last)) << "seed " << seed;
      ASSERT_EQ(publisher.publishing(), 0u) << "seed " << seed;
    }
    TearDown();
  }
}

// Its first PUBREC was held when the connection broke; on the new connection it is held no less.
TEST_F(PairTest, HoldsThePubrecOfARepeatedPublishToo_P4) {
  BuildNodes(1, 2);
  Subscribe(Connect("there", 1), "t", 2);
  MqttClient& publisher = Connect("p", 0, Persistent());
  publisher.releases = false;
  world().HoldAcknowledgements(1, true);
  const auto id = Publish(publisher, "t", "x", 2);
  Break(publisher);
  Reconnect(publisher, 0, Persistent());
  EXPECT_TRUE(publisher.connack->session_present);
  Publish(publisher, "t", "x", 2, {.dup = true, .packet_id = id});
  EXPECT_FALSE(publisher.AnswerTo(PacketType::kPubrec, id));
  world().HoldAcknowledgements(1, false);
  world().Run();
  EXPECT_TRUE(publisher.AnswerTo(PacketType::kPubrec, id));
}

TEST_F(PairTest, PausesPublishersWhileTheOtherNodeFallsBehind_O5) {
  broker::BrokerConfig config;
  config.peer_backlog_bytes_max = 10'000;
  BuildNodes(1, 1, config);
  MqttClient& there = Connect("there", 1);
  Subscribe(there, "t", 1);
  MqttClient& publisher = Connect("p", 0, {.clean_start = true, .keep_alive_s = 10});
  world().HoldAcknowledgements(1, true);
  for (int i = 0; i < 100; ++i) {
    publisher.SendPublish("t", std::string(500, 'x'), 0);
    world().Run();
  }
  EXPECT_LT(publishes_[0], 40);
  world().AdvanceSeconds(60);
  EXPECT_TRUE(publisher.open()) << "it cannot be heard, so its silence is not its fault";
  world().HoldAcknowledgements(1, false);
  world().Run();
  EXPECT_EQ(there.received.size(), 100u);
}

// Snapshots and epochs.

TEST_F(PairTest, TellsTheOtherNodeWhatItHasWhenTheyMeet) {
  Build({.cores = {2, 3}});
  MqttClient& here = Connect("here", 0);
  MqttClient& there = Connect("there", 1);
  MqttClient& member = Connect("member", 1);
  Subscribe(here, "t/#", 1);
  Subscribe(there, "t/+", 1);
  Subscribe(member, "$share/g/s", 1);
  MqttClient& publisher = Connect("p", 0);
  Publish(publisher, "kept/1", "1", 1, {.retain = true});
  Publish(Connect("q", 1), "kept/2", "2", 1, {.retain = true});
  world().Pair();
  world().Run();
  Publish(publisher, "t/1", "x", 1);
  Publish(publisher, "s", "y", 1);
  EXPECT_THAT(here.Payloads(), ElementsAre("x"));
  EXPECT_THAT(there.Payloads(), ElementsAre("x"));
  EXPECT_THAT(member.Payloads(), ElementsAre("y"));
  for (std::size_t node = 0; node < 2; ++node) {
    MqttClient& late = Connect("late" + std::to_string(node), node);
    Subscribe(late, "kept/#", 1);
    EXPECT_THAT(late.Payloads(), UnorderedElementsAre("1", "2"));
  }
}

TEST_F(PairTest, EndsTheOlderOfTwoConnectionsThatMeet_P7) {
  Build({.cores = {2, 2}});
  MqttClient& older = Connect("c", 0);
  world().AdvanceSeconds(1);
  MqttClient& newer = Connect("c", 1);
  EXPECT_TRUE(older.open()) << "they do not know of each other";
  world().Pair();
  world().Run();
  EXPECT_EQ(older.disconnected, ReasonCode::kSessionTakenOver);
  EXPECT_TRUE(newer.open());
}

TEST_F(PairTest, SendsALargeStateInStepsWhileItServes) {
  Build({.cores = {1, 2}});
  MqttClient& publisher = Connect("p", 0);
  for (int i = 0; i < 2000; ++i) {
    publisher.SendPublish("r/" + std::to_string(i), std::string(200, 'r'), 0, {.retain = true});
  }
  MqttClient& subscriber = Connect("s", 0);
  for (int i = 0; i < 500; ++i) Subscribe(subscriber, "f/" + std::to_string(i));
  world().Pair();
  world().Run();
  std::size_t retained = 0;
  for (std::size_t core = 0; core < 2; ++core)
    retained += world().shard(1, core).retained().messages();
  EXPECT_EQ(retained, 2000u);
  EXPECT_EQ(world().shard(1, 0).trie().filters(), 500u);
  EXPECT_FALSE(world().shard(0, 0).busy());
}

// While the snapshot is on its way, the other node does not know every filter that is known here.
TEST_F(PairTest, HoldsSubackWhileTheOtherNodeIsBeingTold_P3) {
  for (const std::uint64_t seed : Seeds(40)) {
    Build({.seed = seed, .cores = {2, 1}});
    std::vector<MqttClient*> earlier;
    for (int i = 0; i < 30; ++i) {
      earlier.push_back(&Connect("e" + std::to_string(i), 0));
      std::vector<std::string> filters;
      std::vector<mqtt::SubscribeEntry> entries;
      for (int n = 0; n < 40; ++n) filters.push_back(std::to_string(i) + "/" + std::to_string(n));
      for (const std::string& filter : filters) entries.push_back({filter, {}});
      Subscribe(*earlier.back(), entries);
    }
    MqttClient& subscriber = Connect("s", 0);
    MqttClient& publisher = Connect("p", 1);
    world().Pair();
    while (!world().paired(0)) world().Step();
    for (std::uint64_t steps = world().random()() % 40; steps > 0; --steps) world().Step();
    const std::uint16_t id = subscriber.SendSubscribe({{"29/39", {.qos = QoS::kAtLeastOnce}}});
    while (!subscriber.AnswerTo(PacketType::kSuback, id) && world().Step()) {
    }
    ASSERT_TRUE(subscriber.AnswerTo(PacketType::kSuback, id));
    publisher.SendPublish("29/39", "x", 1);
    world().Run();
    ASSERT_THAT(subscriber.Payloads(), ElementsAre("x")) << "seed " << seed;
    TearDown();
  }
}

TEST_F(PairTest, ForgetsTheOtherNodeWhenItIsGone) {
  BuildNodes(2, 2);
  Subscribe(Connect("there", 1), "t", 1);
  MqttClient& member = Connect("member", 0);
  Subscribe(member, "$share/g/t", 1);
  Subscribe(Connect("theirs", 1), "$share/g/t", 1);
  world().Kill(1);
  world().Run();
  MqttClient& publisher = Connect("p", 0);
  for (int i = 0; i < 10; ++i) Publish(publisher, "t", "x", 1);
  EXPECT_EQ(member.received.size(), 10u) << "all go to the member that is left";
  EXPECT_EQ(publishes_[0], 0);
}

TEST_F(PairTest, GoesThroughManyEpochs) {
  for (const std::uint64_t seed : Seeds(20)) {
    BuildPair({.seed = seed, .cores = {2, 2}});
    MqttClient& here = Connect("here", 0, Persistent());
    Subscribe(here, "t", 1);
    int number = 0;
    for (int round = 0; round < 5; ++round) {
      if (round % 2 == 0) {
        world().Unpair();
        world().Run();
        EXPECT_TRUE(here.open());
      } else {
        world().Kill(1);
        world().Run();
        world().Start(1);
      }
      world().Pair();
      world().Run();
      MqttClient& publisher = Connect("p" + std::to_string(round), 1);
      Publish(publisher, "t", std::to_string(number++), 1);
      ASSERT_EQ(publisher.publishing(), 0u);
      ASSERT_EQ(here.received.size(), static_cast<std::size_t>(number)) << "seed " << seed;
    }
    TearDown();
  }
}

// Sessions that move.

TEST_F(PairTest, MovesASessionWithItsQueueAndWhatIsInFlight_P5) {
  BuildNodes(2, 3);
  mqtt::ConnectView connect = Persistent();
  connect.receive_maximum = 3;
  MqttClient& client = Connect("c", 0, connect);
  client.acknowledges = false;
  Subscribe(client, "t", 2, {}, 7);
  MqttClient& publisher = Connect("p", 1);
  for (int i = 1; i <= 6; ++i) Publish(publisher, "t", std::to_string(i), i == 3 ? 1 : 2);
  ASSERT_THAT(client.Payloads(), ElementsAre("1", "2", "3"));
  client.SendAck(PacketType::kPubrec, client.received[0].packet_id);
  world().Run();
  Break(client);
  Publish(publisher, "t", "7", 2);

  const std::vector<Received> first = client.received;
  client.ForgetSeen();
  client.acknowledges = true;
  Reconnect(client, 1, connect);
  EXPECT_TRUE(client.connack->session_present);
  EXPECT_THAT(client.Payloads(), ElementsAre("3", "4", "5", "6", "7"));
  EXPECT_EQ(client.repeats, 1u) << "2 was received before; 1 came as PUBREL alone";
  EXPECT_EQ(client.received[0].packet_id, first[2].packet_id);
  for (const Received& message : client.received) {
    EXPECT_THAT(message.identifiers, ElementsAre(7u));
  }
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_bytes(); }), 0);
  EXPECT_EQ(world().Total([](auto& m) { return m.subscriptions(); }), 1);
  Publish(publisher, "t", "8", 2);
  EXPECT_EQ(client.received.back().payload, "8");
}

TEST_F(PairTest, MovesTheQos2IdsOfAPublisherWithItsSession_P5) {
  BuildNodes(2, 2);
  MqttClient& subscriber = Connect("s", 0);
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p", 0, Persistent());
  publisher.releases = false;
  const auto id = Publish(publisher, "t", "once", 2);
  Break(publisher);
  Reconnect(publisher, 1, Persistent());
  Publish(publisher, "t", "once", 2, {.dup = true, .packet_id = id});
  EXPECT_TRUE(publisher.AnswerTo(PacketType::kPubrec, id));
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("once"));
  publisher.SendAck(PacketType::kPubrel, id);
  world().Run();
  EXPECT_THAT(publisher.AnswerTo(PacketType::kPubcomp, id)->codes,
              ElementsAre(ReasonCode::kSuccess));
  EXPECT_EQ(world().Total([](auto& m) { return m.inflight(metrics::Direction::kIn); }), 0);
}

TEST_F(PairTest, MovesASessionBackAndForth) {
  BuildNodes(3, 2);
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client,
            {{"t/#", {.qos = QoS::kExactlyOnce}}, {"$share/g/s", {.qos = QoS::kAtLeastOnce}}});
  MqttClient& publisher = Connect("p", 1);
  std::vector<std::string> expected;
  for (int round = 0; round < 6; ++round) {
    const std::string number = std::to_string(round);
    Break(client);
    Publish(publisher, "t/1", "away" + number, 2);
    Publish(publisher, "s", "shared" + number, 1);
    Reconnect(client, static_cast<std::size_t>(round % 2), Persistent());
    Publish(publisher, "t/1", "there" + number, 2);
    for (const char* what : {"away", "shared", "there"}) expected.push_back(what + number);
  }
  EXPECT_EQ(client.Payloads(), expected);
  EXPECT_EQ(Sessions(SessionState::kOnline), 2);
  EXPECT_EQ(Sessions(SessionState::kOffline), 0);
  EXPECT_EQ(world().Total([](auto& m) { return m.subscriptions(); }), 2);
}

TEST_F(PairTest, GoesOnAnnouncingTheInterestOfAnAbsentSession) {
  BuildNodes(2, 2);
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client, "t", 1);
  Break(client);
  Publish(Connect("p", 1), "t", "x", 1);
  Reconnect(client, 0, Persistent());
  EXPECT_THAT(client.Payloads(), ElementsAre("x"));
}

// Shared groups over nodes (P10).

TEST_F(PairTest, GivesASharedMessageToOneMemberOfEitherNode_P10) {
  BuildNodes(2, 2);
  std::vector<MqttClient*> members;
  for (std::size_t i = 0; i < 6; ++i) {
    members.push_back(&Connect("m" + std::to_string(i), i % 2));
    Subscribe(*members.back(), "$share/g/t", 1);
  }
  MqttClient& publisher = Connect("p", 0);
  MqttClient& other = Connect("q", 1);
  for (int i = 0; i < 60; ++i) Publish(i % 2 == 0 ? publisher : other, "t", std::to_string(i), 1);
  std::size_t all = 0;
  for (const MqttClient* member : members) {
    all += member->received.size();
    EXPECT_GE(member->received.size(), 5u);
  }
  EXPECT_EQ(all, 60u);
}

TEST_F(PairTest, MovesWhatALeavingMemberOwesToTheOtherNode_P10) {
  BuildNodes(2, 2);
  MqttClient& leaving = Connect("leaving", 0, {.clean_start = true, .receive_maximum = 1});
  leaving.acknowledges = false;
  Subscribe(leaving, "$share/g/t", 1);
  MqttClient& publisher = Connect("p", 0);
  for (int i = 0; i < 5; ++i) Publish(publisher, "t", std::to_string(i), 1);
  MqttClient& staying = Connect("staying", 1);
  Subscribe(staying, "$share/g/t", 1);
  Break(leaving);
  EXPECT_THAT(staying.Payloads(), ElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(PairTest, PrefersAMemberThatIsOnlineOnTheOtherNode_P10) {
  BuildNodes(2, 2);
  MqttClient& away = Connect("away", 0, Persistent());
  Subscribe(away, "$share/g/t", 1);
  MqttClient& online = Connect("online", 1);
  Subscribe(online, "$share/g/t", 1);
  Break(away);
  MqttClient& publisher = Connect("p", 0);
  for (int i = 0; i < 4; ++i) Publish(publisher, "t", "x", 1);
  EXPECT_EQ(online.received.size(), 4u);
}

TEST_F(PairTest, ServesAGroupOfCopiesWithAPartnerThatKeepsNoSpares_P10) {
  BuildPair({.cores = {2, 2}, .group_spares = false});
  MqttClient& member = Connect("member", 0, Persistent());
  Subscribe(member, "$share/g/t", 2);
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {  // on both cores
    Publish(Connect("p" + std::to_string(i), 0, Persistent()), "t", std::to_string(i), 2);
    expected.push_back(std::to_string(i));
  }
  EXPECT_THAT(member.Payloads(), UnorderedElementsAreArray(expected));
}

// Sessions and their copies.

// Both claims carry the same time. One loses its client before it is answered, and still counts.
TEST_F(PairTest, LeavesASessionOneOwnerWhenClaimsCross_P7) {
  for (const std::uint64_t seed : Seeds(60)) {
    BuildPair({.seed = seed, .cores = {2, 2}, .link_delay_max_ns = kNanosecondsPerMillisecond});
    MqttClient& client = world().AddClient("c");
    for (const std::size_t node : {1u, 0u}) {
      if (client.open()) world().Break(client);
      world().Open(client, node);
      client.SendConnect(Persistent());
      for (std::uint64_t steps = world().random()() % 6; steps > 0; --steps) world().Step();
    }
    world().Run();
    const auto owners = [&] {
      int count = 0;
      for (std::size_t node = 0; node < 2; ++node) {
        const auto* const session = world().home(node, "c").sessions().Find("c");
        count += session != nullptr && !session->mirrored_here() ? 1 : 0;
      }
      return count;
    };
    ASSERT_LE(owners(), 1) << "seed " << seed;
    if (!client.open()) Reconnect(client, 0, Persistent());
    ASSERT_EQ(owners(), 1) << "seed " << seed;
    TearDown();
  }
}

// What was published while the nodes were not in step is in the copy by the time they are.
TEST_F(PairTest, EndsItsSnapshotWhenAllCoresRouteToTheCopies_P4) {
  Build({.cores = {3, 1}});
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  Break(subscriber);
  std::vector<MqttClient*> publishers;  // of all cores
  for (int i = 0; i < 6; ++i) publishers.push_back(&Connect("p" + std::to_string(i), 0));
  bool ended = false;
  world().on_record = [&](std::size_t from, const PeerRecord& record) {
    ended |= from == 0 && std::holds_alternative<broker::SnapshotEndRecord>(record);
  };
  world().HoldRecords(1, true);  // with the copy's interest
  world().Pair();
  world().Run();
  EXPECT_FALSE(ended);
  for (MqttClient* const publisher : publishers) Publish(*publisher, "t", "x", 1);
  world().HoldRecords(1, false);
  world().Run();
  EXPECT_TRUE(ended);
  world().Kill(0);
  world().Run();
  Reconnect(subscriber, 1, Persistent());
  EXPECT_EQ(subscriber.received.size(), 6u);
}

// Nothing of them crosses, so there is nothing to tell of their places when the nodes meet.
TEST_F(PairTest, ForgetsThePlacesOfMessagesThatItRoutedAlone) {
  Build({.cores = {1, 1}});
  MqttClient& watcher = Connect("watcher", 0);
  Subscribe(watcher, "u", 1);
  MqttClient& publisher = Connect("p", 0);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 2);
  Publish(publisher, "t", "x", 2);
  Reconnect(subscriber, 0, Clean());
  Disconnect(subscriber);
  ASSERT_EQ(world().home(0, "s").sessions().Find("s"), nullptr);
  world().Pair();
  world().Run();
  Publish(Connect("q", 1), "u", "y", 1);
  EXPECT_THAT(watcher.Payloads(), ElementsAre("y"));
}

// A failover right after it was sent: nobody knows whether it was.
TEST_F(PairTest, MarksWhatADeadOwnerMayHaveSent_MQTT_3_3_1_1) {
  BuildNodes(1, 1, {.inflight_max = 2});
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p", 1);
  for (int i = 0; i < 4; ++i) {
    subscriber.acknowledges = i != 3;
    Publish(publisher, "t", std::to_string(i), 2);
  }
  ASSERT_EQ(subscriber.received.size(), 4u);
  world().Kill(0);
  world().Run();
  Reconnect(subscriber, 1, Persistent());
  EXPECT_EQ(subscriber.repeats, 1u);
  EXPECT_THAT(subscriber.faults, IsEmpty()) << "a repeat without DUP";
}

// Retained over nodes (P9).

TEST_F(PairTest, KeepsOneRetainedSetOnBothNodes_P9) {
  BuildNodes(2, 3);
  MqttClient& publisher = Connect("p", 0);
  MqttClient& other = Connect("q", 1);
  Publish(publisher, "a", "1", 1, {.retain = true});
  Publish(other, "b", "2", 1, {.retain = true});
  Publish(other, "a", "", 1, {.retain = true});
  Publish(publisher, "b", "3", 1, {.retain = true});
  for (std::size_t node = 0; node < 2; ++node) {
    MqttClient& late = Connect("late" + std::to_string(node), node);
    Subscribe(late, "#", 1);
    EXPECT_THAT(late.Payloads(), ElementsAre("3"));
  }
}

TEST_F(PairTest, LetsAClientOverwriteWhatItHasSeenWhateverTheClocksSay_P9) {
  BuildPair({.cores = {3, 3}, .clock_error_ms = {5'000, 0}});
  MqttClient& ahead = Connect("ahead", 0);
  Publish(ahead, "t", "first", 1, {.retain = true});
  for (int i = 0; i < 6; ++i) {
    // Clients of all cores: each has a clock of its own.
    MqttClient& behind = Connect("behind" + std::to_string(i), 1);
    Subscribe(behind, "t", 1);
    ASSERT_EQ(behind.received.size(), 1u);
    const std::string answer = "answer" + std::to_string(i);
    Publish(behind, "t", answer, 1, {.retain = true});
    MqttClient& late = Connect("late" + std::to_string(i), 0);
    Subscribe(late, "t", 1);
    EXPECT_THAT(late.Payloads(), ElementsAre(answer));
  }
}

}  // namespace
}  // namespace tandem::testing
