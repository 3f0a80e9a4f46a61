// Promises under every interleaving that a few hundred seeds produce: cores and nodes take their
// turns in another order each time. A failure names its seed; the same seed brings it back.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::Direction;
using metrics::SessionState;
using mqtt::PacketType;
using mqtt::QoS;
using ::testing::Contains;
using ::testing::IsEmpty;

class RacesTest : public WorldTest {
 protected:
  // Another shape of the cluster for each seed.
  WorldOptions OptionsOf(std::uint64_t seed) {
    const auto cores = [&](std::uint64_t x) { return static_cast<std::uint16_t>(1 + x % 3); };
    WorldOptions options{.seed = seed, .cores = {cores(seed), cores(seed / 3)}};
    options.link_delay_max_ns = static_cast<MonoNs>(seed % 4) * kNanosecondsPerMillisecond;
    options.clock_error_ms = {0, static_cast<WallMs>(seed % 7) - 3};
    return options;
  }
  void Steps(std::uint64_t below) {
    for (std::uint64_t steps = world().random()() % below; steps > 0; --steps) world().Step();
  }
  // What was published to a group on a node that dies, and what its members got in the end.
  struct GroupStory {
    std::multiset<std::string> sent;
    std::multiset<std::string> got;
  };
  // Four members, so many of them on the other node.
  GroupStory TellOfAGroupWhoseNodeDies(const WorldOptions& options, std::size_t members_there) {
    BuildPair(options);
    std::vector<MqttClient*> clients;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t node = i >= 4 - members_there ? 1 : 0;
      clients.push_back(&Connect("m" + std::to_string(i), node, Persistent()));
      Subscribe(*clients.back(), "$share/g/t", 2);
    }
    MqttClient& publisher = Connect("p", 0, Persistent());
    GroupStory story;
    for (int i = 0; i < 6; ++i) {
      story.sent.insert(std::to_string(i));
      publisher.SendPublish("t", std::to_string(i), 2);
      Steps(10);
      // Between cores a member gives back in two records, if no spares are kept.
      if (!options.oldest_partner && Below(4) == 0 && clients[0]->open())
        clients[0]->SendDisconnect();
    }
    Steps(30);
    world().Crash(0);
    world().EndEpoch(1);
    Steps(30);
    clients.push_back(&publisher);
    for (MqttClient* client : clients) {
      if (!client->open()) Reconnect(*client, 1, Persistent());
    }
    publisher.Resend();
    world().Run();
    for (const MqttClient* client : clients)
      for (const std::string& payload : client->Payloads()) story.got.insert(payload);
    return story;
  }
  std::size_t Node() { return world().random()() % world().nodes(); }
  std::uint64_t Below(std::uint64_t bound) { return world().random()() % bound; }
};

// Whoever hears SUBACK gets what anybody begins to publish from then on, wherever both are.
TEST_F(RacesTest, EveryMessagePublishedAfterSubackArrives_P3) {
  for (const std::uint64_t seed : Seeds(300)) {
    BuildPair(OptionsOf(seed));
    std::vector<MqttClient*> publishers;
    std::vector<MqttClient*> subscribers;
    for (std::size_t i = 0; i < 4; ++i) {
      publishers.push_back(&Connect("p" + std::to_string(i), i % 2));
      subscribers.push_back(&Connect("s" + std::to_string(i), i / 2));
    }
    struct Due {
      MqttClient* subscriber;
      std::string payload;
    };
    std::vector<Due> due;
    std::vector<std::pair<MqttClient*, std::uint16_t>> waiting;
    std::map<MqttClient*, std::string> subscribed;
    int number = 0;
    for (int i = 0; i < 40; ++i) {
      MqttClient& subscriber = *subscribers[Below(4)];
      const char* const filter = std::array{"a/b", "a/+", "#", "$share/g/a/b"}[Below(4)];
      const bool subscribe = Below(3) != 0;
      if (subscribe) {
        if (!subscribed.contains(&subscriber) && filter[0] != '$') {
          waiting.emplace_back(&subscriber,
                               subscriber.SendSubscribe({{filter, {.qos = QoS::kAtLeastOnce}}}));
          subscribed[&subscriber] = filter;
        } else if (filter[0] == '$') {
          subscriber.SendSubscribe({{filter, {.qos = QoS::kAtLeastOnce}}});
        }
      } else if (subscribed.contains(&subscriber)) {
        // What is published while an UNSUBSCRIBE is under way may or may not arrive.
        world().Run();
        std::erase_if(waiting, [&](const auto& w) { return w.first == &subscriber; });
        subscriber.SendUnsubscribe({subscribed[&subscriber]});
        subscribed.erase(&subscriber);
        world().Run();
      }
      Steps(12);
      const std::string payload = std::to_string(number++);
      for (const auto& [client, id] : waiting) {
        if (client->AnswerTo(PacketType::kSuback, id)) due.push_back({client, payload});
      }
      publishers[Below(4)]->SendPublish("a/b", payload, static_cast<int>(Below(3)));
      Steps(6);
    }
    world().Run();
    for (const Due& d : due) {
      const std::vector<std::string> payloads = d.subscriber->Payloads();
      ASSERT_NE(std::find(payloads.begin(), payloads.end(), d.payload), payloads.end())
          << "seed " << seed << ": " << d.payload << " did not reach " << d.subscriber->id();
    }
    TearDown();
  }
}

