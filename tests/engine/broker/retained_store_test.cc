#include "engine/broker/retained_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "proto/mqtt/topic.h"
#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using SetResult = RetainedStore::SetResult;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kAll = SIZE_MAX;

std::string ValueOf(const RetainedStore& store, std::string_view topic, MonoNs now = 0) {
  const MessagePtr message = store.Get(topic, now);
  return message ? std::string(AsText(message->payload())) : "none";
}

// All matching topics, read in pages of this size.
std::vector<std::string> Found(const RetainedStore& store, std::string_view filter,
                               std::size_t messages_max = kAll, std::size_t visits_max = kAll) {
  std::vector<std::string> topics;
  std::string after;
  for (bool done = false; !done;) {
    RetainedStore::Page page = store.Find(filter, after, 0, visits_max, messages_max, kAll);
    EXPECT_LE(page.messages.size(), messages_max);
    for (const MessagePtr& message : page.messages) topics.emplace_back(message->topic());
    after = page.last;
    done = page.done;
  }
  return topics;
}

TEST(RetainedStore, KeepsOneValuePerTopic) {
  RetainedStore store;
  EXPECT_EQ(store.Set(MessageOn("t", "one", 1), 0), SetResult::kStored);
  EXPECT_EQ(store.Set(MessageOn("t", "three", 2), 0), SetResult::kStored);
  EXPECT_EQ(ValueOf(store, "t"), "three");
  EXPECT_EQ(ValueOf(store, "u"), "none");
  EXPECT_EQ(store.messages(), 1u);
  EXPECT_EQ(store.bytes(), 5u);
}

TEST(RetainedStore, LetsTheLaterWriteWinWhicheverArrivesFirst) {
  RetainedStore store;
  store.Set(MessageOn("t", "new", 2), 0);
  EXPECT_EQ(store.Set(MessageOn("t", "old", 1), 0), SetResult::kOlder);
  EXPECT_EQ(ValueOf(store, "t"), "new");
}

TEST(RetainedStore, DeletesWithATombstoneThatKeepsOlderValuesAway) {
  RetainedStore store;
  store.Set(MessageOn("t", "one", 1), 0);
  EXPECT_EQ(store.Set(MessageOn("t", "", 3), 0), SetResult::kDeleted);
  EXPECT_EQ(ValueOf(store, "t"), "none");
  EXPECT_EQ(store.messages(), 0u);
  EXPECT_EQ(store.bytes(), 0u);
  EXPECT_EQ(store.Set(MessageOn("t", "two", 2), 0), SetResult::kOlder);
  EXPECT_EQ(store.Set(MessageOn("t", "four", 4), 0), SetResult::kStored);
  EXPECT_EQ(store.messages(), 1u);
}

TEST(RetainedStore, TakesTheSameWriteOnce) {
  RetainedStore store;
  const MessagePtr write = MessageOn("t", "one", 1, {.number = 5});
  EXPECT_EQ(store.Set(write, 0), SetResult::kStored);
  EXPECT_EQ(store.Set(write, 0), SetResult::kOlder);
}

// P9: two nodes get the same writes in different orders.
TEST(RetainedStore, SettlesOnTheSameValueInWhateverOrderWritesArrive) {
  std::vector<MessagePtr> writes;
  for (std::uint16_t i = 0; i < 24; ++i) {
    const MessageId id{.node = static_cast<tandem::NodeId>(i % 2),
                       .core = CoreId{static_cast<std::uint16_t>(i / 2 % 3)},
                       .incarnation = Incarnation{1},
                       .number = i};
    // Several cores of one node issue the same timestamp: each has a clock of its own.
    writes.push_back(MessageOn("t", i % 5 == 0 ? "" : std::to_string(i), 7 + i / 12, id));
  }
  std::mt19937_64 random(1);
  std::string winner;
  for (int round = 0; round < 200; ++round) {
    std::shuffle(writes.begin(), writes.end(), random);
    RetainedStore store;
    for (const MessagePtr& write : writes) store.Set(write, 0);
    if (round == 0) winner = ValueOf(store, "t");
    ASSERT_EQ(ValueOf(store, "t"), winner) << "round " << round;
  }
}

