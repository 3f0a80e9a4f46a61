#include "engine/broker/session_teller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using mqtt::QoS;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const SharedTarget kGroup{.filter = "t", .share_name = "g"};

// What the other node is told; what it makes of that is in shard_peer_test.cc and the simulation.
class SessionTellerTest : public ::testing::Test {
 protected:
  SessionTellerTest() : session_(sessions_.Create("c")) { session_.expiry_s = 60; }

  void Up(std::uint64_t epoch = 1) { Up({.epoch = epoch, .peer_cores = 1}); }
  void Up(const PeerEpoch& epoch) {
    peer_.Up(epoch);
    teller_.SetCopiesRouted(true);
  }
  std::uint64_t Push(std::uint64_t id) {
    OutboundMessage message;
    message.message = MessageOn("t", "payload", 0, {.number = id});
    message.qos = QoS::kAtLeastOnce;
    session_.queue.Push(std::move(message));
    return session_.queue.next_number() - 1;
  }
  // The records of one kind since the last call; what came of other kinds is dropped.
  template <class Record>
  std::vector<Record> Told() {
    std::vector<Record> told;
    for (auto& effect : parts_.context.outbox.records) {
      if (auto* const record = std::get_if<Record>(&effect.record)) told.push_back(*record);
    }
    parts_.context.outbox.Clear();
    return told;
  }
  std::size_t records() const { return parts_.context.outbox.records.size(); }

  ShardParts parts_;
  PeerStream peer_{parts_.context};
  SessionTable sessions_;
  SessionTeller teller_{parts_.context, peer_, sessions_};
  Session& session_;
};

TEST_F(SessionTellerTest, TellsNothingOfASessionThatNobodyFollows) {
  Up();
  EXPECT_FALSE(teller_.IsFollowed(session_));
  EXPECT_EQ(teller_.Subscribed(session_, "f", {}, 0), 0u);
  EXPECT_EQ(teller_.Unsubscribed(session_, "f", 1), 0u);
  EXPECT_EQ(teller_.ReceivedId(session_, 1, true), 0u);
  EXPECT_EQ(teller_.Released(session_, 0), 0u);
  teller_.Away(session_);
  teller_.WillDone(session_);
  teller_.Ended(session_);
  EXPECT_EQ(records(), 0u);
}

TEST_F(SessionTellerTest, FollowingEndsWithTheEpoch) {
  Up(1);
  teller_.BeginFollowing(session_);
  EXPECT_TRUE(teller_.IsFollowed(session_));
  peer_.Down();
  EXPECT_FALSE(teller_.IsFollowed(session_));
  Up(2);
  EXPECT_FALSE(teller_.IsFollowed(session_)) << "the copy of the epoch before is no copy of this";
}

TEST_F(SessionTellerTest, TellsASessionWholeAndInOrder) {
  session_.subscriptions["f"] = {.options = {.qos = QoS::kAtLeastOnce}, .identifier = 3};
  session_.received_ids = {9, 4};
  Push(1);
  Push(2);
  Up();
  teller_.Tell(session_, 0);
  const auto& effects = parts_.context.outbox.records;
  ASSERT_THAT(effects, SizeIs(6));
  const auto& head = std::get<SessionRecord>(effects[0].record);
  EXPECT_EQ(head.client_id, "c");
  EXPECT_EQ(head.next_number, 2u);
  EXPECT_EQ(head.first_number, 0u);
  EXPECT_EQ(head.unsent_number, 0u);
  EXPECT_EQ(std::get<SessionSubscriptionRecord>(effects[1].record).identifier, 3u);
  EXPECT_EQ(std::get<SessionMessageRecord>(effects[2].record).message->id().number, 1u);
  EXPECT_EQ(std::get<SessionMessageRecord>(effects[3].record).number, 1u);
  EXPECT_EQ(std::get<SessionReceivedIdRecord>(effects[4].record).packet_id, 4u) << "sorted";
  EXPECT_EQ(std::get<SessionReceivedIdRecord>(effects[5].record).packet_id, 9u);
  EXPECT_TRUE(teller_.IsFollowed(session_));
}