// Messages of one publisher on one topic at one QoS arrive in order, whatever is acknowledged when.
TEST_F(RacesTest, MessagesOfAPublisherArriveInOrder_P6) {
  for (const std::uint64_t seed : Seeds(150)) {
    BuildPair(OptionsOf(seed));
    std::vector<MqttClient*> publishers;
    std::vector<MqttClient*> subscribers;
    for (std::size_t i = 0; i < 4; ++i) {
      publishers.push_back(&Connect("p" + std::to_string(i), Node(), Clean(),
                                    i % 2 == 0 ? mqtt::Version::k5 : mqtt::Version::k311));
      mqtt::ConnectView connect = Clean();
      connect.receive_maximum = static_cast<std::uint16_t>(1 + Below(6));
      subscribers.push_back(&Connect("s" + std::to_string(i), Node(), connect));
      Subscribe(*subscribers.back(), i % 2 == 0 ? "t/+" : "t/x", static_cast<int>(i % 3));
    }
    for (int i = 0; i < 120; ++i) {
      const std::uint64_t p = Below(4);
      const int qos = static_cast<int>(Below(3));
      char payload[32];
      std::snprintf(payload, sizeof payload, "%llu-%d-%05d", static_cast<unsigned long long>(p),
                    qos, i);
      publishers[p]->SendPublish("t/x", payload, qos);
      Steps(4);
    }
    world().Run();
    for (const MqttClient* subscriber : subscribers) {
      ASSERT_EQ(subscriber->received.size(), 120u) << "seed " << seed;
      std::map<std::string, std::string> last;
      for (const std::string& payload : subscriber->Payloads()) {
        std::string& before = last[payload.substr(0, 3)];
        ASSERT_LT(before, payload) << "seed " << seed;
        before = payload;
      }
    }
    TearDown();
  }
}

// A session moves while the link lags: what its last owner had passed over, because the
// subscription had not come to that publisher's core yet, crosses behind newer messages that the
// session has.
TEST_F(RacesTest, WhatTheLastOwnerPassedOverDoesNotComeLate_P6) {
  for (const std::uint64_t seed : Seeds(400)) {
    BuildPair({.seed = seed, .cores = {2, 2}});
    // On different cores of a node.
    std::string name = "p";
    while (broker::Shard::HomeOf(name, 2) == broker::Shard::HomeOf("s", 2)) name += "p";
    MqttClient& publisher = Connect(name, 1, Persistent());
    MqttClient& subscriber = Connect("s", 1, Persistent());
    Subscribe(Connect("other", 0), "t", 2);
    world().HoldRecords(1, true);
    subscriber.SendSubscribe({{"t", {.qos = QoS::kExactlyOnce}}});
    for (int i = 0; i < 6; ++i) {
      publisher.SendPublish("t", std::to_string(i), 2);
      Steps(4);
    }
    world().Run();
    world().Break(subscriber);
    world().Open(subscriber, 0);
    subscriber.SendConnect(Persistent());
    world().Run();
    world().HoldRecords(1, false);
    world().Run();
    world().AdvanceSeconds(2);
    const std::vector<std::string> got = subscriber.Payloads();
    ASSERT_TRUE(std::is_sorted(got.begin(), got.end())) << "seed " << seed;
    ASSERT_EQ(std::adjacent_find(got.begin(), got.end()), got.end()) << "seed " << seed;
    TearDown();
  }
}

