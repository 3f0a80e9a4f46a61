// Copies of sessions are compared with them all the time, and one that differs is told anew.
#include "tests/simulation/copies.h"

#include <gmock/gmock.h>

#include <string>
#include <variant>

#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using ::testing::IsEmpty;

class CopiesTest : public WorldTest {
 protected:
  std::int64_t Compared() {
    return world().Total([](const auto& metrics) { return metrics.copies_compared(); });
  }
  std::int64_t Different() {
    return world().Total([](const auto& metrics) { return metrics.copies_different(); });
  }
  std::int64_t Repaired() {
    return world().Total([](const auto& metrics) { return metrics.copies_repaired(); });
  }
  broker::Session& Copy(const std::string& client_id, std::size_t node = 1) {
    broker::Session* const copy = world().home(node, client_id).sessions().Find(client_id);
    EXPECT_NE(copy, nullptr);
    EXPECT_TRUE(copy->mirrored_here());
    return *copy;
  }
  void ExpectEqualCopies() { EXPECT_THAT(DifferencesBetweenNodes(world()), IsEmpty()); }

  // "s" of node 0 is away, and `count` messages of QoS 2 and 1 by turns wait for it.
  MqttClient& LeaveMessages(int count) {
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t/#", 2);
    Disconnect(subscriber);
    MqttClient& publisher = Connect("p", 0, Persistent());
    for (int i = 0; i < count; ++i) Publish(publisher, "t/1", std::to_string(i), 1 + i % 2);
    return publisher;
  }
};

TEST_F(CopiesTest, AreComparedAfterEachChangeAndEqual) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    LeaveMessages(10);
    world().AdvanceSeconds(1);
    const std::int64_t compared = Compared();
    EXPECT_GE(compared, 2) << "one of each session";
    world().AdvanceSeconds(10);
    EXPECT_EQ(Compared(), compared) << "nothing has changed";
    MqttClient& subscriber = *world().clients().front();
    Reconnect(subscriber, 1, Persistent());
    world().AdvanceSeconds(1);
    EXPECT_EQ(subscriber.received.size(), 10u);
    EXPECT_GT(Compared(), compared);
    EXPECT_EQ(Different(), 0);
  }
}

TEST_F(CopiesTest, OfLongQueuesAreComparedInParts) {
  WorldOptions options;
  std::vector<broker::SessionHashRecord> hashes;
  BuildPair(options);
  world().on_record = [&](std::size_t, const broker::PeerRecord& record) {
    if (const auto* const hash = std::get_if<broker::SessionHashRecord>(&record);
        hash != nullptr && hash->client_id == "s")
      hashes.push_back(*hash);
  };
  LeaveMessages(1'000);
  hashes.clear();
  Publish(*world().clients().back(), "t/1", "one more", 1);
  world().AdvanceSeconds(2);
  ASSERT_GE(hashes.size(), 4u);
  EXPECT_EQ(hashes.front().first, 0u);
  for (std::size_t i = 1; i < hashes.size(); ++i) EXPECT_EQ(hashes[i].first, hashes[i - 1].last);
  EXPECT_EQ(hashes.back().last, UINT64_MAX);
  EXPECT_EQ(Different(), 0);
}

TEST_F(CopiesTest, OfAPartnerThatKnowsNoHashesAreNotCompared) {
  WorldOptions options;
  options.copy_hashes = false;
  BuildPair(options);
  world().on_record = [&](std::size_t, const broker::PeerRecord& record) {
    EXPECT_FALSE(std::holds_alternative<broker::SessionHashRecord>(record) ||
                 std::holds_alternative<broker::SessionAgainRecord>(record));
  };
  LeaveMessages(3);
  world().AdvanceSeconds(2);
  EXPECT_EQ(Compared(), 0);
  ExpectEqualCopies();
}

// Whatever has become wrong in a copy is found with the next change of the session, and mended.
TEST_F(CopiesTest, ThatDifferAreToldAnew) {
  const std::vector<std::pair<const char*, std::function<void(broker::Session&)>>> mistakes = {
      {"a place lost", [](auto& copy) { copy.queue.FollowDone(2, 2); }},
      {"all places lost", [](auto& copy) { copy.queue.FollowDone(0, 100); }},
      {"a place released", [](auto& copy) { copy.queue.FollowReleased(3); }},
      {"a packet identifier too many", [](auto& copy) { copy.received_ids.insert(77); }},
      {"another expiry", [](auto& copy) { copy.expiry_s = 5; }},
      {"other options", [](auto& copy) { copy.subscriptions["t/#"].options.no_local = true; }},
  };
  for (const std::uint64_t seed : Seeds(10)) {
    for (const auto& [what, mistake] : mistakes) {
      SCOPED_TRACE(std::string(what) + ", seed " + std::to_string(seed));
      BuildPairOf(seed);
      MqttClient& publisher = LeaveMessages(10);
      world().AdvanceSeconds(1);
      ASSERT_EQ(Different(), 0);
      mistake(Copy("s"));
      Publish(publisher, "t/1", "one more", 2);
      world().AdvanceSeconds(1);
      EXPECT_EQ(Different(), 1);
      EXPECT_EQ(Repaired(), 1);
      ExpectEqualCopies();
      MqttClient& subscriber = *world().clients().front();
      Reconnect(subscriber, 1, Persistent());
      EXPECT_EQ(subscriber.received.size(), 11u);
      world().AdvanceSeconds(1);
      EXPECT_EQ(Different(), 1);
    }
  }
}

TEST_F(CopiesTest, ThatAreMissingAreToldAnew) {
  BuildPairOf(3);
  MqttClient& publisher = LeaveMessages(5);
  world().AdvanceSeconds(1);
  world().home(1, "s").OnPeerRecord(CoreId{0}, 1, broker::SessionEndRecord{.client_id = "s"});
  ASSERT_EQ(world().home(1, "s").sessions().Find("s"), nullptr);
  Publish(publisher, "t/1", "one more", 1);
  world().AdvanceSeconds(1);
  EXPECT_EQ(Different(), 1);
  ExpectEqualCopies();
}

// While wills wait, because clients are only just let in again, DISCONNECT may change the expiry.
TEST_F(CopiesTest, HearOfAnExpiryThatComesWithDisconnect) {
  BuildPairOf(2);
  for (const bool taken : {false, true}) world().home(0, "s").OnClientsTaken(taken);
  MqttClient& client = Connect("s", 0, WithWill(Persistent(3600)));
  Disconnect(client, {.reason = mqtt::ReasonCode::kDisconnectWithWill, .session_expiry_s = 60});
  world().AdvanceSeconds(1);
  EXPECT_EQ(Different(), 0);
  ExpectEqualCopies();
}

// P3: a subscription that is right is there all the time, one that is wrong goes.
TEST_F(CopiesTest, KeepTheirSubscriptionsWhileTheyAreToldAnew) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& publisher = LeaveMessages(3);
    MqttClient& other = Connect("q", 1, Persistent());
    world().AdvanceSeconds(1);
    Copy("s").received_ids.insert(77);
    publisher.SendPublish("t/1", "finds it", 1);
    // While the session is told, somebody on the node of its copy publishes.
    bool told = false;
    world().on_record = [&](std::size_t, const broker::PeerRecord& record) {
      if (std::holds_alternative<broker::SessionAgainRecord>(record)) told = true;
    };
    while (!told) world().Advance(kNanosecondsPerMillisecond);
    for (int i = 0; i < 20; ++i) other.SendPublish("t/2", "meanwhile " + std::to_string(i), 1);
    world().AdvanceSeconds(1);
    EXPECT_EQ(other.publishing(), 0u);
    EXPECT_EQ(Different(), 1);
    ExpectEqualCopies();
    world().Kill(0);
    world().Run();
    MqttClient& subscriber = *world().clients().front();
    Reconnect(subscriber, 1, Persistent());
    EXPECT_EQ(subscriber.received.size(), 24u);
  }
}

