// Publishers wait for subscribers that are slow, and for nobody else (O5). What waits are real
// clients in a world of cores and nodes; the parts are in congestion_test.cc and brakes_test.cc.
#include <string>
#include <vector>

#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::DropReason;
using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr std::size_t kBound = 20;  // of a queue; its mark is half of that

// Where the publisher is, seen from the subscriber, which is on core 0 of node 0.
struct Topology {
  const char* name;
  std::vector<std::uint16_t> cores;
  std::size_t publisher_node;
  std::uint16_t publisher_core;
};
void PrintTo(const Topology& topology, std::ostream* out) { *out << topology.name; }

std::vector<std::string> Numbers(int first, int last) {
  std::vector<std::string> numbers;
  for (int i = first; i <= last; ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

class FlowTestBase : public WorldTest {
 protected:
  void Build(std::vector<std::uint16_t> cores, std::uint64_t seed = 1,
             std::uint16_t receive_maximum = 1024) {
    WorldOptions options{.seed = seed, .cores = std::move(cores)};
    options.config.queue_messages_max = kBound;
    options.config.inflight_max = 4;
    options.config.when_full = when_full_;
    options.config.receive_maximum = receive_maximum;
    stalled_after_s_ = options.config.stalled_after_ns / kNanosecondsPerSecond;
    if (options.cores.size() == 2) {
      BuildPair(options);
    } else {
      WorldTest::Build(options);
    }
  }
  // A client id whose home is that core.
  std::string IdAt(std::string name, std::size_t node, std::uint16_t core) {
    while (Index(broker::Shard::HomeOf(name, world().cores(node))) != core) name += "'";
    return name;
  }
  // Stops acknowledging; `connect` says what it is.
  MqttClient& SlowSubscriber(std::string id, const mqtt::ConnectView& connect = Clean(),
                             int qos = 1) {
    MqttClient& client = Connect(IdAt(std::move(id), 0, 0), 0, connect);
    Subscribe(client, "t", qos);
    client.acknowledges = false;
    return client;
  }
  void PublishNumbers(MqttClient& client, std::string_view topic, int first, int last,
                      int qos = 1) {
    for (const std::string& number : Numbers(first, last)) Publish(client, topic, number, qos);
  }
  // Acknowledges what it has got, and what it gets from now on.
  void Awake(MqttClient& client) {
    client.acknowledges = true;
    for (const Received& received : client.received) {
      client.SendAck(
          received.qos == mqtt::QoS::kExactlyOnce ? PacketType::kPubrec : PacketType::kPuback,
          received.packet_id);
    }
    world().Run();
  }
  std::int64_t Dropped() {
    std::int64_t all = 0;
    for (std::size_t i = 0; i < metrics::kLabelValues<DropReason>.size(); ++i)
      all += Dropped(static_cast<DropReason>(i));
    return all;
  }
  std::int64_t Dropped(DropReason reason) {
    return world().Total([&](auto& m) { return m.publish_dropped(reason); });
  }
  std::int64_t Paused() {
    return world().Total([](auto& m) { return m.publishers_paused(); });
  }
  std::size_t Waiting(const MqttClient& subscriber, std::size_t node = 0) {
    const broker::Session* const session =
        world().home(node, subscriber.id()).sessions().Find(subscriber.id());
    return session == nullptr ? 0 : session->queue.waiting_messages();
  }
  void ExpectNothingLeft() {
    EXPECT_EQ(Paused(), 0);
    EXPECT_EQ(world().Total([](auto& m) { return m.sessions_congested(); }), 0);
    EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
  }
  // As long as it takes for a client to stall, and for that to be seen.
  void WaitUntilStalled() { world().AdvanceSeconds(stalled_after_s_ + 1); }

  std::int64_t stalled_after_s_ = 0;
  broker::WhenFull when_full_ = broker::WhenFull::kDropOldest;
};

class FlowTest : public FlowTestBase, public ::testing::WithParamInterface<Topology> {
 protected:
  void BuildHere(std::uint64_t seed = 1) { Build(GetParam().cores, seed); }
  MqttClient& Publisher(std::string id, const mqtt::ConnectView& connect = Clean(),
                        Version version = Version::k5) {
    const Topology& where = GetParam();
    return Connect(IdAt(std::move(id), where.publisher_node, where.publisher_core),
                   where.publisher_node, connect, version);
  }
};

INSTANTIATE_TEST_SUITE_P(Topologies, FlowTest,
                         ::testing::Values(Topology{"OneCore", {1}, 0, 0},
                                           Topology{"TwoCores", {2}, 0, 1},
                                           Topology{"TwoNodes", {1, 1}, 1, 0},
                                           Topology{"CoresOfTwoNodes", {2, 3}, 1, 2}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(FlowTest, SlowsThePublishersOfASlowSubscriberAndLosesNothing) {
  for (const int qos : {1, 2}) {
    for (const std::uint64_t seed : Seeds(10)) {
      SCOPED_TRACE(seed);
      BuildHere(seed);
      MqttClient& subscriber = SlowSubscriber("s", Clean(), qos);
      MqttClient& publisher = Publisher("p");
      PublishNumbers(publisher, "t", 1, 100, qos);
      EXPECT_EQ(Paused(), 1);
      EXPECT_LE(Waiting(subscriber), kBound);
      EXPECT_GT(publisher.publishing(), 80u) << "most are not acknowledged";
      Awake(subscriber);
      EXPECT_THAT(subscriber.Payloads(), ElementsAreArray(Numbers(1, 100)));
      EXPECT_EQ(publisher.publishing(), 0u);
      EXPECT_EQ(Dropped(), 0);
      ExpectNothingLeft();
    }
  }
}

// Of the same node: there the brake is on before anything of its publisher is acknowledged.
class FirstMessageTest : public FlowTest {};

INSTANTIATE_TEST_SUITE_P(Topologies, FirstMessageTest,
                         ::testing::Values(Topology{"OneCore", {1}, 0, 0},
                                           Topology{"TwoCores", {2}, 0, 1},
                                           Topology{"CoresOfTwoNodes", {3, 2}, 0, 2}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(FirstMessageTest, IsNotAcknowledgedWhileTheQueueIsAboveItsMark_O5) {
  constexpr int kPublishers = 30;  // each with one message
  for (const int qos : {1, 2}) {
    for (const std::uint64_t seed : Seeds(10)) {
      SCOPED_TRACE(seed);
      BuildHere(seed);
      MqttClient& subscriber = SlowSubscriber("s", Persistent(), qos);
      std::vector<MqttClient*> publishers;
      for (int i = 0; i < kPublishers / 2; ++i)
        publishers.push_back(&Publisher("p" + std::to_string(i)));
      PublishNumbers(Publisher("first"), "t", 1, kBound, qos);
      ASSERT_GT(Waiting(subscriber), 0u);
      while (publishers.size() < kPublishers)  // and some that connect only now
        publishers.push_back(&Publisher("p" + std::to_string(publishers.size())));
      for (MqttClient* const publisher : publishers) {
        Publish(*publisher, "t", "x", qos);
        EXPECT_EQ(publisher->publishing(), 1u) << publisher->id();
      }
      EXPECT_EQ(Paused(), kPublishers + 1);
      Awake(subscriber);
      EXPECT_EQ(subscriber.received.size(), kBound + kPublishers);
      for (MqttClient* const publisher : publishers) EXPECT_EQ(publisher->publishing(), 0u);
      EXPECT_EQ(Dropped(), 0);
      ExpectNothingLeft();
    }
  }
}

TEST_P(FirstMessageTest, IsAcknowledgedIfItGoesElsewhere) {
  BuildHere();
  SlowSubscriber("slow", Persistent());
  MqttClient& quick = Connect(IdAt("quick", 0, 0));
  Subscribe(quick, "u", 1);
  PublishNumbers(Publisher("first"), "t", 1, kBound);
  EXPECT_EQ(Paused(), 1);
  MqttClient& other = Publisher("other");
  PublishNumbers(other, "u", 1, 50);
  EXPECT_EQ(other.publishing(), 0u);
  EXPECT_THAT(quick.Payloads(), ElementsAreArray(Numbers(1, 50)));
}

TEST_P(FlowTest, BoundsTheQueueByItsPublishersHoweverMuchTheySend) {
  for (const std::uint64_t seed : Seeds(10)) {
    BuildHere(seed);
    MqttClient& subscriber = SlowSubscriber("s");
    std::vector<MqttClient*> publishers;
    for (int i = 0; i < 5; ++i) publishers.push_back(&Publisher("p" + std::to_string(i)));
    for (int round = 0; round < 20; ++round) {
      for (MqttClient* const publisher : publishers) {
        for (int i = 0; i < 10; ++i) publisher->SendPublish("t", "x", 1);
      }
      world().Run();
    }
    // What is read and sent before the brakes are felt goes in; the rest stays with the publishers.
    EXPECT_LE(Waiting(subscriber), 5u * 2 * 10) << seed;
    EXPECT_EQ(Paused(), 5);
    Awake(subscriber);
    EXPECT_EQ(subscriber.received.size(), 1000u);
    EXPECT_EQ(Dropped(), 0);
    ExpectNothingLeft();
  }
}

// Else those who do not wait could keep the queue just below its mark, and nobody else would get
// on.
TEST_P(FlowTest, LetsAPublisherThatWaitsGoOnThoughOthersHaveMoreToSend) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& waiting = Publisher("waiting");
  MqttClient& other = Publisher("other");
  PublishNumbers(waiting, "t", 1, 30);
  ASSERT_EQ(Paused(), 1);
  std::size_t acknowledged = 0;
  const auto acknowledge_one = [&] {
    ASSERT_LT(acknowledged, subscriber.received.size());
    subscriber.SendAck(PacketType::kPuback, subscriber.received[acknowledged++].packet_id);
    world().Run();
  };
  while (Waiting(subscriber) > kBound / 2 - 2) acknowledge_one();
  ASSERT_EQ(Paused(), 1);
  for (int round = 0; round < 100 && waiting.publishing() != 0; ++round) {
    if (other.publishing() == 0) Publish(other, "t", "x", 1);
    acknowledge_one();
  }
  EXPECT_EQ(waiting.publishing(), 0u);
  EXPECT_EQ(Dropped(), 0);
}

TEST_P(FlowTest, LetsOtherPublishersAndOtherSubscribersGoOn) {
  BuildHere();
  SlowSubscriber("slow");
  MqttClient& quick = Connect(IdAt("quick", 0, 0));
  Subscribe(quick, "u", 1);
  MqttClient& slowed = Publisher("slowed");
  MqttClient& other = Publisher("other");
  PublishNumbers(slowed, "t", 1, 50);
  EXPECT_EQ(Paused(), 1);
  PublishNumbers(other, "u", 1, 50);
  EXPECT_THAT(quick.Payloads(), ElementsAreArray(Numbers(1, 50)));
  EXPECT_EQ(other.publishing(), 0u);
}

TEST_P(FlowTest, WaitsNoLongerForAClientThatStalls) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& publisher = Publisher("p");
  PublishNumbers(publisher, "t", 1, 100);
  WaitUntilStalled();
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Paused(), 0);
  EXPECT_EQ(Waiting(subscriber), kBound);
  EXPECT_EQ(Dropped(DropReason::kStalled), 100 - static_cast<int>(kBound));
  EXPECT_EQ(world().Total([](auto& m) { return m.session_stalls(); }), 1);
  Awake(subscriber);
  std::vector<std::string> expected = Numbers(1, 4);  // were in flight
  for (const std::string& number : Numbers(85, 100)) expected.push_back(number);
  EXPECT_THAT(subscriber.Payloads(), ElementsAreArray(expected));
  // And is waited for again.
  subscriber.acknowledges = false;
  PublishNumbers(publisher, "t", 101, 150);
  EXPECT_EQ(Paused(), 1);
}

// Whether its messages were taken before the brake was felt or wait for it is chance.
TEST_P(FlowTest, DisconnectsAClientThatStallsBeyondItsBoundWhenToldTo) {
  when_full_ = broker::WhenFull::kDisconnect;
  for (const std::uint64_t seed : Seeds(10)) {
    BuildHere(seed);
    MqttClient& subscriber = SlowSubscriber("s");
    MqttClient& publisher = Publisher("p");
    const int in_flight = 4;
    for (std::size_t i = 0; i < in_flight + kBound + 1; ++i) publisher.SendPublish("t", "x", 1);
    world().Run();
    WaitUntilStalled();
    EXPECT_EQ(subscriber.disconnected, ReasonCode::kQuotaExceeded) << seed;
    EXPECT_EQ(publisher.publishing(), 0u);
    ExpectNothingLeft();
  }
}

TEST_P(FlowTest, WaitsAsLongAsAClientMoves) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& publisher = Publisher("p");
  PublishNumbers(publisher, "t", 1, 50);
  for (std::size_t i = 0; i < 40; ++i) {
    world().AdvanceSeconds(stalled_after_s_ - 2);
    subscriber.SendAck(PacketType::kPuback, subscriber.received.at(i).packet_id);
    world().Run();
  }
  EXPECT_EQ(Dropped(), 0);
  EXPECT_EQ(world().Total([](auto& m) { return m.session_stalls(); }), 0);
}

TEST_P(FlowTest, WaitsForNoAbsentSession) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s", Persistent());
  Break(subscriber);
  MqttClient& publisher = Publisher("p");
  PublishNumbers(publisher, "t", 1, 50);
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Dropped(DropReason::kQueueFull), 50 - static_cast<int>(kBound));
}