// The same where the publisher has moved as well: nothing newer comes from the core that had not
// heard of the subscription and passed the message over.
TEST_F(RacesTest, WhatACorePassedOverDoesNotComeBehindWhatItsPublisherSentElsewhere_P6) {
  for (const std::uint64_t seed : Seeds(400)) {
    BuildPair({.seed = seed, .cores = {2, 2}});
    // On different cores of a node.
    std::string name = "p";
    while (broker::Shard::HomeOf(name, 2) == broker::Shard::HomeOf("s", 2)) name += "p";
    MqttClient& publisher = Connect(name, 1, Persistent());
    MqttClient& subscriber = Connect("s", 1, Persistent());
    Subscribe(Connect("other", 0), "t", 2);
    subscriber.SendSubscribe({{"t", {.qos = QoS::kExactlyOnce}}});
    Steps(12);
    publisher.SendPublish("t", "0", 2);
    world().Run();
    Reconnect(publisher, 0, Persistent());
    Publish(publisher, "t", "1", 2);
    world().Break(subscriber);
    Reconnect(subscriber, 0, Persistent());
    world().AdvanceSeconds(2);
    const std::vector<std::string> got = subscriber.Payloads();
    ASSERT_TRUE(std::is_sorted(got.begin(), got.end())) << "seed " << seed;
    ASSERT_THAT(got, Contains("1")) << "seed " << seed;
    TearDown();
  }
}

// One copy of each retained value on both nodes, whoever wrote last.
TEST_F(RacesTest, RacingRetainedWritesSettleOnOneValue_P9) {
  for (const std::uint64_t seed : Seeds(150)) {
    WorldOptions options = OptionsOf(seed);
    // All in one millisecond, so that clocks tell little.
    options.link_delay_max_ns = 0;
    Build(options);
    std::vector<MqttClient*> publishers;
    for (std::size_t i = 0; i < 6; ++i) {
      publishers.push_back(&Connect("p" + std::to_string(i), i % 2));
    }
    const bool paired_first = seed % 2 == 0;
    if (paired_first) world().Pair();
    for (int i = 0; i < 40; ++i) {
      const std::string topic = "r/" + std::to_string(Below(3));
      const bool clears = Below(5) == 0;
      publishers[Below(6)]->SendPublish(topic, clears ? "" : std::to_string(i),
                                        static_cast<int>(Below(2)), {.retain = true});
      Steps(5);
    }
    if (!paired_first) world().Pair();
    world().Run();
    std::array<std::map<std::string, std::string>, 2> seen;
    for (std::size_t node = 0; node < 2; ++node) {
      MqttClient& late = Connect("late" + std::to_string(node), node);
      Subscribe(late, "r/#", 1);
      for (const Received& message : late.received) seen[node][message.topic] = message.payload;
    }
    ASSERT_EQ(seen[0], seen[1]) << "seed " << seed;
    TearDown();
  }
}

// A message for a shared group reaches exactly one member, while members come and go.
TEST_F(RacesTest, SharedMessagesReachOneMember_P10) {
  for (const std::uint64_t seed : Seeds(150)) {
    BuildPair(OptionsOf(seed));
    std::vector<MqttClient*> members;
    for (std::size_t i = 0; i < 5; ++i) {
      members.push_back(&Connect("m" + std::to_string(i), i % 2, Persistent()));
      Subscribe(*members.back(), "$share/g/t", 1);
    }
    std::vector<MqttClient*> publishers;
    for (std::size_t i = 0; i < 2; ++i) {
      publishers.push_back(&Connect("p" + std::to_string(i), i));
    }
    std::set<std::string> sent;
    for (int i = 0; i < 60; ++i) {
      const std::string payload = std::to_string(i);
      publishers[Below(2)]->SendPublish("t", payload, 1);
      sent.insert(payload);
      if (Below(6) == 0) {
        const std::size_t which = Below(members.size());
        MqttClient& member = *members[which];
        if (member.open()) {
          member.SendDisconnect();
        } else {
          world().Open(member, which % 2);
          member.SendConnect(Persistent());
        }
      }
      Steps(6);
    }
    world().Run();
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (!members[i]->open()) Reconnect(*members[i], i % 2, Persistent());
    }
    world().Run();
    std::multiset<std::string> got;
    for (const MqttClient* member : members) {
      for (const Received& message : member->received) {
        // Its acknowledgement may have crossed the member's DISCONNECT: then it comes again.
        if (!message.dup) got.insert(message.payload);
      }
    }
    const std::multiset<std::string> expected(sent.begin(), sent.end());
    ASSERT_EQ(got, expected) << "seed " << seed;
    TearDown();
  }
}

