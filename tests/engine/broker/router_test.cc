#include "engine/broker/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using mqtt::QoS;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Where one message goes from this core; what becomes of it there is in shard_*_test.cc.
class RouterTest : public ::testing::Test {
 protected:
  static constexpr std::uint16_t kCores = 4;

  Session& SessionOf(std::string_view client_id) {
    Session& session = sessions_.Create(client_id);
    session.expiry_s = 100;
    return session;
  }
  void Subscribe(Session& session, std::string_view filter) {
    trie_.Subscribe(filter, {.subscriber = session.id, .options = {.qos = QoS::kAtLeastOnce}});
  }
  void PeerUp() {
    peer_.Up({.epoch = 1, .peer_cores = 2});
    for (const CoreId core : {CoreId{0}, CoreId{1}}) peer_.SnapshotApplied(core);
    parts_.context.outbox.Clear();
  }
  Router::Result Publish(std::string_view topic, bool retain = false) {
    return router_.FromClient(
        {.topic = topic, .payload = AsBytes("x"), .qos = QoS::kAtLeastOnce, .retain = retain},
        retain ? Retaining{.kind = Retaining::Kind::kYes} : Retaining{});
  }
  Outbox& out() { return parts_.context.outbox; }
  template <class T>
  const T& Mail(std::size_t index) {
    return std::get<T>(out().cores[index].message);
  }
  const PublishRecord& Record(std::size_t index) {
    return std::get<PublishRecord>(out().records.at(index).record);
  }

  ShardParts parts_{kCores};
  SubscriptionTrie trie_{CoreId{0}};
  SessionTable sessions_;
  RetainedStore retained_;
  PeerStream peer_{parts_.context};
  SessionTeller teller_{parts_.context, peer_, sessions_};
  LentMessages lent_;
  Brakes brakes_;
  Congestion congestion_{parts_.context, peer_, brakes_, sessions_};
  Delivery delivery_{parts_.context, peer_, teller_, congestion_};
  Router router_{parts_.context, trie_,   sessions_, delivery_, peer_,
                 retained_,      teller_, lent_,     brakes_};
};

TEST_F(RouterTest, SaysWhetherAnybodyWantsTheMessage) {
  EXPECT_FALSE(Publish("t").matched);
  trie_.SetCoreInterest("t", CoreId{2}, true);
  EXPECT_TRUE(Publish("t").matched);
  EXPECT_FALSE(Publish("u").matched);
}

TEST_F(RouterTest, VisitsOnlyCoresThatAreInterested) {
  trie_.SetCoreInterest("t/+", CoreId{1}, true);
  trie_.SetCoreInterest("t/1", CoreId{1}, true);
  trie_.SetCoreInterest("t/1", CoreId{3}, true);
  Publish("t/1");
  ASSERT_THAT(out().cores, SizeIs(2)) << "each once, however many filters match";
  EXPECT_EQ(out().cores[0].to, CoreId{1});
  EXPECT_EQ(out().cores[1].to, CoreId{3});
  EXPECT_EQ(Mail<RouteBatch>(0).messages(), 1u);
}

TEST_F(RouterTest, PacksSmallMessagesForACoreAndSharesLargeOnes) {
  trie_.SetCoreInterest("t", CoreId{1}, true);
  Publish("t");
  Publish("t");
  const std::string large(RouteBatch::kMessageBytesMax, 'x');
  router_.FromClient({.topic = "t", .payload = AsBytes(large)});
  Publish("t");
  ASSERT_THAT(out().cores, SizeIs(3));
  EXPECT_EQ(Mail<RouteBatch>(0).messages(), 2u);
  EXPECT_TRUE(Mail<RouteMessage>(1).route);
  EXPECT_EQ(Mail<RouteMessage>(1).message->payload().size(), large.size());
  EXPECT_EQ(Mail<RouteBatch>(2).messages(), 1u) << "in their order";
}

TEST_F(RouterTest, LetsAnAcknowledgementWaitForACoreThatMayBrakeThePublisher_O5) {
  trie_.SetCoreInterest("t", CoreId{1}, true);
  trie_.SetCoreInterest("u", CoreId{2}, true);
  EXPECT_EQ(Publish("t").routed, 0u);
  brakes_.SetCongested(CoreId{1}, true);
  const Router::Result result = Publish("t");
  EXPECT_EQ(result.routed, 1u);
  EXPECT_EQ(Mail<RouteMessage>(1).commit, 1u);
  EXPECT_EQ(Publish("u").routed, 0u) << "that goes elsewhere";
  router_.FromClient({.topic = "t"});
  EXPECT_EQ(Mail<RouteBatch>(3).messages(), 1u) << "nobody acknowledges QoS 0";
}

