// Both nodes serve while they do not see each other, and then meet: what they took apart comes
// together. Each story is told in many interleavings; a failure names its seed.
#include <string>
#include <vector>

#include "tests/simulation/copies.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

class PartitionTest : public WorldTest {
 protected:
  void BuildFor(std::uint64_t seed) {
    const auto cores = [](std::uint64_t x) { return static_cast<std::uint16_t>(1 + x % 3); };
    BuildPair({.seed = seed,
               .cores = {cores(seed), cores(seed / 3)},
               .link_delay_max_ns = static_cast<MonoNs>(seed % 3) * kNanosecondsPerMillisecond});
  }
  void Part() {
    world().Unpair();
    world().Run();
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
  // Nobody misses anything any longer, and both nodes hold the same.
  void Settle() {
    world().Run();
    world().AdvanceSeconds(3);
    EXPECT_THAT(DifferencesBetweenNodes(world()), IsEmpty());
  }
};

TEST_F(PartitionTest, DeliversWhatTheOtherSideTookForAClientThatStayed) {
  for (const std::uint64_t seed : Seeds(20)) {
    SCOPED_TRACE(seed);
    BuildFor(seed);
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
    BuildFor(seed);
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
    BuildFor(seed);
    MqttClient& subscriber = Connect("s", 0, Persistent());
    Subscribe(subscriber, "t", 1);
    MqttClient& here = Connect("here", 0);
    MqttClient& there = Connect("there", 1);
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

// The copy had places whose messages had not come: it knows nothing of them, so it must not say
// that they are done.
TEST_F(PartitionTest, LosesNothingThatWasUnderWayWhenTheyParted_P4) {
  for (const std::uint64_t seed : Seeds(150)) {
    SCOPED_TRACE(seed);
    BuildFor(seed);
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

}  // namespace
}  // namespace tandem::testing