TEST_P(FlowTest, GoesOnWhenTheSubscriberLeaves) {
  for (const bool persistent : {false, true}) {
    for (const bool politely : {false, true}) {
      BuildHere();
      MqttClient& subscriber = SlowSubscriber("s", persistent ? Persistent() : Clean());
      MqttClient& publisher = Publisher("p");
      PublishNumbers(publisher, "t", 1, 50);
      EXPECT_EQ(Paused(), 1);
      politely ? Disconnect(subscriber) : Break(subscriber);
      EXPECT_EQ(publisher.publishing(), 0u);
      EXPECT_EQ(Paused(), 0);
    }
  }
}

TEST_P(FlowTest, GoesOnWhenTheSubscriptionsClientIsTakenOver) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s", Persistent());
  MqttClient& publisher = Publisher("p");
  PublishNumbers(publisher, "t", 1, 50);
  subscriber.acknowledges = true;
  Reconnect(subscriber, 0, Persistent());
  EXPECT_EQ(subscriber.received.size(), 50u + 4u) << "four came twice";
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Dropped(), 0);
  ExpectNothingLeft();
}

TEST_P(FlowTest, ForgetsAPublisherThatLeavesWhileItWaits) {
  for (const bool politely : {false, true}) {
    BuildHere();
    MqttClient& subscriber = SlowSubscriber("s");
    MqttClient& publisher = Publisher("p", Persistent());
    PublishNumbers(publisher, "t", 1, 15);
    EXPECT_EQ(Paused(), 1);
    politely ? world().Close(publisher) : world().Break(publisher);
    world().Run();
    EXPECT_EQ(Paused(), 0);
    Reconnect(publisher, GetParam().publisher_node, Persistent());
    publisher.Resend();
    world().Run();
    EXPECT_EQ(Paused(), 1) << "its brake is on still";
    Awake(subscriber);
    EXPECT_EQ(publisher.publishing(), 0u);
    EXPECT_EQ(Dropped(), 0);
    ExpectNothingLeft();
  }
}