TEST_F(RouterTest, DeliversABatchInItsOrder_P6) {
  Session& session = SessionOf("s");
  Subscribe(session, "t");
  RouteBatch batch({}, {.topic = "t", .payload = AsBytes("1"), .qos = QoS::kAtLeastOnce});
  ASSERT_TRUE(batch.TryAdd({}, {.topic = "u", .payload = AsBytes("-")}));
  ASSERT_TRUE(batch.TryAdd({}, {.topic = "t", .payload = AsBytes("2"), .qos = QoS::kAtLeastOnce}));
  router_.FromCore(batch);
  ASSERT_EQ(session.queue.waiting_messages(), 2u);
  EXPECT_EQ(AsText(session.queue.DropOldestQueued()->message->payload()), "1");
  EXPECT_EQ(AsText(session.queue.DropOldestQueued()->message->payload()), "2");
}

TEST_F(RouterTest, SendsToTheOtherNodeWhatItWantsAndYieldsTheRecord_P2) {
  PeerUp();
  EXPECT_EQ(Publish("t").peer_number, 0u);
  trie_.SetPeerInterest("t", CoreId{0}, true);
  trie_.SetPeerInterest("#", CoreId{1}, true);
  EXPECT_EQ(Publish("t").peer_number, 1u);
  EXPECT_THAT(out().records, SizeIs(1));
  EXPECT_TRUE(Record(0).route);
  EXPECT_FALSE(Record(0).update_retained);
}

TEST_F(RouterTest, SendsEverythingUntilItHasHeardWhatTheOtherNodeWants_P1) {
  peer_.Up({.epoch = 1, .peer_cores = 2});
  Publish("t");
  peer_.SnapshotApplied(CoreId{1});
  Publish("t");
  ASSERT_THAT(out().records, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(Record(i).route);
    EXPECT_TRUE(Record(i).unasked);
  }
  peer_.SnapshotApplied(CoreId{0});
  Publish("t");
  EXPECT_THAT(out().records, SizeIs(2)) << "nobody there wants it";
}

TEST_F(RouterTest, CarriesRetainedMessagesAcrossEvenIfNobodyListens_P9) {
  PeerUp();
  EXPECT_EQ(Publish("t", true).peer_number, 1u);
  EXPECT_FALSE(Record(0).route);
  EXPECT_TRUE(Record(0).update_retained);
}

TEST_F(RouterTest, KeepsRetainedMessagesOnTheHomeCoreOfTheirTopic) {
  std::size_t here = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string topic = "t" + std::to_string(i);
    out().Clear();
    Publish(topic, true);
    if (router_.RetainedHome(topic) == CoreId{0}) {
      ++here;
      EXPECT_THAT(out().cores, IsEmpty());
    } else {
      EXPECT_EQ(out().cores[0].to, router_.RetainedHome(topic));
      EXPECT_EQ(Mail<RetainMessage>(0).message->topic(), topic);
    }
  }
  EXPECT_GT(here, 0u);
  EXPECT_EQ(retained_.messages(), here);
}

TEST_F(RouterTest, NamesTheGroupsForWhichTheOtherNodeWasChosen_P10) {
  PeerUp();
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{1}}, {1, 1});
  EXPECT_TRUE(Publish("t").matched);
  ASSERT_THAT(Record(0).groups, SizeIs(1));
  EXPECT_EQ(Record(0).groups[0].filter, "t");
  EXPECT_EQ(Record(0).groups[0].share_name, "g");
  EXPECT_FALSE(Record(0).route);
}

TEST_F(RouterTest, ChoosesNoMembersForAMessageThatAnotherNodeHasRouted_P10) {
  PeerUp();
  Session& member = SessionOf("m");
  trie_.JoinGroup("t", "g", {.subscriber = member.id, .options = {.qos = QoS::kAtLeastOnce}}, true);
  router_.FromPeer(
      PublishRecord{.message = Message::Create({.topic = "t", .qos = QoS::kAtLeastOnce})},
      {.epoch = 1, .number = 1});
  EXPECT_TRUE(member.queue.empty());
  PublishRecord chosen{.message = Message::Create({.topic = "t", .qos = QoS::kAtLeastOnce})};
  chosen.groups.push_back({.filter = "t", .share_name = "g"});
  router_.FromPeer(std::move(chosen), {.epoch = 1, .number = 2});
  EXPECT_EQ(member.queue.waiting_messages(), 1u);
}

