#include "engine/broker/message_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

using ::testing::SizeIs;

MessageJoin::Unplaced Routed(std::uint64_t id, MonoNs since = 0) {
  return {.message = Message::Create({.topic = "t", .id = {.number = id}}), .since = since};
}

MessageJoin::Unfilled Placed(std::uint64_t id, std::uint64_t number) {
  return {.message = {.number = id}, .number = number};
}

TEST(MessageJoin, FindsAMessageByItsIdentityOnce) {
  MessageJoin join;
  join.Add(Routed(1));
  join.Add(Routed(2));
  EXPECT_FALSE(join.TakeMessage({.core = CoreId{1}, .number = 3}));
  const auto first = join.TakeMessage({.number = 1});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->message->id().number, 1u);
  EXPECT_FALSE(join.TakeMessage({.number = 1}));
  EXPECT_EQ(join.unplaced(), 1u);
}

// The owner of the session had unsubscribed when they came: a failover must not deliver them late.
TEST(MessageJoin, ForgetsWhatTheOwnerHasPassedOver) {
  MessageJoin join;
  join.Add(Routed(1));
  join.Add({.message = Message::Create({.topic = "t", .id = {.core = CoreId{1}, .number = 1}})});
  join.Add(Routed(2));
  join.Add(Routed(3));
  ASSERT_TRUE(join.TakeMessage({.number = 2}));
  EXPECT_EQ(join.unplaced(), 2u) << "that of another core, and a later one";
  EXPECT_FALSE(join.TakeMessage({.number = 1}));
}

TEST(MessageJoin, ForgetsWhatIsNotWantedAnyLonger) {
  MessageJoin join;
  join.Add(Routed(1));
  join.Add(Routed(2));
  join.ForgetUnwanted([](const Message& message) { return message.id().number != 1; });
  EXPECT_EQ(join.unplaced(), 1u);
  EXPECT_TRUE(join.TakeMessage({.number = 2}));
}

TEST(MessageJoin, TakesNothingThatTheOwnerHasPassedOver) {
  MessageJoin join;
  join.Add(Placed(6, 0));
  join.Add(Routed(4));
  EXPECT_EQ(join.unplaced(), 0u);
  join.Add(Routed(7));
  EXPECT_EQ(join.unplaced(), 1u);
}

TEST(MessageJoin, KeepsPlacesForSparesApartFromThoseForRoutedMessages) {
  MessageJoin join;
  MessageJoin::Unfilled spare = Placed(6, 0);
  spare.by_spare = true;
  join.Add(spare);
  join.Add(Routed(4));
  EXPECT_EQ(join.unplaced(), 1u) << "spares come in an order of their own";
  EXPECT_FALSE(join.TakePlace(MessageId{.number = 6})) << "that the session gets besides";
  EXPECT_TRUE(join.TakePlace(0));
}

TEST(MessageJoin, FindsAPlaceByMessageOrByNumber) {
  MessageJoin join;
  join.Add(Placed(10, 0));
  join.Add(Placed(11, 1));
  EXPECT_TRUE(join.waits_for_messages());
  const MessageId eleven{.number = 11};
  ASSERT_TRUE(join.TakePlace(eleven));
  const auto first = join.TakePlace(std::uint64_t{0});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->message.number, 10u);
  EXPECT_FALSE(join.waits_for_messages());
  EXPECT_TRUE(join.empty());
}

TEST(MessageJoin, KeepsTheOrderOfArrival) {
  MessageJoin join;
  for (const std::uint64_t id : {5u, 3u, 4u}) join.Add(Routed(id));
  const auto messages = join.TakeMessages();
  ASSERT_THAT(messages, SizeIs(3));
  EXPECT_EQ(messages[0].message->id().number, 5u);
  EXPECT_EQ(messages[2].message->id().number, 4u);
  EXPECT_TRUE(join.empty());
}

TEST(MessageJoin, KnowsWhatTheOwnerWasAskedFor) {
  MessageJoin join;
  join.Add(Placed(1, 7));
  EXPECT_FALSE(join.IsAsked(7));
  join.places().front().asked = true;
  EXPECT_TRUE(join.IsAsked(7));
  EXPECT_FALSE(join.IsAsked(8));
}

TEST(MessageJoin, RecognizesOnceAMessageThatCameInAnotherWay) {
  MessageJoin join;
  join.Expect({.number = 1}, 0);
  EXPECT_FALSE(join.empty());
  EXPECT_FALSE(join.TakeExpected({.number = 2}));
  EXPECT_TRUE(join.TakeExpected({.number = 1}));
  EXPECT_FALSE(join.TakeExpected({.number = 1}));
}

TEST(MessageJoin, ForgetsWhatCameBeforeATimeAndCountsTheMessages) {
  MessageJoin join;
  join.Add(Routed(1, 10));
  join.Add(Routed(2, 20));
  join.Expect({.number = 3}, 10);
  join.Expect({.number = 4}, 20);
  EXPECT_EQ(join.Forget(20), 1u);
  EXPECT_FALSE(join.TakeMessage({.number = 1}));
  EXPECT_TRUE(join.TakeMessage({.number = 2}));
  EXPECT_FALSE(join.TakeExpected({.number = 3}));
  EXPECT_TRUE(join.TakeExpected({.number = 4}));
}

}  // namespace
}  // namespace tandem::broker
