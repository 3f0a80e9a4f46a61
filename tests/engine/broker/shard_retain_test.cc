// Retained messages at their limits, and the topics below $SYS.
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::PublishRefusal;
using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class RetainTest : public WorldTest {
 protected:
  static WorldOptions Limited(std::size_t messages, std::vector<std::uint16_t> cores = {3}) {
    WorldOptions options{.cores = std::move(cores)};
    options.config.retained_messages_max = messages;
    return options;
  }
  // The code of PUBACK or PUBREC.
  ReasonCode Retain(MqttClient& client, std::string_view topic, std::string_view payload,
                    int qos = 1) {
    const std::uint16_t id = Publish(client, topic, payload, qos, {.retain = true});
    const auto answer = client.AnswerTo(qos == 2 ? PacketType::kPubrec : PacketType::kPuback, id);
    EXPECT_TRUE(answer) << topic;
    return answer ? answer->codes.at(0) : ReasonCode::kUnspecifiedError;
  }
  std::int64_t Retained(std::size_t node) {
    return world().Sum(node, [](auto& m) { return m.retained_messages(); });
  }
  std::uint64_t Refused(PublishRefusal reason) {
    return static_cast<std::uint64_t>(
        world().Total([&](auto& m) { return m.publish_refused(reason); }));
  }
  // What a new subscriber of `node` gets.
  std::vector<std::string> Stored(std::size_t node, std::string_view filter = "#") {
    MqttClient& client = Connect("look" + std::to_string(looks_++), node);
    Subscribe(client, filter);
    return client.Payloads();
  }
  int looks_ = 0;
};

TEST_F(RetainTest, RefusesOneMoreThanTheLimitOnWhicheverCoreItsTopicLives) {
  BuildPair(Limited(10, {3, 2}));
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(mqtt::IsError(Retain(publisher, "t/" + std::to_string(i), "x"))) << i;
  for (int i = 10; i < 30; ++i)
    EXPECT_EQ(Retain(publisher, "t/" + std::to_string(i), "y"), ReasonCode::kQuotaExceeded) << i;
  for (const std::size_t node : {0, 1}) {
    EXPECT_EQ(Retained(node), 10);
    EXPECT_THAT(Stored(node), SizeIs(10));
  }
  EXPECT_EQ(Refused(PublishRefusal::kQuotaExceeded), 20u);
}

TEST_F(RetainTest, LetsTheOtherNodeDecideAlike) {
  BuildPair(Limited(5));
  MqttClient& here = Connect("p0", 0);
  MqttClient& there = Connect("p1", 1);
  for (int i = 0; i < 5; ++i) Retain(i % 2 == 0 ? here : there, "t/" + std::to_string(i), "x");
  EXPECT_EQ(Retain(here, "u", "x"), ReasonCode::kQuotaExceeded);
  EXPECT_EQ(Retain(there, "v", "x"), ReasonCode::kQuotaExceeded);
  EXPECT_FALSE(mqtt::IsError(Retain(there, "t/0", ""))) << "a deletion always fits";
  EXPECT_FALSE(mqtt::IsError(Retain(here, "u", "x"))) << "and makes room";
  EXPECT_EQ(Retained(0), 5);
  EXPECT_EQ(Retained(1), 5);
}

TEST_F(RetainTest, ReplacesValuesAtTheLimit) {
  Build(Limited(3));
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 3; ++i) Retain(publisher, "t/" + std::to_string(i), "old");
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(mqtt::IsError(Retain(publisher, "t/" + std::to_string(i), "new", 2))) << i;
  EXPECT_THAT(Stored(0), ElementsAre("new", "new", "new"));
}

TEST_F(RetainTest, LimitsBytesToo) {
  WorldOptions options{.cores = {3}};
  options.config.retained_bytes_max = 1000;
  Build(options);
  MqttClient& publisher = Connect("p");
  EXPECT_FALSE(mqtt::IsError(Retain(publisher, "a", std::string(600, 'x'))));
  EXPECT_EQ(Retain(publisher, "b", std::string(600, 'x')), ReasonCode::kQuotaExceeded);
  EXPECT_EQ(Retain(publisher, "a", std::string(1200, 'x')), ReasonCode::kQuotaExceeded);
  EXPECT_FALSE(mqtt::IsError(Retain(publisher, "a", std::string(900, 'x'))));
}

TEST_F(RetainTest, TakesNothingOfARefusedMessage) {
  BuildPair(Limited(1));
  MqttClient& subscriber = Connect("s", 1);
  MqttClient& publisher = Connect("p");
  Subscribe(subscriber, "#", 2);
  Retain(publisher, "full", "x");
  subscriber.ForgetSeen();
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(Retain(publisher, "t/" + std::to_string(i), "x", 2), ReasonCode::kQuotaExceeded);
  EXPECT_THAT(subscriber.Payloads(), IsEmpty());
  Publish(publisher, "t/1", "fine", 2);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("fine"));
}