// A node dies somewhere between taking a message for a group and being done with it: the message,
// its place with a member on whichever core, and the publisher's packet id survive together or not
// at all. So it reaches one member once, after the publisher has sent again what was not answered.
TEST_F(RacesTest, SharedMessagesReachOneMemberOnceThoughTheirNodeDies_P10) {
  for (const std::uint64_t seed : Seeds(400)) {
    const GroupStory story = TellOfAGroupWhoseNodeDies(OptionsOf(seed), 1);
    ASSERT_EQ(story.got, story.sent) << "seed " << seed;
    TearDown();
  }
}

// The same beside a node that keeps no spares: a place and a packet id are told in two records
// there, in the order in which a message is rather twice than lost.
TEST_F(RacesTest, SharedMessagesReachAMemberThoughTheirNodeDiesBesideAnOlderOne_P10) {
  for (const std::uint64_t seed : Seeds(400)) {
    WorldOptions options = OptionsOf(seed);
    options.link_delay_max_ns = 0;
    options.oldest_partner = true;
    const GroupStory story = TellOfAGroupWhoseNodeDies(options, 0);
    const std::set<std::string> got(story.got.begin(), story.got.end());
    ASSERT_EQ(got, std::set<std::string>(story.sent.begin(), story.sent.end())) << "seed " << seed;
    TearDown();
  }
}

// And the publisher may come to the other node before the member's core has told of its packet id:
// it is waited for.
TEST_F(RacesTest, SharedMessagesReachOneMemberOnceThoughTheirPublisherMovesToAnOlderNode_P5_P10) {
  for (const std::uint64_t seed : Seeds(400)) {
    BuildPair({.seed = seed, .cores = {3, 1}, .oldest_partner = true});
    std::vector<MqttClient*> members;
    for (std::size_t i = 0; i < 4; ++i) {
      members.push_back(&Connect("m" + std::to_string(i), 0, Persistent()));
      Subscribe(*members.back(), "$share/g/t", 2);
    }
    MqttClient& publisher = Connect("p", 0, Persistent());
    publisher.SendPublish("t", "0", 2);
    Steps(12);
    world().Break(publisher);
    world().Open(publisher, 1);
    publisher.SendConnect(Persistent());
    while (!publisher.connected() && world().Step()) continue;
    publisher.Resend();
    world().Run();
    std::vector<std::string> got;
    for (const MqttClient* member : members)
      for (const std::string& payload : member->Payloads()) got.push_back(payload);
    ASSERT_LE(got.size(), 1u) << "seed " << seed;
    ASSERT_TRUE(publisher.publishing() == 0) << "seed " << seed;
    TearDown();
  }
}

// What a member gives back before its node has heard that the other one has copies leaves the
// member's copy in the same step in which it gets another place.
TEST_F(RacesTest, AMemberUnheardOfGivesBackNothingTwiceThoughItsNodeDies_P5_P10) {
  std::size_t came = 0;
  for (const std::uint64_t seed : Seeds(400)) {
    BuildPair(OptionsOf(seed));
    MqttClient& member = Connect("m", 0, Persistent());
    MqttClient& publisher = Connect("p", 0, Persistent());
    world().HoldRecords(1, true);
    member.SendSubscribe({{"$share/g/t", {.qos = QoS::kExactlyOnce}}});
    world().Run();
    world().HoldAcknowledgements(1, true);
    for (int i = 0; i < 4; ++i) publisher.SendPublish("t", std::to_string(i), 2);
    world().Run();
    member.SendDisconnect();
    world().Run();
    world().HoldAcknowledgements(1, false);
    Steps(20);
    world().Crash(0);
    world().EndEpoch(1);
    world().Run();
    Reconnect(publisher, 1, Persistent());
    publisher.Resend();
    world().Run();
    Reconnect(member, 1, Persistent());
    const std::vector<std::string> got = member.Payloads();
    const std::set<std::string> once(got.begin(), got.end());
    ASSERT_EQ(got.size(), once.size()) << "seed " << seed;
    came += once.size();
    TearDown();
  }
  EXPECT_GT(came, 400u);
}