TEST_P(FlowTest, SlowsThePublishersNextConnectionToo) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& publisher = Publisher("p", Persistent());
  PublishNumbers(publisher, "t", 1, 30);
  Reconnect(publisher, GetParam().publisher_node, Persistent());  // takes over from itself
  EXPECT_EQ(Paused(), 0);
  publisher.Resend();
  world().Run();
  EXPECT_EQ(Paused(), 1);
  Awake(subscriber);
  EXPECT_EQ(publisher.publishing(), 0u);
  ExpectNothingLeft();
}

TEST_P(FlowTest, KeepsAPublisherAliveThatMayNotSpeak) {
  BuildHere();
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& publisher = Publisher("p", {.clean_start = true, .keep_alive_s = 2});
  PublishNumbers(publisher, "t", 1, 50);
  for (std::size_t i = 0; i < 10; ++i) {
    publisher.SendPing();
    world().AdvanceSeconds(stalled_after_s_ - 2);
    subscriber.SendAck(PacketType::kPuback, subscriber.received.at(i).packet_id);
    world().Run();
  }
  EXPECT_TRUE(publisher.connected());
  Awake(subscriber);
  EXPECT_EQ(publisher.publishing(), 0u);
}

// Circles.

TEST_P(FlowTest, TwoClientsThatFillEachOthersQueuesCanStillAcknowledge) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildHere(seed);
    MqttClient& a = SlowSubscriber("a");
    MqttClient& b = Publisher("b");
    Subscribe(b, "u", 1);
    b.acknowledges = false;
    for (const std::string& number : Numbers(1, 100)) {
      a.SendPublish("u", number, 1);
      b.SendPublish("t", number, 1);
      if (world().random()() % 4 == 0) world().Run();
    }
    world().Run();
    EXPECT_EQ(Paused(), 2);
    for (MqttClient* const client : {&a, &b}) client->acknowledges = true;
    for (MqttClient* const client : {&a, &b}) Awake(*client);
    for (MqttClient* const client : {&a, &b}) {
      EXPECT_THAT(client->Payloads(), ElementsAreArray(Numbers(1, 100)));
      EXPECT_EQ(client->publishing(), 0u);
    }
    EXPECT_EQ(Dropped(), 0);
    ExpectNothingLeft();
  }
}