TEST(RetainedStore, HidesWhatHasExpired) {
  RetainedStore store;
  store.Set(Message::Create({.topic = "t", .payload = AsBytes("x"), .expires_at = 100}), 0);
  EXPECT_EQ(ValueOf(store, "t", 99), "x");
  EXPECT_EQ(ValueOf(store, "t", 100), "none");
  EXPECT_THAT(store.Find("#", "", 100, kAll, kAll, kAll).messages, IsEmpty());
}

TEST(RetainedStore, SweepsExpiredValuesAndOldTombstonesAStepAtATime) {
  RetainedStore store;
  for (int i = 0; i < 10; ++i) {
    const std::string topic = "t" + std::to_string(i);
    const bool deletion = i % 3 == 0;
    store.Set(Message::Create({.topic = topic,
                               .payload = AsBytes(deletion ? "" : "x"),
                               .expires_at = i % 3 == 1 ? 50 : kNever}),
              10);
  }
  EXPECT_EQ(store.messages(), 6u);
  for (int step = 0; step < 5; ++step) store.Sweep(60, 1000, 3);
  EXPECT_EQ(store.messages(), 3u) << "the expired ones are gone";
  EXPECT_EQ(store.Walk("", kAll, kAll).messages.size(), 7u) << "tombstones are still young";
  for (int step = 0; step < 5; ++step) store.Sweep(1011, 1000, 3);
  EXPECT_EQ(store.Walk("", kAll, kAll).messages.size(), 3u);
  EXPECT_EQ(store.bytes(), 3u);
}

TEST(RetainedStore, FindsByFilter) {
  RetainedStore store;
  for (const char* topic : {"a", "a/b", "a/b/c", "a!", "ab", "b", "$SYS/x", "/", "/a"}) {
    store.Set(MessageOn(topic, "x"), 0);
  }
  EXPECT_THAT(Found(store, "a"), ElementsAre("a"));
  EXPECT_THAT(Found(store, "a/#"), ElementsAre("a", "a/b", "a/b/c")) << "\"a/#\" matches \"a\"";
  EXPECT_THAT(Found(store, "a/+"), ElementsAre("a/b"));
  EXPECT_THAT(Found(store, "+"), ElementsAre("a", "a!", "ab", "b"));
  EXPECT_THAT(Found(store, "#"), ElementsAre("/", "/a", "a", "a!", "a/b", "a/b/c", "ab", "b"));
  EXPECT_THAT(Found(store, "$SYS/#"), ElementsAre("$SYS/x"));
  EXPECT_THAT(Found(store, "+/x"), IsEmpty()) << "no wildcard matches the dollar";
  EXPECT_THAT(Found(store, "/#"), ElementsAre("/", "/a"));
  EXPECT_THAT(Found(store, "none"), IsEmpty());
}

TEST(RetainedStore, PagesYieldEveryMatchOnce) {
  RetainedStore store;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string topic = "a/" + std::to_string(i % 7) + "/" + std::to_string(i);
    store.Set(MessageOn(topic, "x"), 0);
    if (mqtt::Matches("a/3/+", topic)) expected.push_back(topic);
  }
  std::sort(expected.begin(), expected.end());
  for (const std::size_t messages_max : {1, 2, 10}) {
    for (const std::size_t visits_max : {1, 3, 50}) {
      EXPECT_EQ(Found(store, "a/3/+", messages_max, visits_max), expected);
      EXPECT_EQ(Found(store, "+/3/#", messages_max, visits_max), expected);
    }
  }
}

TEST(RetainedStore, EndsAPageAtItsBytes) {
  RetainedStore store;
  for (const char* topic : {"a", "b", "c"}) store.Set(MessageOn(topic, std::string(99, 'x')), 0);
  const RetainedStore::Page page = store.Find("#", "", 0, kAll, kAll, 150);
  EXPECT_EQ(page.messages.size(), 2u);
  EXPECT_FALSE(page.done);
  EXPECT_EQ(page.last, "b");
}