// All members were on the node that died, and some cores of the other one own their sessions before
// others do.
TEST_F(RacesTest, SharedMessagesWaitForMembersThatChangeTheirNode_P10) {
  for (const std::uint64_t seed : Seeds(200)) {
    BuildPair(OptionsOf(seed));
    std::vector<MqttClient*> members;
    for (std::size_t i = 0; i < 3; ++i) {
      members.push_back(&Connect("m" + std::to_string(i), 0, Persistent()));
      Subscribe(*members.back(), "$share/g/t", 2);
    }
    MqttClient& publisher = Connect("p", 1);
    world().Crash(0);
    world().EndEpoch(1);
    std::multiset<std::string> sent;
    for (int i = 0; i < 10; ++i) {
      sent.insert(std::to_string(i));
      publisher.SendPublish("t", std::to_string(i), 1 + i % 2);
      Steps(4);
    }
    world().Run();
    std::multiset<std::string> got;
    for (MqttClient* member : members) {
      Reconnect(*member, 1, Persistent());
      for (const std::string& payload : member->Payloads()) got.insert(payload);
    }
    ASSERT_EQ(got, sent) << "seed " << seed;
    TearDown();
  }
}

// The only member moves between the nodes all the time: while neither owns it, messages wait.
TEST_F(RacesTest, SharedMessagesWaitForAMemberThatMoves_P10) {
  for (const std::uint64_t seed : Seeds(200)) {
    BuildPair(OptionsOf(seed));
    MqttClient& member = Connect("m", 0, Persistent());
    Subscribe(member, "$share/g/t", 2);
    const std::array publishers = {&Connect("p", 0), &Connect("q", 1, Persistent())};
    std::multiset<std::string> sent;
    for (int i = 0; i < 20; ++i) {
      if (i % 4 == 0) {
        world().Break(member);
        world().Run();
        world().Open(member, Node());
        member.SendConnect(Persistent());
      }
      sent.insert(std::to_string(i));
      publishers[Below(2)]->SendPublish("t", std::to_string(i), 2);
      Steps(6);
    }
    world().Run();
    const std::vector<std::string> got = member.Payloads();
    ASSERT_EQ(std::multiset<std::string>(got.begin(), got.end()), sent) << "seed " << seed;
    for (const MqttClient* publisher : publishers) ASSERT_EQ(publisher->publishing(), 0u);
    TearDown();
  }
}

// The same client id from everywhere at once: one connection is left, and one session (P7).
TEST_F(RacesTest, OneConnectionHoldsAClientId_P7) {
  for (const std::uint64_t seed : Seeds(200)) {
    BuildPair(OptionsOf(seed));
    std::vector<MqttClient*> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(&world().AddClient("same"));
    for (int i = 0; i < 30; ++i) {
      MqttClient& client = *clients[Below(clients.size())];
      if (client.open() && Below(2) == 0) {
        world().Break(client);
      } else {
        world().Open(client, Node());
        client.SendConnect(Below(2) == 0 ? Persistent() : Clean());
      }
      Steps(10);
    }
    world().Run();
    // Connections that the network forgot are still there for the server: the newest wins.
    MqttClient& last = Connect("same", Node(), Persistent());
    const auto sessions = [&](SessionState state) {
      return world().Total([&](auto& m) { return m.sessions(state); });
    };
    ASSERT_EQ(sessions(SessionState::kOnline), 1) << "seed " << seed;
    ASSERT_EQ(sessions(SessionState::kOffline), 0) << "seed " << seed;
    for (const MqttClient* client : clients) ASSERT_FALSE(client->open()) << "seed " << seed;
    ASSERT_TRUE(last.open());
    TearDown();
  }
}

// QoS 2 between persistent clients that lose their connections all the time, on one node and over
// two: every message arrives, once.
TEST_F(RacesTest, Qos2ArrivesOnceThroughBrokenConnections_P5) {
  for (const std::uint64_t seed : Seeds(150)) {
    BuildPair(OptionsOf(seed));
    const std::size_t subscriber_node = Node();
    const std::size_t publisher_node = Node();
    MqttClient& subscriber = Connect("s", subscriber_node, Persistent());
    MqttClient& publisher = Connect("p", publisher_node, Persistent());
    Subscribe(subscriber, "t", 2);
    std::vector<std::string> sent;
    for (int i = 0; i < 60; ++i) {
      if (publisher.connected()) {
        sent.push_back(std::to_string(i));
        publisher.SendPublish("t", sent.back(), 2);
      }
      Steps(6);
      if (Below(5) == 0) {
        MqttClient& victim = Below(2) == 0 ? subscriber : publisher;
        world().Break(victim);
        Steps(6);
        Reconnect(victim, &victim == &subscriber ? subscriber_node : publisher_node, Persistent());
        ASSERT_TRUE(victim.connack->session_present);
        victim.Resend();
      }
    }
    world().Run();
    std::vector<std::string> got = subscriber.Payloads();
    std::sort(got.begin(), got.end());
    std::sort(sent.begin(), sent.end());
    ASSERT_EQ(got, sent) << "seed " << seed;
    ASSERT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0) << "seed " << seed;
    ASSERT_EQ(world().Total([](auto& m) { return m.inflight(Direction::kIn); }), 0);
    ASSERT_EQ(world().Total([](auto& m) { return m.inflight(Direction::kOut); }), 0);
    TearDown();
  }
}