// P4: what the copy has is not given up for what it may not get.
TEST_F(CopiesTest, LoseNothingIfTheOwnerDiesWhileItTellsThem) {
  std::size_t cut_short = 0;
  for (const std::uint64_t seed : Seeds(100)) {
    SCOPED_TRACE(seed);
    WorldOptions options{.seed = seed, .cores = {1, static_cast<std::uint16_t>(1 + seed % 3)}};
    options.config.copy_check_ns = 0;
    BuildPair(options);
    MqttClient& publisher = LeaveMessages(20);
    Copy("s").received_ids.insert(77);
    bool told = false;
    world().on_record = [&](std::size_t from, const broker::PeerRecord& record) {
      if (from == 0 && std::holds_alternative<broker::SessionRecord>(record)) told = true;
    };
    publisher.SendPublish("t/1", "finds it", 1);
    while (!told) ASSERT_TRUE(world().Step());
    world().Crash(0);
    world().Run();
    world().EndEpoch(1);
    world().Run();
    if (Repaired() == 0) ++cut_short;
    MqttClient& subscriber = *world().clients().front();
    Reconnect(subscriber, 1, Persistent());
    EXPECT_GE(subscriber.received.size(), 20u) << "the last one was acknowledged to nobody";
  }
  EXPECT_GT(cut_short, 0u) << "else nothing was tried";
}

// The session goes on where the copy is that is known to be wrong: it is told first.
TEST_F(CopiesTest, AreRightBeforeTheSessionGoesOnThere) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildPairOf(seed);
    MqttClient& publisher = LeaveMessages(20);
    world().AdvanceSeconds(1);
    Copy("s").queue.FollowDone(0, 9);
    bool asked = false;
    MqttClient& subscriber = *world().clients().front();
    world().on_record = [&](std::size_t, const broker::PeerRecord& record) {
      asked = asked || std::holds_alternative<broker::SessionAgainRecord>(record);
    };
    publisher.SendPublish("t/1", "finds it", 1);
    while (!asked) {
      if (!world().Step()) world().Advance(kNanosecondsPerMillisecond);
    }
    Reconnect(subscriber, 1, Persistent());
    EXPECT_EQ(subscriber.received.size(), 21u);
    world().AdvanceSeconds(1);
    ExpectEqualCopies();
  }
}

// The hash found it: the copy gave a number again that its owner had used last, and the other node
// took the second message for one that it knew.
TEST_F(CopiesTest, GoOnBehindTheLastNumberOfTheirOwner) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    WorldOptions options{.seed = seed, .cores = {1, 1}};
    options.config.queue_messages_max = 2;
    options.config.when_full = broker::WhenFull::kDropNewest;
    BuildPair(options);
    LeaveMessages(3);  // the last of them is dropped, and its number with it
    world().Kill(1);
    world().Run();
    world().Start(1);
    world().Pair();
    world().Run();
    MqttClient& subscriber = *world().clients().front();
    Reconnect(subscriber, 1, Persistent());
    EXPECT_EQ(subscriber.received.size(), 2u);
    Disconnect(subscriber);
    MqttClient& other = Connect("q", 1, Persistent());
    Publish(other, "t/1", "acknowledged", 1);
    ExpectEqualCopies();
    world().Kill(1);
    world().Run();
    Reconnect(subscriber, 0, Persistent());
    EXPECT_EQ(subscriber.received.size(), 3u);
  }
}

}  // namespace
}  // namespace tandem::testing