TEST_F(RetainTest, DeliversWhatItCannotKeepForThoseWhoCannotBeTold) {
  Build(Limited(1));
  MqttClient& subscriber = Connect("s");
  MqttClient& old = Connect("p", 0, Clean(), Version::k311);
  Subscribe(subscriber, "#", 2);
  Publish(old, "full", "kept", 1, {.retain = true});
  Publish(old, "a", "1", 1, {.retain = true});
  Publish(old, "b", "2", 0, {.retain = true});
  EXPECT_THAT(subscriber.Payloads(), UnorderedElementsAre("kept", "1", "2"));
  EXPECT_EQ(old.publishing(), 0u);
  EXPECT_THAT(Stored(0), ElementsAre("kept"));
}

TEST_F(RetainTest, KeepsThePublishersOrderWhileItAsks) {
  for (const std::uint64_t seed : Seeds(40)) {
    WorldOptions options = Limited(4, {4});
    options.seed = seed;
    Build(options);
    MqttClient& subscriber = Connect("s");
    MqttClient& publisher = Connect("p");
    Subscribe(subscriber, "#", 1);
    for (int i = 0; i < 4; ++i) Retain(publisher, "t/" + std::to_string(i), "fill");
    subscriber.ForgetSeen();
    std::vector<std::string> wanted;
    for (int i = 0; i < 30; ++i) {
      wanted.push_back(std::to_string(i));
      publisher.SendPublish("t/" + std::to_string(i % 4), wanted.back(), 1, {.retain = i % 3 != 0});
    }
    world().Run();
    EXPECT_EQ(subscriber.Payloads(), wanted) << "seed " << seed;
    EXPECT_EQ(publisher.publishing(), 0u);
  }
}

TEST_F(RetainTest, KeepsTheLimitWhileMessagesAreOnTheirWayToTheirHomes) {
  for (const std::uint64_t seed : Seeds(40)) {
    WorldOptions options = Limited(3, {4});
    options.seed = seed;
    Build(options);
    std::vector<MqttClient*> publishers;
    for (int i = 0; i < 4; ++i) publishers.push_back(&Connect("p" + std::to_string(i)));
    for (int i = 0; i < 12; ++i) {
      publishers[static_cast<std::size_t>(i) % 4]->SendPublish("t/" + std::to_string(i), "x", 1,
                                                               {.retain = true});
    }
    world().Run();
    EXPECT_LE(Retained(0), 3) << "seed " << seed;
    // Who asks at once may all be refused the last place; it is there for the next.
    for (int i = 0; Retained(0) < 3 && i < 3; ++i)
      EXPECT_FALSE(mqtt::IsError(Retain(*publishers[0], "u/" + std::to_string(i), "x"))) << seed;
    EXPECT_EQ(Retain(*publishers[0], "v", "x"), ReasonCode::kQuotaExceeded) << seed;
  }
}

TEST_F(RetainTest, ForgetsAPublisherThatLeavesWhileItAsks) {
  for (const std::uint64_t seed : Seeds(40)) {
    WorldOptions options = Limited(1, {4});
    options.seed = seed;
    Build(options);
    MqttClient& publisher = Connect("p");
    for (int i = 0; i < 8; ++i)
      publisher.SendPublish("t/" + std::to_string(i), "x", 1, {.retain = true});
    for (int i = 0; i < 10; ++i) world().Step();
    Break(publisher);
    EXPECT_LE(Retained(0), 1) << "seed " << seed;
    // The room that was held for what it asked is there again.
    world().AdvanceSeconds(1);
    MqttClient& next = Connect("next");
    for (int i = 0; i < 8; ++i) Retain(next, "t/" + std::to_string(i), "");
    EXPECT_THAT(Stored(0), IsEmpty()) << "seed " << seed;
    EXPECT_FALSE(mqtt::IsError(Retain(next, "u", "x"))) << "seed " << seed;
  }
}

TEST_F(RetainTest, RetainsWillsByTheSameLimit) {
  BuildPair(Limited(2));
  const auto die = [&](const std::string& id, std::string_view topic) {
    MqttClient& client =
        Connect(id, 0,
                {.clean_start = true,
                 .will = mqtt::WillView{.topic = topic, .payload = AsBytes(id), .retain = true}});
    Break(client);
    world().AdvanceSeconds(1);
  };
  die("one", "will/1");
  die("two", "will/2");
  for (int i = 3; i < 9; ++i) die("more", "will/" + std::to_string(i));
  die("again", "will/1");
  for (const std::size_t node : {0, 1})
    EXPECT_THAT(Stored(node), UnorderedElementsAre("again", "two")) << node;
  EXPECT_EQ(Refused(PublishRefusal::kQuotaExceeded), 6u);
}

TEST_F(RetainTest, BoundsWhatItRemembersOfDeletions) {
  MqttClient& publisher = Connect("p");
  const auto count = static_cast<int>(kRetainedDeletionsMax) + 1000;
  for (int i = 0; i < count; ++i) {
    publisher.SendPublish("gone/" + std::to_string(i), "", 0, {.retain = true});
    if (i % 1000 == 0) world().Run();
  }
  world().Run();
  EXPECT_EQ(world().shard(0, 0).retained().topics(), kRetainedDeletionsMax);
  EXPECT_EQ(world().metrics(0, 0).retained_deletions_forgotten(), 1000u);
}

