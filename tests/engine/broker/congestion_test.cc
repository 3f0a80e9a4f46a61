#include "engine/broker/congestion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kPublisher = 7;
constexpr Incarnation kSelf{1};
constexpr Incarnation kPeer{2};

// A session at a core of three, with a mark of 4 messages. Whole stories are in shard_flow_test.cc.
class CongestionTest : public ::testing::Test {
 protected:
  CongestionTest() {
    parts_.config.queue_messages_max = 8;
    parts_.context.incarnation = kSelf;
    client_.stage = Client::Stage::kConnected;
    client_.window = 2;
    session_.client = &client_;
    Fill(session_, 4);
  }
  void Fill(Session& session, int messages) {
    for (int i = 0; i < messages; ++i)
      session.queue.Push({.message = MessageOn("t", "x"), .qos = mqtt::QoS::kAtLeastOnce});
  }
  void Feed(Session& session, CoreId core, Incarnation incarnation,
            std::uint64_t publisher = kPublisher) {
    congestion_.Feed(session,
                     {.publisher = publisher, .id = {.core = core, .incarnation = incarnation}});
  }
  void Empty(Session& session) {
    while (session.queue.DropOldestQueued()) {
    }
    congestion_.Moved(session);
    congestion_.Relieve();
  }
  void PeerUp(std::uint64_t epoch, bool brakes) {
    peer_.Up({.epoch = epoch, .peer_incarnation = kPeer, .peer_cores = 2, .brakes = brakes});
  }
  void Pass(MonoNs duration) { parts_.context.now.mono_ns += duration; }
  Outbox& out() { return parts_.context.outbox; }

  ShardParts parts_{3};
  SessionTable sessions_;
  PeerStream peer_{parts_.context};
  Brakes brakes_;
  Congestion congestion_{parts_.context, peer_, brakes_, sessions_};
  Client client_;
  Session& session_ = sessions_.Create("s");
};

TEST_F(CongestionTest, KnowsTheMarkInMessagesAndInBytes) {
  Session& session = sessions_.Create("other");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(congestion_.HasRoom(session, 100)) << i;
    Fill(session, 1);
  }
  EXPECT_FALSE(congestion_.HasRoom(session, 100));
  parts_.config.queue_bytes_max = 1000;
  session.queue = SessionQueue();
  EXPECT_TRUE(congestion_.HasRoom(session, 499));
  EXPECT_FALSE(congestion_.HasRoom(session, 500));
}

TEST_F(CongestionTest, LetsNobodyPassWhileOthersWait) {
  parts_.config.queue_messages_max = 20;  // a mark of 10
  Fill(session_, 4);
  EXPECT_TRUE(congestion_.HasRoom(session_, 1));
  Feed(session_, CoreId{0}, kSelf);
  EXPECT_FALSE(congestion_.HasRoom(session_, 1));
  for (int i = 0; i < 3; ++i) session_.queue.DropOldestQueued();
  EXPECT_TRUE(congestion_.HasRoom(session_, 1)) << "it is short";
}

TEST_F(CongestionTest, BrakesAPublisherAtItsOwnCore) {
  Feed(session_, CoreId{0}, kSelf);
  EXPECT_TRUE(brakes_.IsOn(kPublisher));
  out().Clear();
  Feed(session_, CoreId{2}, kSelf, 8);
  ASSERT_THAT(out().cores, SizeIs(1));
  EXPECT_EQ(out().cores[0].to, CoreId{2});
  EXPECT_TRUE(std::get<BrakeMessage>(out().cores[0].message).on);
  EXPECT_FALSE(brakes_.IsOn(8));
}

TEST_F(CongestionTest, TellsTheOtherCoresWhetherAnybodyIsWaitedFor) {
  const auto told = [&] {
    std::vector<std::string> cores;
    for (const CoreEffect& effect : out().cores) {
      const bool on = std::get<CoreCongested>(effect.message).on;
      cores.push_back(std::to_string(Index(effect.to)) + (on ? " on" : " off"));
    }
    out().Clear();
    return cores;
  };
  Session& other = sessions_.Create("other");
  other.client = &client_;
  Fill(other, 4);
  Feed(session_, CoreId{0}, kSelf);
  EXPECT_THAT(told(), ElementsAre("1 on", "2 on"));
  Feed(other, CoreId{0}, kSelf);
  congestion_.Forget(session_);
  EXPECT_THAT(told(), IsEmpty()) << "still somebody";
  Empty(other);
  EXPECT_THAT(told(), ElementsAre("1 off", "2 off"));
}

TEST_F(CongestionTest, BrakesAPublisherOnTheOtherNodeByARecord) {
  PeerUp(1, true);
  Feed(session_, CoreId{1}, kPeer);
  Feed(session_, CoreId{1}, kPeer);
  ASSERT_THAT(out().records, SizeIs(1));
  EXPECT_EQ(std::get<BrakeRecord>(out().records[0].record),
            (BrakeRecord{.core = CoreId{1}, .publisher = kPublisher, .on = true}));
  Empty(session_);
  ASSERT_THAT(out().records, SizeIs(2));
  EXPECT_FALSE(std::get<BrakeRecord>(out().records[1].record).on);
}

TEST_F(CongestionTest, TellsAPartnerThatKnowsNoBrakesOfNone) {
  PeerUp(1, false);
  Feed(session_, CoreId{1}, kPeer);
  EXPECT_THAT(out().records, IsEmpty());
}