TEST_F(SessionTellerTest, NamesAMessageThatCrossesOnItsOwnOnceForAllSessions) {
  Session& other = sessions_.Create("d");
  Up();
  teller_.BeginFollowing(session_);
  teller_.BeginFollowing(other);
  const std::uint64_t number = Push(7);
  teller_.Placed(session_, number);
  OutboundMessage second;
  second.message = MessageOn("t", "payload", 0, {.number = 7});
  other.queue.Push(std::move(second));
  teller_.Placed(other, 0);
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  const auto orders = Told<SessionOrderRecord>();
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(orders[0].message.number, 7u);
  ASSERT_THAT(orders[0].places, SizeIs(2));
  EXPECT_EQ(orders[0].places[0].client_id, "c");
  EXPECT_EQ(orders[0].places[1].client_id, "d");
  EXPECT_EQ(session_.queue.Find(number)->record, peer_.Position(1));
}

TEST_F(SessionTellerTest, GivesThePlacesToTheRecordThatTheMessageCrossesWith) {
  Session& other = sessions_.Create("d");
  Up();
  teller_.BeginFollowing(session_);
  teller_.BeginFollowing(other);
  session_.queue.StartAt(4);
  teller_.Placed(session_, Push(7));
  OutboundMessage second;
  second.message = MessageOn("t", "payload", 0, {.number = 7});
  second.qos = QoS::kExactlyOnce;
  second.retain = true;
  second.identifier = 9;
  other.queue.Push(std::move(second));
  teller_.Placed(other, 0);
  const auto places = teller_.TakePlaces(Crossing::kYes);
  EXPECT_THAT(places,
              ElementsAre(QueuePlace{.client_id = "c", .number = 4, .qos = QoS::kAtLeastOnce},
                          QueuePlace{.client_id = "d",
                                     .number = 0,
                                     .qos = QoS::kExactlyOnce,
                                     .retain = true,
                                     .subscription_ids = {9}}));
  EXPECT_EQ(other.queue.Find(0)->record, peer_.Position(1)) << "of the record that is to come";
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  EXPECT_EQ(records(), 0u) << "all is told";
}

TEST_F(SessionTellerTest, TellsPlacesApartThatTheMessageCannotTakeAlong) {
  const PeerEpoch older{.epoch = 1, .peer_cores = 1, .placed_publishes = false};
  for (const bool is_older : {true, false}) {
    Up(is_older ? older : PeerEpoch{.epoch = 2, .peer_cores = 1});
    teller_.BeginFollowing(session_);
    teller_.Placed(session_, Push(7));
    EXPECT_THAT(teller_.TakePlaces(is_older ? Crossing::kYes : Crossing::kPerhaps), IsEmpty());
    teller_.EndRouting({.number = 7}, Crossing::kYes);
    EXPECT_THAT(Told<SessionOrderRecord>(), SizeIs(1));
    peer_.Down();
  }
  Up(3);
  teller_.BeginFollowing(session_);
  teller_.Placed(session_, Push(8));
  teller_.PlacedInGroup(session_, Push(8), KeyOf(kGroup), 2);
  EXPECT_THAT(teller_.TakePlaces(Crossing::kYes), IsEmpty()) << "a group's is for its spare";
  teller_.EndRouting({.number = 8}, Crossing::kYes);
  EXPECT_THAT(Told<SessionOrderRecord>(), SizeIs(1));
}

// The copy may get the message behind what it is told of the session, and must not take it for new.
TEST_F(SessionTellerTest, NamesThenWhatCrossedBeforeAnybodyFollowed_P5) {
  Up();
  teller_.PlacedUntold(session_, Push(7));
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  teller_.PlacedUntold(session_, Push(8));
  teller_.EndRouting({.number = 8}, Crossing::kNo);
  session_.queue.DropOldestQueued();
  session_.queue.DropOldestQueued();
  EXPECT_EQ(records(), 0u);
  teller_.Tell(session_, 0);
  const auto orders = Told<SessionOrderRecord>();
  ASSERT_THAT(orders, SizeIs(1)) << "the other one has not crossed";
  EXPECT_EQ(orders[0].message.number, 7u);
  ASSERT_THAT(orders[0].places, SizeIs(1));
  EXPECT_EQ(orders[0].places[0].number, 0u);
}

TEST_F(SessionTellerTest, SendsAMessageAlongThatDoesNotCrossOnItsOwn) {
  Up();
  teller_.BeginFollowing(session_);
  teller_.Placed(session_, Push(7));
  teller_.EndRouting({.number = 7}, Crossing::kNo);
  const auto told = Told<SessionMessageRecord>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].message->id().number, 7u);
  teller_.EndRouting({.number = 8}, Crossing::kNo);
  EXPECT_EQ(records(), 0u) << "nothing was placed since";
}

