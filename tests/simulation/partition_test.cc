// Both nodes serve while they do not see each other, and then meet: what they took apart comes
// together. Each story is told in many interleavings; a failure names its seed.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/copies.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using broker::MergeCount;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using Kind = broker::MergeConflict::Kind;

class PartitionTest : public WorldTest {
 protected:
  // A client with a session that is kept at node 0, subscribed at QoS 1, and a publisher at each.
  struct Three {
    MqttClient& subscriber;
    MqttClient& here;
    MqttClient& there;
  };
  Three BuildThreeFor(std::uint64_t seed) {
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    return {subscriber, Connect("here", 0), Connect("there", 1)};
  }
  void Part() {
    world().Unpair();
    world().Run();
  }
  void HoldAllRecords(bool hold) {
    for (std::size_t node = 0; node < 2; ++node) world().HoldRecords(node, hold);
  }
  // Some way into it, chosen by the seed.
  void Steps(std::uint64_t below) {
    for (std::uint64_t steps = world().random()() % below; steps > 0; --steps) world().Step();
  }
  std::vector<std::string> PublishSome(MqttClient& publisher, const std::string& name, int count) {
    std::vector<std::string> payloads;
    for (int i = 0; i < count; ++i) {
      payloads.push_back(name + std::to_string(i));
      publisher.SendPublish("t", payloads.back(), 1 + i % 2);
    }
    return payloads;
  }
  // What the node says came of the last merge.
  broker::MergeReport MergeOf(std::size_t node) {
    broker::MergeReport sum;
    for (std::size_t core = 0; core < world().cores(node); ++core) {
      auto part = world().shard(node, core).TakeMerge();
      EXPECT_TRUE(part) << "node " << node << " core " << core;
      if (part) sum.Add(std::move(*part));
    }
    EXPECT_TRUE(sum.whole);
    EXPECT_TRUE(sum.both_served());
    return sum;
  }
  void Meet() {
    for (std::size_t node = 0; node < 2; ++node) {
      for (std::size_t core = 0; core < world().cores(node); ++core)
        world().shard(node, core).TakeMerge();
    }
    world().Pair();
    world().Run();
  }
  void MoveTo(MqttClient& client, std::size_t node,
              const mqtt::ConnectView& connect = Persistent()) {
    Break(client);
    world().AdvanceSeconds(1);
    Reconnect(client, node, connect);
  }
  // A subscriber that four messages waited for on both nodes, two of them with QoS 2; the nodes
  // have parted, and it has had them from node 1. And their publisher, at node 0.
  std::pair<MqttClient&, MqttClient&> BuildOneServedFromTheOtherSide(std::uint64_t seed) {
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 2);
    Break(subscriber);
    MqttClient& publisher = Connect("p", 0);
    PublishSome(publisher, "x", 4);
    world().Run();
    Part();
    MoveTo(subscriber, 1);
    EXPECT_EQ(subscriber.received.size(), 4u);
    return {subscriber, publisher};
  }
  bool HasSubscription(std::size_t node, const std::string& client_id, const std::string& filter) {
    const broker::Session* const session = world().home(node, client_id).sessions().Find(client_id);
    return session != nullptr && session->subscriptions.contains(filter);
  }
  // Nobody misses anything any longer, and both nodes hold the same.
  void Settle() {
    world().Run();
    world().AdvanceSeconds(3);
    EXPECT_THAT(DifferencesBetweenNodes(world()), IsEmpty());
  }
};

// What a client began to receive on one side must not look like what it gets on the other.
TEST_F(PartitionTest, SessionsThatBeginOnBothSidesGiveDifferentPacketIdentifiers) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    Part();
    MqttClient& subscriber = Connect("s", 0, Persistent());
    std::set<std::uint16_t> seen;
    for (const std::size_t node : {0, 1}) {
      if (node == 1) MoveTo(subscriber, node);
      Subscribe(subscriber, "t", 2);
      PublishSome(Connect("p" + std::to_string(node), node), "x", 4);
      world().Run();
      for (const Received& message : subscriber.received) seen.insert(message.packet_id);
      EXPECT_THAT(seen, SizeIs(4 * (node + 1)));
    }
  }
}