TEST_F(CongestionTest, ForgetsPublishersOfANodeThatIsGoneOrWasAnother) {
  PeerUp(1, true);
  Feed(session_, CoreId{1}, kPeer);
  peer_.Down();
  congestion_.ForgetPeer();
  Empty(session_);
  Feed(session_, CoreId{1}, kPeer);
  Feed(session_, CoreId{1}, Incarnation{9});
  Feed(session_, CoreId{1}, kSelf, 0);
  EXPECT_THAT(out().records, SizeIs(1)) << "the first";
  for (const CoreEffect& effect : out().cores)
    EXPECT_FALSE(std::holds_alternative<BrakeMessage>(effect.message));
}

TEST_F(CongestionTest, ReleasesAPublisherWithTheLastQueueThatItFeeds) {
  Session& other = sessions_.Create("other");
  other.client = &client_;
  Fill(other, 4);
  Feed(session_, CoreId{0}, kSelf);
  Feed(other, CoreId{0}, kSelf);
  Empty(session_);
  EXPECT_TRUE(brakes_.IsOn(kPublisher));
  congestion_.Forget(other);
  EXPECT_FALSE(brakes_.IsOn(kPublisher));
  EXPECT_EQ(parts_.metrics.sessions_congested(), 0);
}

TEST_F(CongestionTest, HoldsPublishersUntilTheQueueIsWellBelowTheMark) {
  Feed(session_, CoreId{0}, kSelf);
  for (const bool is_on : {true, false}) {
    session_.queue.DropOldestQueued();
    congestion_.Moved(session_);
    congestion_.Relieve();
    EXPECT_EQ(brakes_.IsOn(kPublisher), is_on);
  }
  EXPECT_FALSE(congestion_.busy());
}

TEST_F(CongestionTest, LetsPublishersGoOnInTheirTurnAFewAtATime) {
  constexpr std::uint64_t kLast = 100;
  for (std::uint64_t publisher = kLast; publisher > 0; --publisher)
    Feed(session_, CoreId{0}, kSelf, publisher);
  while (session_.queue.DropOldestQueued()) {
  }
  congestion_.Moved(session_);
  congestion_.Relieve();
  EXPECT_FALSE(brakes_.IsOn(kLast)) << "it came first";
  EXPECT_TRUE(brakes_.IsOn(kLast / 2));
  Fill(session_, 4);
  congestion_.Relieve();
  EXPECT_FALSE(congestion_.busy()) << "what they brought is enough for now";
  EXPECT_TRUE(brakes_.IsOn(kLast / 2));
  while (session_.queue.DropOldestQueued()) {
  }
  congestion_.Moved(session_);
  while (congestion_.busy()) congestion_.Relieve();
  EXPECT_FALSE(brakes_.any());
  EXPECT_EQ(parts_.metrics.sessions_congested(), 0);
}

TEST_F(CongestionTest, WaitsForNobodyWhoIsAwayOrStalled) {
  EXPECT_TRUE(congestion_.IsWaitedFor(session_));
  Feed(session_, CoreId{0}, kSelf);
  Pass(parts_.config.stalled_after_ns - 1);
  congestion_.Sweep();
  EXPECT_TRUE(congestion_.IsWaitedFor(session_));
  Pass(1);
  congestion_.Sweep();
  EXPECT_FALSE(congestion_.IsWaitedFor(session_));
  EXPECT_FALSE(brakes_.IsOn(kPublisher));
  EXPECT_EQ(parts_.metrics.session_stalls(), 1u);
  congestion_.Moved(session_);
  EXPECT_TRUE(congestion_.IsWaitedFor(session_));
  session_.client = nullptr;
  EXPECT_FALSE(congestion_.IsWaitedFor(session_));
}

TEST_F(CongestionTest, WaitsForNobodyIfToldSo) {
  parts_.config.stalled_after_ns = 0;
  EXPECT_FALSE(congestion_.IsWaitedFor(session_));
}

TEST_F(CongestionTest, BlamesNoClientForWhatWaitsForTheOtherNode) {
  PeerUp(1, true);
  OutboundMessage& next = *session_.queue.Next();
  next.qos = mqtt::QoS::kExactlyOnce;
  next.record = peer_.Position(peer_.Append(SnapshotEndRecord{}));
  Feed(session_, CoreId{0}, kSelf);
  Pass(parts_.config.stalled_after_ns);
  congestion_.Sweep();
  EXPECT_TRUE(congestion_.IsWaitedFor(session_));
  peer_.Applied(1);
  Pass(parts_.config.stalled_after_ns);
  congestion_.Sweep();
  EXPECT_FALSE(congestion_.IsWaitedFor(session_));
}

TEST_F(CongestionTest, ReleasesPublishersOfAQueueThatHasExpired) {
  Feed(session_, CoreId{0}, kSelf);
  while (session_.queue.DropOldestQueued()) {
  }
  congestion_.Sweep();
  EXPECT_FALSE(brakes_.IsOn(kPublisher));
}

TEST_F(CongestionTest, BoundsWhatAQueueThatIsWaitedForMayTake) {
  parts_.config.queue_bytes_max = 1000;
  parts_.config.peer_backlog_bytes_max = 1000;
  EXPECT_FALSE(congestion_.IsOverrun(session_.queue, 1000));
  EXPECT_FALSE(congestion_.IsOverrun(SessionQueue(), 9000)) << "one message is always taken";
  Fill(session_, 1000);
  EXPECT_TRUE(congestion_.IsOverrun(session_.queue, 0)) << "places take memory, too";
}

}  // namespace
}  // namespace tandem::broker