// The copy may have got it by its routing, or not.
TEST_F(SessionTellerTest, SendsAMessageAlongThatMayHaveCrossedTooEarly) {
  Up();
  teller_.BeginFollowing(session_);
  teller_.Placed(session_, Push(7));
  teller_.EndRouting({.number = 7}, Crossing::kPerhaps);
  const auto told = Told<SessionMessageRecord>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_TRUE(told[0].also_routed);
}

TEST_F(SessionTellerTest, SaysNothingOfPlacesThatItNeverHadTheMessagesOf) {
  Up();
  for (std::uint64_t i = 0; i < 5; ++i) Push(i);
  for (const std::uint64_t done : {0, 1, 3}) session_.queue.Discard(done);
  session_.queue.ForEach([](std::uint64_t, OutboundMessage&) {});
  session_.fork_number = 5;
  session_.never_had = std::make_unique<std::vector<std::uint64_t>>(1, 1);
  teller_.Tell(session_, 0);
  const auto told = Told<SessionProgressRecord>();
  ASSERT_THAT(told, SizeIs(1));
  ASSERT_THAT(told[0].done, SizeIs(2));
  EXPECT_EQ(told[0].done[0].first, 0u);
  EXPECT_EQ(told[0].done[0].last, 0u);
  EXPECT_EQ(told[0].done[1].first, 3u);
  EXPECT_EQ(told[0].done[1].last, 3u);
}

TEST_F(SessionTellerTest, NamesAlsoAPlaceThatIsGoneAgain) {
  Up();
  teller_.BeginFollowing(session_);
  teller_.Placed(session_, Push(7));
  session_.queue.DropOldestQueued();
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  const auto orders = Told<SessionOrderRecord>();
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(orders[0].places[0].number, 0u);
}

// Until every core knows that the copies want it, a message may cross before its copy is there.
TEST_F(SessionTellerTest, SendsAMessageWithItsPlaceUntilTheCopiesAreRoutedTo) {
  Up();
  teller_.SetCopiesRouted(false);
  teller_.BeginFollowing(session_);
  teller_.Placed(session_, Push(7));
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  const auto told = Told<SessionMessageRecord>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].message->id().number, 7u);
  EXPECT_TRUE(told[0].also_routed);
}

TEST_F(SessionTellerTest, TellsProgressInRangesOncePerTurn) {
  Up();
  teller_.BeginFollowing(session_);
  for (std::uint64_t id = 0; id < 5; ++id) {
    Push(id);
    session_.queue.Next();
    session_.queue.MarkSent();
  }
  for (const std::uint64_t number : {1u, 0u, 3u})
    session_.queue.Acknowledge(SessionQueue::PacketIdOf(number), QoS::kAtLeastOnce);
  teller_.FlushProgress();
  const auto told = Told<SessionProgressRecord>();
  ASSERT_THAT(told, SizeIs(1));
  using Range = SessionProgressRecord::Range;
  EXPECT_THAT(told[0].done, ElementsAre(Range{0, 1}, Range{3, 3}));
  teller_.FlushProgress();
  EXPECT_THAT(Told<SessionProgressRecord>(), IsEmpty());
}

TEST_F(SessionTellerTest, TellsProgressOfEachSessionApart) {
  Session& other = sessions_.Create("d");
  Up();
  for (Session* const session : {&other, &session_}) {
    teller_.BeginFollowing(*session);
    for (std::uint64_t id = 0; id < 4; ++id) {
      OutboundMessage message;
      message.message = MessageOn("t", "payload", 0, {.number = id});
      message.qos = QoS::kAtLeastOnce;
      session->queue.Push(std::move(message));
      session->queue.Next();
      session->queue.MarkSent();
    }
  }
  const auto acknowledge = [](Session& session, std::uint64_t number) {
    ASSERT_TRUE(session.queue.Acknowledge(SessionQueue::PacketIdOf(number), QoS::kAtLeastOnce));
  };
  acknowledge(other, 0);
  acknowledge(session_, 1);  // behind the other's 0, and no part of its range
  acknowledge(other, 1);
  acknowledge(other, 2);
  acknowledge(session_, 2);
  teller_.FlushProgress();
  const auto told = Told<SessionProgressRecord>();
  ASSERT_THAT(told, SizeIs(2));
  using Range = SessionProgressRecord::Range;
  for (const SessionProgressRecord& record : told) {
    EXPECT_THAT(record.done, ElementsAre(record.client_id == "c" ? Range{1, 2} : Range{0, 2}));
  }
}