TEST_F(PartitionTest, DeliversWhatTheOtherSideTookForAClientThatStayed) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 2);
    MqttClient& publisher = Connect("p", 1);
    Part();
    const std::vector<std::string> there = PublishSome(publisher, "there", 5);
    world().Run();
    EXPECT_THAT(subscriber.Payloads(), IsEmpty());
    world().Pair();
    world().Run();
    EXPECT_THAT(subscriber.Payloads(), ::testing::ElementsAreArray(there));
    Settle();
  }
}

// A node that has not heard yet what is wanted on the other side sends everything there.
TEST_F(PartitionTest, CrossesFromTheMomentTheNodesMeet_P1) {
  for (const std::uint64_t seed : Seeds(60)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& publisher = Connect("p", 1, Persistent());
    Part();
    MqttClient& transient = Connect("transient", 0);
    MqttClient& persistent = Connect("persistent", 0, Persistent());
    Subscribe(transient, "t", 2);
    Subscribe(persistent, "t", 2);
    world().Pair();
    while (!world().paired(1)) world().Step();
    const std::vector<std::string> crossing = PublishSome(publisher, "crossing", 4);
    world().Run();
    EXPECT_THAT(transient.Payloads(), ::testing::ElementsAreArray(crossing));
    EXPECT_THAT(persistent.Payloads(), ::testing::ElementsAreArray(crossing));
    EXPECT_EQ(publisher.publishing(), 0u);
    Settle();
  }
}

// Both have the session, one of them with an older client; and now the client comes back to that.
TEST_F(PartitionTest, LosesNothingOfASessionThatIsClaimedWhileItsHalvesMeet_P4_P7) {
  for (const std::uint64_t seed : Seeds(150)) {
    SCOPED_TRACE(seed);
    auto [subscriber, here, there] = BuildThreeFor(seed);
    world().Unpair();
    Break(subscriber);
    world().Run();
    std::vector<std::string> all = PublishSome(here, "here", 3);
    const std::vector<std::string> other = PublishSome(there, "there", 3);
    all.insert(all.end(), other.begin(), other.end());
    world().Run();
    world().Pair();
    Steps(60);
    world().Open(subscriber, 1);
    subscriber.SendConnect(Persistent());
    Settle();
    ASSERT_TRUE(subscriber.connected());
    EXPECT_TRUE(subscriber.connack->session_present);
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf(all));
  }
}

// The session is kept on one side. On the other one its client has a newer one that ends with its
// connection, of which only a note crosses; and now the client comes back, to either side.
TEST_F(PartitionTest, AClientWithATransientSessionOnTheOtherSideIsServedWhereItComesBack_P1_P7) {
  const mqtt::ConnectView transient{.clean_start = false};
  for (const std::uint64_t seed : Seeds(300)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& client = Connect("c", 0, Persistent());
    Subscribe(client, "t", 1);
    Part();
    Reconnect(client, 1, transient);
    world().AdvanceSeconds(1);
    world().Pair();
    Steps(60);
    if (seed % 3 == 0) {
      world().Break(client);
      Steps(20);
    }
    world().Open(client, 0);
    client.SendConnect(Persistent());
    if (seed % 2 == 0) {
      Steps(20);
      world().Open(client, 1);
      client.SendConnect(transient);
    }
    world().Run();
    // If a node reads the older of two connections last, that one is the newer to it.
    if (!client.open()) Reconnect(client, 0, Persistent());
    ASSERT_TRUE(client.connected());
    Settle();
    EXPECT_EQ(world().Total([](auto& m) { return m.copies_different(); }), 0);
  }
}