TEST(RetainedStore, WalksValuesAndTombstonesInPages) {
  RetainedStore store;
  for (int i = 0; i < 10; ++i) store.Set(MessageOn(std::to_string(i), i % 2 ? "x" : ""), 0);
  std::vector<std::string> topics;
  RetainedStore::Page page;
  do {
    page = store.Walk(page.last, 3, kAll);
    for (const MessagePtr& message : page.messages) topics.emplace_back(message->topic());
  } while (!page.done);
  EXPECT_THAT(topics, ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST(RetainedStore, SaysWhetherThereIsRoomForOneMore) {
  RetainedBudget budget(1, 100);
  RetainedStore store;
  EXPECT_TRUE(store.HasRoomFor("t", 1'000'000, 0)) << "nobody limits it";
  store.ShareBudget(budget);
  EXPECT_TRUE(store.HasRoomFor("t", 100, 0));
  EXPECT_FALSE(store.HasRoomFor("t", 101, 0));
  store.Set(MessageOn("t", std::string(49, 'x'), 1), 0);
  EXPECT_FALSE(store.HasRoomFor("u", 1, 0));
  EXPECT_TRUE(store.HasRoomFor("t", 100, 0)) << "in place of what is there";
  EXPECT_FALSE(store.HasRoomFor("t", 101, 0));
  EXPECT_EQ(budget.bytes(), 50);
  store.Set(MessageOn("t", "", 2), 0);
  EXPECT_EQ(budget.messages(), 0);
  EXPECT_EQ(budget.bytes(), 0);
  EXPECT_TRUE(store.HasRoomFor("u", 1, 0));
}

TEST(RetainedStore, ForgetsTheOldestDeletionsWhenThereAreTooMany) {
  RetainedStore store;
  for (std::size_t i = 0; i < kRetainedDeletionsMax + 2; ++i)
    store.Set(MessageOn("t" + std::to_string(i), "", i + 1), 0);
  EXPECT_EQ(store.topics(), kRetainedDeletionsMax);
  EXPECT_EQ(store.deletions_forgotten(), 2u);
  store.Set(MessageOn("again", "x", 9), 0);
  EXPECT_EQ(store.topics(), kRetainedDeletionsMax + 1) << "values do not count";
}

TEST(RetainedStore, KeepsATopicThatHasAValueAgainWhenItsDeletionIsForgotten) {
  RetainedStore store;
  store.Set(MessageOn("t", "", 1), 0);
  store.Set(MessageOn("t", "back", 2), 0);
  for (std::size_t i = 0; i < kRetainedDeletionsMax; ++i)
    store.Set(MessageOn("t" + std::to_string(i), "", i + 1), 0);
  EXPECT_EQ(ValueOf(store, "t"), "back");
}

TEST(RetainedStore, BoundsTheBytesOfDeletionsToo) {
  RetainedStore store;
  const std::string long_name(1 << 20, 'l');
  for (int i = 0; i < 20; ++i)
    store.Set(MessageOn(long_name + std::to_string(i), "", static_cast<Hlc>(i + 1)), 0);
  EXPECT_LT(store.topics(), 17u);
  EXPECT_GT(store.topics(), 14u);
}

TEST(RetainedStore, KeepsTopicsBelowSysToItself) {
  RetainedBudget budget(1, 100);
  RetainedStore store;
  store.ShareBudget(budget);
  store.Set(MessageOn("$SYS/broker/uptime", "1", 1), 0);
  store.Set(MessageOn("plain", "x", 2), 0);
  EXPECT_EQ(ValueOf(store, "$SYS/broker/uptime"), "1");
  EXPECT_EQ(store.messages(), 1u);
  EXPECT_EQ(budget.messages(), 1);
  const RetainedStore::Page page = store.Walk("", kAll, kAll);
  ASSERT_EQ(page.messages.size(), 1u);
  EXPECT_EQ(page.messages[0]->topic(), "plain");
}

}  // namespace
}  // namespace tandem::broker