class FlowCircleTest : public FlowTestBase {};

TEST_F(FlowCircleTest, AClientThatIsItsOwnSubscriberCanStillAcknowledge) {
  for (const Version version : {Version::k5, Version::k311}) {
    Build({1});
    MqttClient& client = Connect("c", 0, Clean(), version);
    Subscribe(client, "t", 1);
    client.acknowledges = false;
    for (const std::string& number : Numbers(1, 100)) client.SendPublish("t", number, 1);
    world().Run();
    EXPECT_EQ(Paused(), 1);
    Awake(client);
    EXPECT_THAT(client.Payloads(), ElementsAreArray(Numbers(1, 100)));
    EXPECT_EQ(client.publishing(), 0u);
    EXPECT_EQ(Dropped(), 0);
    ExpectNothingLeft();
  }
}

// Older clients know no Receive Maximum. Two that send to each other more than that at once, and so
// stand in front of their own acknowledgements, wait until both have stalled, not for ever.
TEST_F(FlowCircleTest, ComesApartWhenItsClientsStandInTheirOwnWay) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    Build({2}, seed, 10);
    std::vector<MqttClient*> clients;
    for (const std::uint16_t core : {0, 1}) {
      clients.push_back(
          &Connect(IdAt("c" + std::to_string(core), 0, core), 0, Clean(), Version::k311));
      Subscribe(*clients.back(), "to/" + std::to_string(core), 1);
    }
    for (int i = 1; i <= 200; ++i) {
      clients[0]->SendPublish("to/1", std::to_string(i), 1);
      clients[1]->SendPublish("to/0", std::to_string(i), 1);
    }
    for (int i = 0; i < 100; ++i) world().AdvanceSeconds(stalled_after_s_);
    for (const MqttClient* const client : clients) EXPECT_EQ(client->publishing(), 0u);
    EXPECT_EQ(clients[0]->received.size() + clients[1]->received.size() +
                  static_cast<std::size_t>(Dropped(DropReason::kStalled)),
              400u);
    ExpectNothingLeft();
  }
}