// The newer session ends with its connection before the other node has heard of it: that one goes
// on with its own, of which there must be a copy.
TEST_F(PartitionTest, KeepsACopyOfASessionThatTheOtherSideUnitedWithOneThatHasEnded_P4) {
  BuildPair({});
  mqtt::ConnectView large = Persistent();
  const std::string payload(60'000, 'p');  // five of them are a snapshot's window
  large.will = mqtt::WillView{.topic = "will", .payload = AsBytes(payload), .delay_s = 3600};
  for (int i = 0; i < 5; ++i) Connect("large" + std::to_string(i), 1, large);
  MqttClient& client = Connect("c", 0, Persistent());
  Part();
  Reconnect(client, 1, {.clean_start = false});
  world().HoldAcknowledgements(0, true);
  world().Pair();
  world().Run();
  const broker::Session* const session = world().home(1, "c").sessions().Find("c");
  ASSERT_TRUE(session != nullptr && session->merging);
  Break(client);
  world().HoldAcknowledgements(0, false);
  Settle();
  EXPECT_EQ(world().Total([](auto& m) { return m.copies_different(); }), 0);
  EXPECT_NE(world().home(0, "c").sessions().Find("c"), nullptr);
}

// They meet, one has begun to tell, and they lose each other before the other has applied it.
TEST_F(PartitionTest, LosesNothingIfTheyPartAgainBeforeTheyHaveHeardOfEachOther_P4) {
  for (const std::uint64_t seed : Seeds(60)) {
    SCOPED_TRACE(seed);
    auto [subscriber, here, there] = BuildThreeFor(seed);
    world().EndEpoch(1);
    world().Run();
    Break(subscriber);
    const std::vector<std::string> late = PublishSome(here, "late", 3);
    world().Run();
    world().EndEpoch(0);
    Reconnect(subscriber, 1, Persistent());
    PublishSome(there, "there", 6);
    world().Run();
    EXPECT_EQ(here.publishing(), 0u);
    HoldAllRecords(true);
    world().Pair();
    world().Run();
    Part();
    HoldAllRecords(false);
    world().Pair();
    world().Run();
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf(late));
    Settle();
  }
}

// The copy had places whose messages had not come: it knows nothing of them, so it must not say
// that they are done.
TEST_F(PartitionTest, LosesNothingThatWasUnderWayWhenTheyParted_P4) {
  for (const std::uint64_t seed : Seeds(150)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 1, Persistent());
    Subscribe(subscriber, "t", 1);
    MqttClient& publisher = Connect("p", 0, Persistent());
    Break(subscriber);
    const std::vector<std::string> all = PublishSome(publisher, "x", 6);
    Steps(60);
    world().Unpair();
    Steps(20);
    world().Run();
    world().Pair();
    world().Run();
    Reconnect(subscriber, 1, Persistent());
    EXPECT_EQ(publisher.publishing(), 0u);
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf(all));
    Settle();
  }
}

// The client has begun to receive a message on one side and comes to the other one, which has given
// the packet identifiers of that one to nothing else.
TEST_F(PartitionTest, AClientThatChangesSidesTakesNothingNewForWhatItHasBegunToReceive_P4) {
  for (const std::uint64_t seed : Seeds(40)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 2);
    MqttClient& here = Connect("here", 0);
    MqttClient& there = Connect("there", 1);
    Part();
    subscriber.acknowledges = false;
    here.SendPublish("t", "here", 2);
    there.SendPublish("t", "there", 2);
    world().Run();
    ASSERT_THAT(subscriber.Payloads(), ::testing::ElementsAre("here"));
    subscriber.acknowledges = true;
    MoveTo(subscriber, 1);
    EXPECT_THAT(subscriber.Payloads(), ::testing::ElementsAre("here", "there"));
    Meet();
    there.SendPublish("t", "together", 2);
    Settle();
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf({"here", "there", "together"}));
  }
}

// The same, and the nodes have met when the client comes: nothing has been numbered apart.
TEST_F(PartitionTest, WhatIsUnitedGetsNoIdentifierThatTheClientHasOpenFromTheOtherSide_P4) {
  for (const std::uint64_t seed : Seeds(40)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 1, Persistent());
    Subscribe(subscriber, "t", 2);
    Break(subscriber);
    MqttClient& there = Connect("there", 1);
    Part();
    Reconnect(subscriber, 1, Persistent());
    subscriber.acknowledges = false;
    for (const char* const payload : {"a", "b", "c"}) there.SendPublish("t", payload, 2);
    world().Run();
    subscriber.acknowledges = true;
    MoveTo(subscriber, 0);
    Meet();
    Settle();
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf({"a", "b", "c"}));
  }
}