TEST_F(RouterTest, ARecordCountsAsAppliedOnceTheCoresThatItWentOnToSaySo_P2) {
  PeerUp();
  trie_.SetCoreInterest("t", CoreId{1}, true);
  const std::string large(RouteBatch::kMessageBytesMax, 'x');
  const auto arrive = [&](std::uint64_t number, std::string_view payload) {
    router_.FromPeer(
        PublishRecord{.message = Message::Create({.topic = "t", .payload = AsBytes(payload)})},
        peer_.Received(CoreId{0}, number));
  };
  arrive(1, "x");
  arrive(2, large);
  EXPECT_EQ(Mail<RouteBatch>(0).messages(), 1u);
  EXPECT_TRUE(Mail<RouteMessage>(1).message);
  EXPECT_EQ(peer_.AppliedHere(CoreId{0}), 0u);
  peer_.AppliedAt(CoreId{1}, {.origin = {.epoch = 1, .number = 1}, .parts = 1});
  EXPECT_EQ(peer_.AppliedHere(CoreId{0}), 1u);
  peer_.AppliedAt(CoreId{1}, {.origin = {.epoch = 1, .number = 2}, .parts = 1});
  EXPECT_EQ(peer_.AppliedHere(CoreId{0}), 2u);
}

TEST_F(RouterTest, HandsAMessageOnWhenTheMemberHasLeftMeanwhileButNotForEver_P10) {
  PeerUp();
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{0}}, {1, 1});
  const auto arrive = [&](std::uint8_t hops) {
    PublishRecord record{.message = Message::Create({.topic = "t"}), .route = false, .hops = hops};
    record.groups.push_back({.filter = "t", .share_name = "g"});
    router_.FromPeer(std::move(record), {.epoch = 1, .number = 1});
  };
  arrive(0);
  EXPECT_EQ(Record(0).hops, 1);
  arrive(8);
  EXPECT_THAT(out().records, SizeIs(1));
  EXPECT_EQ(parts_.metrics.publish_dropped(metrics::DropReason::kSessionEnded), 1u);
}

TEST_F(RouterTest, GivesTheOtherNodeASpareOfWhatItsOwnMemberGets_P10) {
  PeerUp();
  Session& member = SessionOf("m");
  trie_.JoinGroup("t", "g", {.subscriber = member.id, .options = {.qos = QoS::kAtLeastOnce}}, true);
  Publish("t");
  EXPECT_THAT(out().records, IsEmpty()) << "nobody there has members, or copies of any";
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{1}}, {0, 0, 1});
  Publish("t");
  ASSERT_THAT(Record(0).spares, SizeIs(1));
  EXPECT_EQ(Record(0).spares[0].share_name, "g");
  EXPECT_FALSE(Record(0).route);
  EXPECT_THAT(Record(0).groups, IsEmpty());
  EXPECT_EQ(member.queue.waiting_messages(), 2u);
}

TEST_F(RouterTest, LeavesASpareWhereItIsWhenAnotherMemberGetsTheMessage_P10) {
  PeerUp();
  Session& member = SessionOf("m");
  trie_.JoinGroup("t", "g", {.subscriber = member.id, .options = {.qos = QoS::kAtLeastOnce}}, true);
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{1}}, {0, 0, 1});
  const IntrusivePtr<SharedKey> key = KeyOf({.filter = "t", .share_name = "g"});
  router_.ToGroup(*key, Message::Create({.topic = "t", .qos = QoS::kAtLeastOnce}), {.spare = 2});
  EXPECT_THAT(out().records, IsEmpty());
  EXPECT_EQ(member.queue.Find(0)->lender, 2);
}

TEST_F(RouterTest, TurnsTheCopyOfALeavingMemberIntoASpareInOneStep_P10) {
  PeerUp();
  Session& member = SessionOf("m");
  trie_.JoinGroup("t", "g", {.subscriber = member.id, .options = {.qos = QoS::kAtLeastOnce}}, true);
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{1}}, {0, 0, 1});
  const GivenBack back{.client_id = "left", .number = 7};
  router_.ToGroup(*KeyOf({.filter = "t", .share_name = "g"}),
                  Message::Create({.topic = "t", .qos = QoS::kAtLeastOnce}), back);
  ASSERT_THAT(Record(0).spares, SizeIs(1));
  EXPECT_EQ(Record(0).given_back, back);
  EXPECT_EQ(member.queue.Find(0)->lender, 1) << "this core's messages have their spares on core 0";
}

TEST_F(RouterTest, LendsWhatFallsToMembersOfANodeThatIsGone_P10) {
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{1}}, {1, 1});
  Publish("t");
  EXPECT_EQ(lent_.size(), 1u) << "until those are known that take their place";
}

