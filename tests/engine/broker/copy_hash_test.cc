#include "engine/broker/copy_hash.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace tandem::broker {
namespace {

MessageId Id(std::uint64_t number) {
  return {.node = tandem::NodeId{1},
          .core = CoreId{2},
          .incarnation = Incarnation{3},
          .number = number};
}

OutboundMessage Place(std::uint64_t id, mqtt::QoS qos = mqtt::QoS::kAtLeastOnce) {
  OutboundMessage place;
  place.message = Message::Create({.topic = "t", .qos = qos, .id = Id(id)});
  place.qos = qos;
  return place;
}

// As the owner has it; `fill` may change it.
void Fill(Session& session) {
  session.expiry_s = 60;
  session.subscriptions["a/#"] = {.options = {.qos = mqtt::QoS::kAtLeastOnce}, .identifier = 7};
  session.subscriptions["b"] = {};
  session.received_ids = {5, 9};
  session.will = std::make_unique<Will>(Will{.topic = "will"});
  for (std::uint64_t i = 0; i < 4; ++i) session.queue.Push(Place(100 + i));
}

std::uint64_t All(const Session& session) { return CopyHash(session, 0, UINT64_MAX); }

TEST(CopyHash, IsThatOfACopyWhoseMessagesHaveNotAllCome) {
  Session owner;
  Fill(owner);
  Session copy;
  Fill(copy);
  copy.queue = SessionQueue();
  copy.join = std::make_unique<MessageJoin>();
  for (std::uint64_t i = 0; i < 4; ++i) {
    OutboundMessage place = Place(100 + i);
    if (i == 2) {
      copy.join->Add(MessageJoin::Unfilled{.message = place.message->id(), .number = i});
      place.message = MessagePtr();
    }
    ASSERT_TRUE(copy.queue.Place(i, std::move(place)));
  }
  EXPECT_EQ(All(copy), All(owner));
}

TEST(CopyHash, IsTheSameWhateverTheOwnerHasSent) {
  Session session;
  Fill(session);
  const std::uint64_t unsent = All(session);
  session.queue.Next();
  session.queue.MarkSent();
  EXPECT_EQ(All(session), unsent);
}

TEST(CopyHash, IsTheSumOfItsParts) {
  Session session;
  Fill(session);
  EXPECT_EQ(CopyHash(session, 0, 2) + CopyHash(session, 2, UINT64_MAX), All(session));
  EXPECT_EQ(CopyHash(session, 4, UINT64_MAX), 0u);
}

TEST(CopyHash, ChangesWithAnythingThatACopyMustHave) {
  const std::vector<std::pair<const char*, std::function<void(Session&)>>> changes = {
      {"a place too many", [](Session& s) { s.queue.Push(Place(104)); }},
      {"a place missing", [](Session& s) { s.queue.DropOldestQueued(); }},
      {"a message in the place of another",
       [](Session& s) { s.queue.Find(1)->message = Place(105).message; }},
      {"two messages exchanged",
       [](Session& s) { std::swap(s.queue.Find(1)->message, s.queue.Find(2)->message); }},
      {"another QoS", [](Session& s) { s.queue.Find(1)->qos = mqtt::QoS::kExactlyOnce; }},
      {"RETAIN", [](Session& s) { s.queue.Find(1)->retain = true; }},
      {"an identifier", [](Session& s) { s.queue.Find(1)->identifier = 3; }},
      {"more identifiers",
       [](Session& s) {
         s.queue.Find(1)->more_identifiers =
             std::make_unique<std::vector<std::uint32_t>>(std::vector<std::uint32_t>{0, 4});
       }},
      {"released", [](Session& s) { s.queue.FollowReleased(1); }},
      {"a subscription too many", [](Session& s) { s.subscriptions["c"]; }},
      {"a subscription missing", [](Session& s) { s.subscriptions.erase("b"); }},
      {"other options", [](Session& s) { s.subscriptions["b"].options.no_local = true; }},
      {"another identifier", [](Session& s) { s.subscriptions["b"].identifier = 8; }},
      {"a packet id too many", [](Session& s) { s.received_ids.insert(6); }},
      {"a packet id missing", [](Session& s) { s.received_ids.erase(9); }},
      {"no will", [](Session& s) { s.will.reset(); }},
      {"another will", [](Session& s) { s.will->delay_s = 1; }},
      {"another expiry", [](Session& s) { s.expiry_s = 61; }},
  };
  Session unchanged;
  Fill(unchanged);
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    Session session;
    Fill(session);
    ASSERT_EQ(All(session), All(unchanged));
    change(session);
    EXPECT_NE(All(session), All(unchanged));
  }
}

}  // namespace
}  // namespace tandem::broker