// A session that served here and comes to the other node before that is known to have a copy: what
// is published here meanwhile goes to it all the same.
TEST_F(PartitionTest, LosesNothingPublishedWhileASessionMovesThatHasJustBeenTold_P4) {
  for (const std::uint64_t seed : Seeds(300)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& publisher = Connect("here", 0);
    Part();
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    Break(subscriber);
    world().Pair();
    while (!world().paired(1)) world().Step();
    world().Open(subscriber, 1);
    subscriber.SendConnect(Persistent());
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) {
      Steps(8);
      all.push_back(std::to_string(i));
      publisher.SendPublish("t", all.back(), 1 + i % 2);
    }
    Settle();
    ASSERT_TRUE(subscriber.connected());
    EXPECT_TRUE(subscriber.connack->session_present);
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf(all));
  }
}

// The half that gives way has a subscription that the other one hears of only now. Until that
// routes by it, what is published here does not cross by itself.
TEST_F(PartitionTest, LosesNothingWhileOneHalfOfASessionGivesWay_P4) {
  for (const std::uint64_t seed : Seeds(200)) {
    SCOPED_TRACE(seed);
    auto [subscriber, here, there] = BuildThreeFor(seed);
    Part();
    Subscribe(subscriber, "u", 2);
    MoveTo(subscriber, 1);
    world().Pair();
    std::vector<std::string> all;
    for (int i = 0; i < 25; ++i) {
      all.push_back(std::to_string(i));
      here.SendPublish("u", all.back(), 1 + i % 2);
      Steps(8);
    }
    Settle();
    EXPECT_EQ(here.publishing(), 0u);
    EXPECT_THAT(subscriber.Payloads(), IsSupersetOf(all));
    std::set<std::string> once_only;
    for (const Received& message : subscriber.received) {
      const bool once = message.qos == mqtt::QoS::kExactlyOnce;
      EXPECT_TRUE(!once || once_only.insert(message.payload).second) << message.payload;
    }
  }
}

// The other side went on with the old session: it is over, whatever it was told.
TEST_F(PartitionTest, ACleanStartOnOneSideEndsTheSessionOfTheOther_MQTT_3_1_2_4) {
  for (const std::uint64_t seed : Seeds(60)) {
    SCOPED_TRACE(seed);
    auto [subscriber, here, there] = BuildThreeFor(seed);
    Break(subscriber);
    world().Run();
    here.SendPublish("t", "before", 1);
    world().Run();
    Part();
    here.SendPublish("t", "old", 1);
    world().Run();
    mqtt::ConnectView clean = Persistent();
    clean.clean_start = true;
    Reconnect(subscriber, 1, clean);
    EXPECT_FALSE(subscriber.connack->session_present);
    Subscribe(subscriber, "u", 1);
    there.SendPublish("u", "new", 1);
    world().Run();
    if (seed % 2 == 0) Break(subscriber);
    Meet();
    Settle();
    for (std::size_t node = 0; node < 2; ++node) {
      EXPECT_FALSE(HasSubscription(node, "s", "t"));
      EXPECT_TRUE(HasSubscription(node, "s", "u"));
    }
    if (seed % 2 == 0) Reconnect(subscriber, seed / 2 % 2, Persistent());
    EXPECT_TRUE(subscriber.connack->session_present == (seed % 2 == 0));
    here.SendPublish("t", "late", 1);
    here.SendPublish("u", "newer", 1);
    Settle();
    EXPECT_THAT(subscriber.Payloads(), ::testing::ElementsAre("new", "newer"));
  }
}