class SystemTest : public RetainTest {
 protected:
  void Tell(std::string_view topic, std::string_view value) {
    world().PublishSystem({std::string(topic), std::string(value)});
    world().Run();
  }
};

TEST_F(SystemTest, ReachesEachSubscriberOnceOnWhicheverNode) {
  BuildPair({.cores = {3, 2}});
  std::vector<MqttClient*> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(&Connect("c" + std::to_string(i), static_cast<std::size_t>(i % 2)));
    Subscribe(*clients.back(), "$SYS/#", 2);
  }
  Tell("$SYS/broker/uptime", "1 seconds");
  for (MqttClient* client : clients) {
    ASSERT_THAT(client->Payloads(), ElementsAre("1 seconds")) << client->id();
    EXPECT_FALSE(client->received[0].retain);
  }
}

TEST_F(SystemTest, IsRetainedOnEachNodeAndCountsForNothing) {
  BuildPair({.cores = {3, 2}});
  Tell("$SYS/broker/version", "1");
  Tell("$SYS/broker/version", "2");
  Tell("$SYS/broker/uptime", "9");
  for (const std::size_t node : {0, 1}) {
    EXPECT_THAT(Stored(node, "$SYS/broker/version"), ElementsAre("2"));
    EXPECT_THAT(Stored(node, "$SYS/#"), UnorderedElementsAre("2", "9"));
    EXPECT_EQ(Retained(node), 0);
  }
}

TEST_F(SystemTest, IsNotToldToANodeThatComesBack) {
  BuildPair({.cores = {2}});
  Retain(Connect("p"), "plain", "told");
  Tell("$SYS/broker/clients/total", "4");
  world().Kill(1);
  world().Run();
  world().Start(1);
  world().Pair();
  world().Run();
  EXPECT_THAT(Stored(1, "$SYS/#"), IsEmpty());
  EXPECT_THAT(Stored(1), ElementsAre("told"));
}

TEST_F(SystemTest, DoesNotMatchWildcardsInFront) {
  MqttClient& client = Connect("c");
  Subscribe(client, "#");
  Subscribe(client, "+/broker/uptime");
  Tell("$SYS/broker/uptime", "1");
  EXPECT_THAT(client.Payloads(), IsEmpty());
}

TEST_F(SystemTest, GoesToOneMemberOfASharedGroup) {
  BuildPair({.cores = {3, 2}});
  std::vector<MqttClient*> members;
  for (int i = 0; i < 6; ++i) {
    members.push_back(&Connect("m" + std::to_string(i), static_cast<std::size_t>(i % 2)));
    Subscribe(*members.back(), "$share/g/$SYS/#");
  }
  for (int i = 0; i < 12; ++i) Tell("$SYS/broker/uptime", std::to_string(i));
  std::size_t got = 0;
  for (MqttClient* member : members) got += member->received.size();
  EXPECT_EQ(got, 12u);
}

TEST_F(SystemTest, WaitsForNobodyWhoIsAway) {
  BuildPair({.cores = {2}});
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client, "$SYS/#", 2);
  Disconnect(client);
  Tell("$SYS/broker/uptime", "1");
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
}

TEST_F(SystemTest, IsNotForClientsToPublish) {
  BuildPair({.cores = {2}});
  MqttClient& subscriber = Connect("s", 1);
  Subscribe(subscriber, "$SYS/#", 2);
  MqttClient& publisher = Connect("p");
  EXPECT_EQ(Retain(publisher, "$SYS/broker/uptime", "x", 1), ReasonCode::kNotAuthorized);
  EXPECT_EQ(Retain(publisher, "$SYS", "x", 2), ReasonCode::kNotAuthorized);
  Publish(publisher, "$SYS/x", "x", 0);
  MqttClient& old = Connect("old", 0, Clean(), Version::k311);
  Publish(old, "$SYS/x", "x", 2);
  EXPECT_EQ(old.publishing(), 0u) << "it cannot be told";
  EXPECT_THAT(subscriber.Payloads(), IsEmpty());
  EXPECT_EQ(Refused(PublishRefusal::kNotAuthorized), 4u);
  EXPECT_TRUE(publisher.open());
}

TEST_F(SystemTest, EndsTheConnectionOfWhoPublishesThereIfTheOperatorWantsThat) {
  WorldOptions options;
  options.config.closes_on_denied_publish = true;
  Build(options);
  for (const int qos : {0, 1, 2}) {
    MqttClient& publisher = Connect("p" + std::to_string(qos));
    Publish(publisher, "$SYS/x", "x", qos);
    EXPECT_EQ(publisher.disconnected, ReasonCode::kNotAuthorized);
    MqttClient& old = Connect("old" + std::to_string(qos), 0, Clean(), Version::k311);
    Publish(old, "$SYS/x", "x", qos);
    EXPECT_FALSE(old.open());
  }
}

TEST_F(SystemTest, IsNotForWills) {
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0,
             {.clean_start = true,
              .will = mqtt::WillView{.topic = "$SYS/broker/version", .payload = AsBytes("x")}});
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kNotAuthorized);
}

}  // namespace
}  // namespace tandem::testing
