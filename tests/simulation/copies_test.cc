// What a copy of a session has, and does when it takes its owner's place.
#include "tests/simulation/copies.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using ::testing::IsEmpty;

class CopiesTest : public WorldTest {
 protected:
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

// The copy gave a number again that its owner had used last, and the other node took the second
// message for one that it knew.
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