// The client has begun its session anew on one side, and comes back to the other, where the old one
// still is: it is over as well, but for what the client has subscribed to since.
TEST_F(PartitionTest, ACleanStartEndsTheOldSessionThoughTheClientComesBackToIt_MQTT_3_1_2_4) {
  for (const std::uint64_t seed : Seeds(60)) {
    SCOPED_TRACE(seed);
    auto [subscriber, here, there] = BuildThreeFor(seed);
    Break(subscriber);
    Part();
    here.SendPublish("t", "old", 1);
    mqtt::ConnectView clean = Persistent();
    clean.clean_start = true;
    MoveTo(subscriber, 1, clean);
    Subscribe(subscriber, "u", 1);
    Break(subscriber);
    there.SendPublish("u", "new", 1);
    world().Run();
    world().AdvanceSeconds(1);
    // Takes in "old", which only this side can know to be over when it hears of the other.
    Reconnect(subscriber, 0, Persistent());
    EXPECT_TRUE(subscriber.connack->session_present);
    Subscribe(subscriber, "v", 1);
    if (seed % 2 == 0) Break(subscriber);
    here.SendPublish("t", "older", 1);
    here.SendPublish("v", "newer", 1);
    world().Run();
    Meet();
    Settle();
    for (std::size_t node = 0; node < 2; ++node) {
      EXPECT_FALSE(HasSubscription(node, "s", "t"));
      EXPECT_TRUE(HasSubscription(node, "s", "u"));
      EXPECT_TRUE(HasSubscription(node, "s", "v"));
    }
    if (seed % 2 == 0) Reconnect(subscriber, seed / 2 % 2, Persistent());
    here.SendPublish("t", "late", 1);
    there.SendPublish("t", "later", 1);
    Settle();
    const std::vector<std::string> got = subscriber.Payloads();
    EXPECT_THAT(got, IsSupersetOf({"new", "newer"}));
    EXPECT_THAT(got, ::testing::Not(::testing::Contains("late")));
    EXPECT_THAT(got, ::testing::Not(::testing::Contains("later")));
    const bool was_away = seed % 2 == 0;
    EXPECT_TRUE(!was_away || std::find(got.begin(), got.end(), "older") == got.end());
  }
}

// -----------------------------------------------------------------------------------------------------
// what the nodes say about it

TEST_F(PartitionTest, ReportsWhatEachSideTookAndWhatWasUnited) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    Break(subscriber);
    MqttClient& here = Connect("here", 0);
    MqttClient& there = Connect("there", 1);
    PublishSome(here, "before", 2);
    world().Run();
    Part();
    PublishSome(here, "here", 3);
    PublishSome(there, "there", 5);
    world().Run();
    Meet();
    const broker::MergeReport won = MergeOf(0);
    EXPECT_EQ(won[MergeCount::kAcceptedHere], 3u);
    EXPECT_EQ(won[MergeCount::kAcceptedThere], 5u);
    EXPECT_EQ(won[MergeCount::kSessionsOfBoth], 1u);
    EXPECT_EQ(won[MergeCount::kMessagesUnited], 5u);
    EXPECT_EQ(won[MergeCount::kDuplicatesSuppressed], 2u);
    EXPECT_THAT(won.conflicts, IsEmpty());
    const broker::MergeReport lost = MergeOf(1);
    EXPECT_EQ(lost[MergeCount::kAcceptedHere], 5u);
    EXPECT_EQ(lost[MergeCount::kAcceptedThere], 3u);
    EXPECT_EQ(lost[MergeCount::kMessagesUnited], 0u);
    Settle();
  }
}

TEST_F(PartitionTest, ReportsASessionThatWasServedOnBothSides) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Part();
    MoveTo(subscriber, 1);
    Meet();
    for (const std::size_t node : {0u, 1u}) {
      const broker::MergeReport report = MergeOf(node);
      EXPECT_EQ(report[MergeCount::kSessionsWonHere], node == 1 ? 1u : 0u);
      EXPECT_EQ(report[MergeCount::kSessionsWonThere], node == 0 ? 1u : 0u);
      ASSERT_THAT(report.conflicts, SizeIs(1));
      EXPECT_EQ(report.conflicts[0].kind, Kind::kSession);
      EXPECT_EQ(report.conflicts[0].key, "s");
      EXPECT_EQ(report.conflicts[0].won_here, node == 1);
    }
    Settle();
  }
}