// Whoever hears CONNACK of a session that moved gets what anybody begins to publish from then on.
TEST_F(RacesTest, EveryMessagePublishedAfterTheConnackOfAMoveArrives_P3) {
  for (const std::uint64_t seed : Seeds(200)) {
    BuildPair(OptionsOf(seed));
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t/+", 1);
    const std::array publishers = {&Connect("p", 0), &Connect("q", 1)};
    std::vector<std::string> sent;
    for (int round = 0; round < 10; ++round) {
      world().Break(subscriber);
      world().Run();
      world().Open(subscriber, Node());
      subscriber.SendConnect(Persistent());
      while (!subscriber.connected()) {
        if (!world().Step()) world().Advance(kNanosecondsPerMillisecond / 50);
      }
      sent.push_back(std::to_string(round));
      publishers[Below(2)]->SendPublish("t/x", sent.back(), 1);
      world().Run();
      ASSERT_EQ(subscriber.Payloads(), sent) << "seed " << seed;
    }
    TearDown();
  }
}

// A session that moves between the nodes while nobody publishes takes everything along, at whatever
// point of whichever handshake its connection broke.
TEST_F(RacesTest, Qos2ArrivesOnceThroughMovesBetweenNodes_P5) {
  for (const std::uint64_t seed : Seeds(200)) {
    BuildPair(OptionsOf(seed));
    mqtt::ConnectView connect = Persistent();
    connect.receive_maximum = static_cast<std::uint16_t>(1 + Below(8));
    MqttClient& subscriber = Connect("s", Node(), connect);
    MqttClient& publisher = Connect("p", Node(), Persistent());
    Subscribe(subscriber, "t/#", 2);
    std::vector<std::string> sent;
    for (int round = 0; round < 8; ++round) {
      subscriber.acknowledges = Below(3) != 0;
      for (std::uint64_t count = Below(8); count > 0; --count) {
        sent.push_back(std::to_string(sent.size()));
        publisher.SendPublish("t/x", sent.back(), 2);
        Steps(5);
      }
      MqttClient& victim = Below(3) == 0 ? publisher : subscriber;
      world().Break(victim);
      world().Run();
      Reconnect(victim, Node(), &victim == &subscriber ? connect : Persistent());
      ASSERT_TRUE(victim.connack->session_present) << "seed " << seed;
      victim.Resend();
      world().Run();
    }
    subscriber.acknowledges = true;
    Break(subscriber);
    Reconnect(subscriber, Node(), connect);
    std::vector<std::string> got = subscriber.Payloads();
    ASSERT_EQ(got, sent) << "seed " << seed;
    ASSERT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0) << "seed " << seed;
    ASSERT_EQ(world().Total([](auto& m) { return m.queued_bytes(); }), 0) << "seed " << seed;
    TearDown();
  }
}

// What was acknowledged before a node died has reached whoever is on the other one.
TEST_F(RacesTest, NothingAcknowledgedIsLostToTheSurvivorsSubscribers_P4) {
  for (const std::uint64_t seed : Seeds(150)) {
    BuildPair(OptionsOf(seed));
    MqttClient& subscriber = Connect("s", 1);
    Subscribe(subscriber, "t", 1);
    MqttClient& publisher = Connect("p", 0);
    std::map<std::uint16_t, std::string> sent;
    for (int i = 0; i < 40; ++i) {
      const std::string payload = std::to_string(i);
      sent[publisher.SendPublish("t", payload, 1)] = payload;
      Steps(5);
    }
    world().Kill(0);
    world().Run();
    const std::vector<std::string> got = subscriber.Payloads();
    for (const Answer& answer : publisher.answers) {
      ASSERT_NE(std::find(got.begin(), got.end(), sent[answer.packet_id]), got.end())
          << "seed " << seed << ": " << sent[answer.packet_id] << " was acknowledged";
    }
    ASSERT_TRUE(
        std::is_sorted(got.begin(), got.end(),
                       [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); }))
        << "seed " << seed;
    TearDown();
  }
}

}  // namespace
}  // namespace tandem::testing