TEST_F(SessionTellerTest, TellsWhatIsDoneSinceTheNodesPartedWithTheSession) {
  for (std::uint64_t id = 0; id < 3; ++id) Push(id);
  session_.fork_number = 3;
  session_.queue.Discard(1);
  session_.queue.ForEach([](std::uint64_t, OutboundMessage&) {});
  Up();
  teller_.Tell(session_, 0);
  const auto told = Told<SessionProgressRecord>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0].done, ElementsAre(SessionProgressRecord::Range{1, 1}));
}

TEST_F(SessionTellerTest, RepeatsAMessageOnRequestOrSaysThatItIsDone) {
  Up();
  const std::uint64_t number = Push(7);
  teller_.Repeat(session_, number);
  EXPECT_EQ(Told<SessionMessageRecord>().at(0).message->id().number, 7u);
  teller_.Repeat(session_, 42);
  EXPECT_THAT(Told<SessionProgressRecord>().at(0).done,
              ElementsAre(SessionProgressRecord::Range{42, 42}));
  peer_.Down();
  teller_.Repeat(session_, number);
  EXPECT_EQ(records(), 0u);
}

TEST_F(SessionTellerTest, ReturnsWhatWasLent) {
  Up();
  teller_.Return(0, {.number = 1}, *KeyOf(kGroup));
  EXPECT_EQ(records(), 0u) << "nobody lent it";
  teller_.Return(3, {.number = 1}, *KeyOf(kGroup));
  const auto told = Told<LentDoneRecord>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].core, CoreId{2});
  EXPECT_EQ(told[0].group, kGroup);
}

TEST_F(SessionTellerTest, NamesTheSpareThatAMembersPlaceIsFor_P10) {
  Up();
  teller_.BeginFollowing(session_);
  teller_.PlacedInGroup(session_, Push(7), KeyOf(kGroup), 2);
  teller_.EndRouting({.number = 7}, Crossing::kNo);
  const auto orders = Told<SessionOrderRecord>();
  ASSERT_THAT(orders, SizeIs(1));
  ASSERT_THAT(orders[0].places, SizeIs(1));
  EXPECT_EQ(orders[0].places[0].group, kGroup);
  EXPECT_EQ(orders[0].places[0].keeper, CoreId{1});
}

TEST_F(SessionTellerTest, SendsAMembersMessageAlongIfThereIsNoSpare_P10) {
  Up();
  teller_.BeginFollowing(session_);
  teller_.PlacedInGroup(session_, Push(7), KeyOf(kGroup), 0);
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  EXPECT_THAT(Told<SessionMessageRecord>(), SizeIs(1)) << "by its group it does not cross";
}

TEST_F(SessionTellerTest, TellsThePlacesOfASessionInTheirOrder) {
  Up();
  teller_.BeginFollowing(session_);
  teller_.Placed(session_, Push(7));
  teller_.PlacedInGroup(session_, Push(7), KeyOf(kGroup), 0);
  teller_.EndRouting({.number = 7}, Crossing::kYes);
  const auto& effects = parts_.context.outbox.records;
  ASSERT_THAT(effects, SizeIs(2));
  EXPECT_EQ(std::get<SessionOrderRecord>(effects[0].record).places[0].number, 0u);
  EXPECT_EQ(std::get<SessionMessageRecord>(effects[1].record).number, 1u);
}

TEST_F(SessionTellerTest, SaysHowTheConnectionEnded) {
  Up();
  teller_.BeginFollowing(session_);
  session_.will = std::make_unique<Will>();
  Push(1);
  session_.queue.Next();
  session_.queue.MarkSent();
  Push(2);
  teller_.Away(session_);
  const auto away = Told<SessionAwayRecord>();
  ASSERT_THAT(away, SizeIs(1));
  EXPECT_TRUE(away[0].will_waits);
  EXPECT_EQ(away[0].unsent_number, 1u);
  teller_.WillDone(session_);
  EXPECT_THAT(Told<SessionWillDoneRecord>(), SizeIs(1));
  teller_.Ended(session_);
  EXPECT_THAT(Told<SessionEndRecord>(), SizeIs(1));
}

}  // namespace
}  // namespace tandem::broker