TEST_F(FlowCircleTest, ReadsASlowPublisherAgainThatIsSentSomething) {
  Build({2});
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& publisher = Connect(IdAt("p", 0, 1));
  Subscribe(publisher, "u", 1);
  PublishNumbers(publisher, "t", 1, 50);
  EXPECT_EQ(Paused(), 1);
  MqttClient& third = Connect(IdAt("third", 0, 1));
  PublishNumbers(third, "u", 1, 30);
  EXPECT_EQ(publisher.received.size(), 30u);
  EXPECT_EQ(third.publishing(), 0u);
  EXPECT_EQ(world().metrics(0, 1).queued_messages(), 0) << "it has acknowledged them";
  Awake(subscriber);
  ExpectNothingLeft();
}

// The pair.

class FlowPairTest : public FlowTestBase {
 protected:
  void SetUp() override { Build({2, 2}); }
  MqttClient& Publisher() { return Connect(IdAt("p", 1, 1), 1, Persistent()); }
};

TEST_F(FlowPairTest, WaitsForNoNodeThatIsGone) {
  SlowSubscriber("s");
  MqttClient& publisher = Publisher();
  PublishNumbers(publisher, "t", 1, 50);
  EXPECT_EQ(Paused(), 1);
  world().Kill(0);
  world().Run();
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Paused(), 0);
}

TEST_F(FlowPairTest, BrakesAgainInTheNextEpoch) {
  MqttClient& subscriber = SlowSubscriber("s", Persistent());
  MqttClient& publisher = Publisher();
  // No more than its queue takes: while each node is alone, the one of the publisher has to take
  // the session for one that is away.
  PublishNumbers(publisher, "t", 1, 10);
  world().Unpair();
  world().Pair();
  world().Run();
  PublishNumbers(publisher, "t", 51, 70);
  EXPECT_EQ(Paused(), 1);
  Awake(subscriber);
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Dropped(), 0);
  ExpectNothingLeft();
}