// The other side's copy had the subscription still.
TEST_F(PartitionTest, WhatWasUnsubscribedDoesNotComeBack) {
  for (const std::uint64_t seed : Seeds(30)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    MqttClient& publisher = Connect("p", 1);
    Part();
    Unsubscribe(subscriber, "t");
    Meet();
    const broker::MergeReport report = MergeOf(0);
    EXPECT_EQ(report[MergeCount::kSubscriptionsDropped], 1u);
    ASSERT_THAT(report.conflicts, SizeIs(1));
    EXPECT_EQ(report.conflicts[0].kind, Kind::kSubscription);
    EXPECT_EQ(report.conflicts[0].filter, "t");
    EXPECT_TRUE(report.conflicts[0].won_here);
    PublishSome(publisher, "nobody", 2);
    world().Run();
    EXPECT_THAT(subscriber.Payloads(), IsEmpty());
    EXPECT_FALSE(HasSubscription(0, "s", "t") || HasSubscription(1, "s", "t"));
    Settle();
  }
}

// It was said on the side whose session gives way.
TEST_F(PartitionTest, WhatWasUnsubscribedOnTheOtherSideIsDropped) {
  for (const std::uint64_t seed : Seeds(30)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    Subscribe(subscriber, "u", 1);
    Part();
    world().AdvanceSeconds(1);
    Unsubscribe(subscriber, "t");
    Unsubscribe(subscriber, "u");
    MoveTo(subscriber, 1);
    Subscribe(subscriber, "u", 1);  // later than that
    Meet();
    const broker::MergeReport report = MergeOf(1);
    EXPECT_EQ(report[MergeCount::kSubscriptionsDropped], 1u);
    EXPECT_FALSE(HasSubscription(0, "s", "t") || HasSubscription(1, "s", "t"));
    EXPECT_TRUE(HasSubscription(0, "s", "u") && HasSubscription(1, "s", "u"));
    Settle();
  }
}

// The record that says so was on its way when they parted.
TEST_F(PartitionTest, WhatWasUnsubscribedJustBeforeDoesNotComeBack) {
  for (const std::uint64_t seed : Seeds(30)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    world().HoldRecords(0, true);
    Unsubscribe(subscriber, "t");
    Part();
    world().HoldRecords(0, false);
    Meet();
    EXPECT_EQ(MergeOf(0)[MergeCount::kSubscriptionsDropped], 1u);
    EXPECT_FALSE(HasSubscription(0, "s", "t") || HasSubscription(1, "s", "t"));
    Settle();
  }
}

TEST_F(PartitionTest, ReportsSubscriptionsThatTheOtherSideAddedOrChanged) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 2);
    Part();
    MoveTo(subscriber, 1);
    Subscribe(subscriber, "t", 0);
    Subscribe(subscriber, "new", 1);
    MoveTo(subscriber, 0);
    Meet();
    const broker::MergeReport report = MergeOf(0);
    EXPECT_EQ(report[MergeCount::kSubscriptionsAdded], 1u);
    EXPECT_EQ(report[MergeCount::kSubscriptionsReplaced], 1u);
    EXPECT_TRUE(HasSubscription(0, "s", "new") && HasSubscription(1, "s", "new"));
    Settle();
  }
}

TEST_F(PartitionTest, ReportsMessagesThatTheOtherSideHasDelivered) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    MqttClient& subscriber = BuildOneServedFromTheOtherSide(seed).first;
    subscriber.acknowledges = false;
    MoveTo(subscriber, 0);
    Meet();
    const broker::MergeReport report = MergeOf(0);
    EXPECT_EQ(report[MergeCount::kMessagesDoneThere], 4u);
    EXPECT_EQ(report[MergeCount::kQos2Completed], 2u);
    Settle();
  }
}