// Exactly once needs a place to survive with the packet id of its publisher, or not at all (P5).
TEST_F(RouterTest, GivesCopiesNoPlaceForAMessageWhoseStepCrossesAlone_P2) {
  PeerUp();
  teller_.SetCopiesRouted(true);
  trie_.SetCoreInterest("t", CoreId{2}, true);
  router_.FromClient({.topic = "t", .qos = QoS::kExactlyOnce}, {},
                     PublisherStep{.client_id = "p", .packet_id = 3});
  ASSERT_THAT(out().records, SizeIs(1));
  EXPECT_EQ(std::get<SessionReceivedIdRecord>(out().records[0].record).packet_id, 3);
  EXPECT_TRUE(Mail<RouteBatch>(0).terms().steps_alone);
  EXPECT_EQ(Mail<RouteBatch>(0).terms().epoch, 1u);

  Session& copied = SessionOf("copied");
  Session& other = SessionOf("other");
  teller_.BeginFollowing(copied);
  Subscribe(copied, "t");
  Subscribe(other, "t");
  router_.FromCore(
      RouteMessage{.message = Message::Create({.topic = "t", .qos = QoS::kExactlyOnce}),
                   .terms = {.epoch = 1, .steps_alone = true}});
  EXPECT_TRUE(copied.queue.empty()) << "or the message would have crossed";
  EXPECT_EQ(other.queue.waiting_messages(), 1u);
}

// Should this node die between the two records, the publisher's repeat would be taken for new.
TEST_F(RouterTest, SendsNoGroupsMessageAcrossWhoseStepAnotherCoreTells_P5) {
  PeerUp();
  Session& copied = SessionOf("copied");
  teller_.BeginFollowing(copied);
  trie_.JoinGroup("t", "g", {.subscriber = copied.id, .options = {.qos = QoS::kAtLeastOnce}}, true);
  trie_.SetGroupCounts("t", "g", {Side::kPeerNode, CoreId{1}}, {1, 1});
  const auto arrive = [&](bool steps_alone) {
    RouteMessage message{.message = Message::Create({.topic = "t", .qos = QoS::kExactlyOnce}),
                         .terms = {.epoch = 1, .steps_alone = steps_alone},
                         .route = false,
                         .groups = {KeyOf({.filter = "t", .share_name = "g"})}};
    router_.FromCore(std::move(message));
  };
  arrive(true);
  EXPECT_THAT(out().records, IsEmpty());
  EXPECT_TRUE(copied.queue.empty());
  trie_.LeaveGroup("t", "g", copied.id);
  arrive(true);
  EXPECT_THAT(out().records, IsEmpty());
  arrive(false);
  EXPECT_THAT(Record(0).groups, SizeIs(1));
}

TEST_F(RouterTest, KeepsForACopyWhatMayReachItsOwner_P4_P6) {
  PeerUp();
  Session& copy = SessionOf("copy");
  copy.role = Role::kMirror;
  Subscribe(copy, "t");
  const auto waiting_after = [&](const RouteTerms& terms) {
    copy.join.reset();
    router_.FromCore(RouteMessage{
        .message = Message::Create({.topic = "t", .qos = QoS::kAtLeastOnce}), .terms = terms});
    return copy.join ? copy.join->TakeMessages().size() : 0;
  };
  EXPECT_EQ(waiting_after({.epoch = 1, .crosses = true}), 1u);
  EXPECT_EQ(waiting_after({.epoch = 1, .crosses = false}), 0u)
      << "its owner never gives it a place";
  EXPECT_EQ(waiting_after({.epoch = 1, .unasked = true}), 1u);
  EXPECT_EQ(waiting_after({.epoch = 0}), 1u) << "that core has seen the other node die";
}

TEST_F(RouterTest, NeverLetsTheTrieSeeWhatABrokenPartnerSends) {
  PeerUp();
  const auto arrive = [&](MessagePtr message) {
    router_.FromPeer(PublishRecord{.message = message}, {.epoch = 1, .number = 1});
    router_.FromPeer(RetainedRecord{.message = std::move(message)}, {.epoch = 1, .number = 2});
  };
  arrive(MessagePtr());
  arrive(Message::Create({.topic = "a/#", .payload = AsBytes("x")}));
  arrive(Message::Create({.topic = "", .payload = AsBytes("x")}));
  EXPECT_EQ(retained_.messages(), 0u);
  EXPECT_THAT(out().cores, IsEmpty());
}

TEST_F(RouterTest, ReportsSessionsThatMustBeDisconnectedOnce) {
  parts_.config.queue_messages_max = 1;
  parts_.config.when_full = WhenFull::kDisconnect;
  Session& session = SessionOf("s");
  Subscribe(session, "t");
  Publish("t");
  EXPECT_THAT(router_.TakeOverflowed(), IsEmpty());
  Publish("t");
  EXPECT_THAT(router_.TakeOverflowed(), ::testing::ElementsAre(session.id));
  EXPECT_THAT(router_.TakeOverflowed(), IsEmpty());
}

}  // namespace
}  // namespace tandem::broker