TEST_F(FlowPairTest, FollowsASubscriberThatMovesToTheOtherNode) {
  MqttClient& subscriber = SlowSubscriber("s", Persistent());
  MqttClient& publisher = Publisher();
  PublishNumbers(publisher, "t", 1, 60);
  EXPECT_EQ(Paused(), 1);
  subscriber.ForgetSeen();
  Reconnect(subscriber, 1, Persistent());
  PublishNumbers(publisher, "t", 61, 80);
  EXPECT_EQ(Paused(), 1) << "it is slow there as well";
  Awake(subscriber);
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Dropped(), 0);
  EXPECT_EQ(subscriber.received.back().payload, "80");
  ExpectNothingLeft();
}

TEST_F(FlowPairTest, FollowsAPublisherThatMovesToTheOtherNode) {
  MqttClient& subscriber = SlowSubscriber("s");
  MqttClient& publisher = Publisher();
  PublishNumbers(publisher, "t", 1, 30);
  Reconnect(publisher, 0, Persistent());
  publisher.Resend();
  PublishNumbers(publisher, "t", 31, 50);
  EXPECT_EQ(Paused(), 1);
  Awake(subscriber);
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Dropped(), 0);
  ExpectNothingLeft();
}

TEST_F(FlowPairTest, MovesASlowPublisherAwayWithItsAcknowledgements) {
  SlowSubscriber("s");
  MqttClient& publisher = Publisher();
  // What it sends when its brake is felt is read, and nothing behind that.
  for (std::size_t i = 0; i < kBound && Paused() == 0; ++i) Publish(publisher, "t", "x", 1);
  EXPECT_EQ(Paused(), 1);
  EXPECT_GT(publisher.publishing(), 0u);
  broker::Shard& shard = world().home(1, publisher.id());
  shard.MoveAway(9);
  world().AdvanceSeconds(1);
  EXPECT_FALSE(shard.MoveAway(0));
  world().AdvanceSeconds(1);
  EXPECT_EQ(publisher.disconnected, mqtt::ReasonCode::kUseAnotherServer);
  EXPECT_EQ(publisher.publishing(), 0u);
  EXPECT_EQ(Paused(), 0);
}

TEST_F(FlowPairTest, GoesOnWhenTheSubscriberIsMovedAway) {
  MqttClient& subscriber = SlowSubscriber("s", Persistent());
  MqttClient& publisher = Publisher();
  PublishNumbers(publisher, "t", 1, 30);
  EXPECT_FALSE(world().home(0, subscriber.id()).MoveAway(9));
  world().AdvanceSeconds(1);
  EXPECT_EQ(Paused(), 0);
  EXPECT_EQ(publisher.publishing(), 0u);
}

// The clients' sockets.

TEST_F(FlowCircleTest, ASubscriberMovesThatTakesBytes) {
  WorldOptions options;
  options.config.queue_messages_max = kBound;
  options.config.unsent_bytes_soft = 100;
  WorldTest::Build(options);
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 1);
  subscriber.reads = false;
  MqttClient& publisher = Connect("p");
  PublishNumbers(publisher, "t", 1, 200);
  EXPECT_EQ(Paused(), 1);
  subscriber.acknowledges = false;
  world().AdvanceSeconds(options.config.stalled_after_ns / kNanosecondsPerSecond - 1);
  subscriber.reads = true;
  world().Run();
  subscriber.reads = false;
  world().AdvanceSeconds(2);
  EXPECT_EQ(Paused(), 1) << "it has taken something since";
  EXPECT_EQ(Dropped(), 0);
  subscriber.reads = true;
  Awake(subscriber);
  EXPECT_THAT(subscriber.Payloads(), ElementsAreArray(Numbers(1, 200)));
  ExpectNothingLeft();
}

TEST_F(FlowCircleTest, AcknowledgesNothingToAPublisherThatWaits) {
  Build({1});
  SlowSubscriber("s");
  PublishNumbers(Connect("first"), "t", 1, 20);
  // A stranger's first message is enough.
  MqttClient& stranger = Connect("stranger");
  Publish(stranger, "t", "x", 1);
  EXPECT_THAT(stranger.answers, IsEmpty());
  Publish(stranger, "u", "nobody's", 0);
  EXPECT_EQ(Paused(), 2);
}

}  // namespace
}  // namespace tandem::testing