// The client has them once more from this side, and has yet to say so.
TEST_F(PartitionTest, WhatTheOtherSideHasDeliveredStillCountsForReceiveMaximum_MQTT_3_3_4_9) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    auto [subscriber, publisher] = BuildOneServedFromTheOtherSide(seed);
    subscriber.ForgetSeen();
    subscriber.acknowledges = false;
    mqtt::ConnectView connect = Persistent();
    connect.receive_maximum = 4;
    MoveTo(subscriber, 0, connect);
    const std::vector<Received> held = subscriber.received;
    ASSERT_EQ(held.size(), 4u);
    Meet();
    Publish(publisher, "t", "y", 1);
    EXPECT_THAT(subscriber.Payloads(), ::testing::Not(::testing::Contains("y")));
    subscriber.acknowledges = true;
    for (const Received& message : held) {
      subscriber.SendAck(message.qos == mqtt::QoS::kExactlyOnce ? mqtt::PacketType::kPubrec
                                                                : mqtt::PacketType::kPuback,
                         message.packet_id);
    }
    world().Run();
    EXPECT_THAT(subscriber.Payloads(), ::testing::Contains("y"));
    Settle();
  }
}

TEST_F(PartitionTest, ReportsTopicsThatBothSidesWrote_P9) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& here = Connect("here", 0);
    MqttClient& there = Connect("there", 1);
    Publish(here, "both", "old", 1, {.retain = true});
    Publish(here, "changed", "old", 1, {.retain = true});
    Part();
    world().AdvanceSeconds(1);
    Publish(here, "both", "here", 1, {.retain = true});
    world().AdvanceSeconds(1);
    Publish(there, "both", "there", 1, {.retain = true});
    Publish(there, "changed", "there", 1, {.retain = true});
    Publish(there, "new", "there", 1, {.retain = true});
    Meet();
    const broker::MergeReport report = MergeOf(0);
    EXPECT_EQ(report[MergeCount::kRetainedWonThere], 1u);
    EXPECT_EQ(report[MergeCount::kRetainedTaken], 2u);
    ASSERT_THAT(report.conflicts, SizeIs(1));
    EXPECT_EQ(report.conflicts[0].kind, Kind::kRetained);
    EXPECT_EQ(report.conflicts[0].key, "both");
    EXPECT_FALSE(report.conflicts[0].won_here);
    EXPECT_LT(report.conflicts[0].here_at, report.conflicts[0].there_at);
    EXPECT_EQ(MergeOf(1)[MergeCount::kRetainedWonHere], 1u);
    Settle();
  }
}

// The other side took the client for dead.
TEST_F(PartitionTest, AWillThatOneSidePublishedIsNotPublishedAgain_P8) {
  for (const std::uint64_t seed : Seeds(30)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& watcher = Connect("w", 1, Persistent());
    Subscribe(watcher, "will", 1);
    mqtt::ConnectView connect = Persistent();
    connect.will = mqtt::WillView{.topic = "will", .qos = mqtt::QoS::kAtLeastOnce};
    MqttClient& client = Connect("c", 0, connect);
    Part();
    world().AdvanceSeconds(20);
    EXPECT_EQ(watcher.received.size(), 1u);
    Meet();
    const broker::MergeReport report = MergeOf(0);
    EXPECT_EQ(report[MergeCount::kWillsDone], 1u);
    Break(client);
    world().AdvanceSeconds(20);
    EXPECT_EQ(watcher.received.size(), 1u);
    Settle();
  }
}

TEST_F(PartitionTest, ANodeThatStartsEmptyReportsNoMerge) {
  BuildPairOf(1);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  MqttClient& publisher = Connect("p", 0);
  world().Kill(1);
  world().Run();
  Publish(publisher, "t", "alone", 1, {.retain = true});
  world().Start(1);
  world().Pair();
  world().Run();
  for (const std::size_t node : {0u, 1u}) {
    broker::MergeReport sum;
    for (std::size_t core = 0; core < world().cores(node); ++core)
      sum.Add(world().shard(node, core).TakeMerge().value());
    EXPECT_FALSE(sum.both_served()) << "node " << node;
  }
}

}  // namespace
}  // namespace tandem::testing
