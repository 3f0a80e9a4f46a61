#include "engine/broker/subscription_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <rapidcheck.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/engine/broker/trie_model.h"

namespace tandem::broker {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Subscription By(std::uint32_t subscriber) {
  return {.subscriber = SubscriberId{subscriber}, .options = {}, .identifier = 0};
}

// A trie whose filters have one subscriber each, numbered from 0.
SubscriptionTrie& With(SubscriptionTrie& trie, const std::vector<std::string>& filters) {
  std::uint32_t next = 0;
  for (const std::string& filter : filters) trie.Subscribe(filter, By(next++));
  return trie;
}

std::vector<std::uint32_t> Matching(const SubscriptionTrie& trie, std::string_view topic) {
  std::vector<std::uint32_t> subscribers;
  EXPECT_TRUE(trie.Match(topic, [&](const FilterEntry& entry) {
    for (const Subscription& s : entry.subscribers())
      subscribers.push_back(static_cast<std::uint32_t>(s.subscriber));
  }));
  return subscribers;
}

class SubscriptionTrieTest : public ::testing::Test {
 protected:
  SubscriptionTrie trie_{CoreId{0}};
};

// Matching (4.7).

TEST_F(SubscriptionTrieTest, FindsExactFilters) {
  With(trie_, {"a", "a/b", "a/c", "b/a"});
  EXPECT_THAT(Matching(trie_, "a/b"), UnorderedElementsAre(1));
  EXPECT_THAT(Matching(trie_, "a"), UnorderedElementsAre(0));
  EXPECT_THAT(Matching(trie_, "a/b/c"), IsEmpty());
  EXPECT_THAT(Matching(trie_, "b"), IsEmpty());
}

TEST_F(SubscriptionTrieTest, MultiLevelWildcardMatchesTheParentToo) {
  With(trie_, {"#", "sport/#", "sport/tennis/#"});
  EXPECT_THAT(Matching(trie_, "sport"), UnorderedElementsAre(0, 1));
  EXPECT_THAT(Matching(trie_, "sport/tennis"), UnorderedElementsAre(0, 1, 2));
  EXPECT_THAT(Matching(trie_, "sport/tennis/x/y"), UnorderedElementsAre(0, 1, 2));
  EXPECT_THAT(Matching(trie_, "sports"), UnorderedElementsAre(0));
}

TEST_F(SubscriptionTrieTest, SingleLevelWildcardMatchesOneLevelEvenIfEmpty) {
  With(trie_, {"+", "+/+", "/+", "a/+", "a/+/b"});
  EXPECT_THAT(Matching(trie_, "/a"), UnorderedElementsAre(1, 2));
  EXPECT_THAT(Matching(trie_, "a"), UnorderedElementsAre(0));
  EXPECT_THAT(Matching(trie_, "a/"), UnorderedElementsAre(1, 3));
  EXPECT_THAT(Matching(trie_, "a//b"), UnorderedElementsAre(4));
}

TEST_F(SubscriptionTrieTest, LeadingWildcardDoesNotMatchDollarTopics_MQTT_4_7_2_1) {
  With(trie_, {"#", "+/monitor", "$SYS/#", "$SYS/+", "+/#"});
  EXPECT_THAT(Matching(trie_, "$SYS/monitor"), UnorderedElementsAre(2, 3));
  EXPECT_THAT(Matching(trie_, "a/$SYS"), UnorderedElementsAre(0, 4));
  EXPECT_THAT(Matching(trie_, "$SYS"), UnorderedElementsAre(2));
}

TEST_F(SubscriptionTrieTest, VisitsEachMatchingFilterOnceWithEveryoneInIt) {
  trie_.Subscribe("a/+", By(1));
  trie_.Subscribe("a/+", By(2));
  trie_.SetCoreInterest("a/+", CoreId{5}, true);
  trie_.SetPeerInterest("a/+", CoreId{63}, true);
  trie_.JoinGroup("a/+", "g", By(3), true);
  int visits = 0;
  EXPECT_TRUE(trie_.Match("a/b", [&](const FilterEntry& entry) {
    ++visits;
    EXPECT_EQ(entry.subscribers().size(), 2);
    EXPECT_EQ(entry.core_interest(), std::uint64_t{1} << 5);
    EXPECT_EQ(entry.peer_interest(), std::uint64_t{1} << 63);
    ASSERT_EQ(entry.groups().size(), 1);
    EXPECT_EQ(entry.groups()[0]->local(), (MemberCounts{.online = 1, .total = 1}));
  }));
  EXPECT_EQ(visits, 1);
}

TEST_F(SubscriptionTrieTest, WalksToTheDeepestLevel) {
  std::string deep = "a";
  for (std::size_t i = 1; i < kTopicLevelsMax; ++i) deep += i % 2 == 0 ? "/a" : "/+";
  std::string topic = deep;
  for (char& c : topic) c = c == '+' ? 'x' : c;
  With(trie_, {deep, deep.substr(0, deep.size() - 1) + "#"});
  EXPECT_THAT(Matching(trie_, topic), UnorderedElementsAre(0, 1));
  trie_.Unsubscribe(deep, SubscriberId{0});
  EXPECT_THAT(Matching(trie_, topic), UnorderedElementsAre(1));
}

// Each level either 'a' or '+': 2^12 filters that all match one topic.
TEST_F(SubscriptionTrieTest, IsCutOffAtTheBoundOfVisitsAndSaysSo) {
  constexpr std::uint32_t kDepth = 12;
  for (std::uint32_t n = 0; n < 1U << kDepth; ++n) {
    std::string filter;
    for (std::uint32_t level = 0; level < kDepth; ++level)
      filter += (n >> level & 1) != 0 ? "+/" : "a/";
    trie_.Subscribe(filter + "#", By(n));
  }
  std::string topic = "a";
  for (std::uint32_t level = 1; level < kDepth; ++level) topic += "/a";
  EXPECT_EQ(Matching(trie_, topic).size(), 1U << kDepth);
  const std::size_t nodes = (2U << kDepth) - 1;  // each visited once
  std::size_t visited = 0;
  const auto count = [&](const FilterEntry&) { ++visited; };
  EXPECT_TRUE(trie_.Match(topic, count, nodes));
  EXPECT_EQ(visited, 1U << kDepth);
  visited = 0;
  EXPECT_FALSE(trie_.Match(topic, count, nodes - 1));
  EXPECT_LT(visited, 1U << kDepth);
  EXPECT_GE(visited, (1U << kDepth) - 1) << "what was found before the bound is still handed out";
}

// Changes.

TEST_F(SubscriptionTrieTest, TellsWhenTheFirstSubscriberComesAndTheLastOneGoes) {
  const auto is = [](SubscriptionTrie::Change change, bool existed, bool interest_changed) {
    return change.existed == existed && change.interest_changed == interest_changed;
  };
  trie_.SetPeerInterest("a", CoreId{0}, true);
  EXPECT_TRUE(is(trie_.Unsubscribe("a", SubscriberId{1}), false, false));
  EXPECT_TRUE(is(trie_.Subscribe("a", By(1)), false, true));
  EXPECT_TRUE(is(trie_.Subscribe("a", By(1)), true, false));
  EXPECT_TRUE(is(trie_.Subscribe("a", By(2)), false, false));
  EXPECT_TRUE(is(trie_.Unsubscribe("a", SubscriberId{1}), true, false));
  EXPECT_TRUE(is(trie_.Unsubscribe("a", SubscriberId{1}), false, false));
  EXPECT_TRUE(is(trie_.Unsubscribe("a", SubscriberId{2}), true, true));
  EXPECT_TRUE(is(trie_.Unsubscribe("a/b", SubscriberId{2}), false, false));
}

TEST_F(SubscriptionTrieTest, SubscribingAgainReplacesOptionsAndIdentifier_MQTT_3_8_4_3) {
  trie_.Subscribe("a", By(1));
  Subscription again = By(1);
  again.options = {.qos = mqtt::QoS::kExactlyOnce,
                   .no_local = true,
                   .retain_as_published = true,
                   .retain_handling = 2};
  again.identifier = 268'435'455;
  trie_.Subscribe("a", again);
  ASSERT_EQ(trie_.Find("a")->subscribers().size(), 1);
  EXPECT_EQ(trie_.Find("a")->subscribers()[0], again);
  EXPECT_EQ(trie_.subscriptions(), 1);
}

TEST_F(SubscriptionTrieTest, SharedGroupStandsBesidePlainSubscribers) {
  EXPECT_FALSE(trie_.JoinGroup("a", "g", By(1), true).existed);
  EXPECT_TRUE(trie_.Find("a")->subscribers().empty());
  EXPECT_TRUE(trie_.Subscribe("a", By(1)).interest_changed)
      << "a member of a group is no subscriber of the filter";
  trie_.Unsubscribe("a", SubscriberId{1});
  EXPECT_EQ(trie_.Find("a")->FindGroup("g")->members().size(), 1);
  const auto left = trie_.LeaveGroup("a", "g", SubscriberId{1});
  EXPECT_TRUE(left.existed && left.counts_changed);
  EXPECT_EQ(left.local, MemberCounts{});
  EXPECT_EQ(trie_.Find("a"), nullptr);
}

TEST_F(SubscriptionTrieTest, GroupLivesOnWhileMembersAreElsewhere) {
  trie_.JoinGroup("a", "g", By(1), true);
  trie_.SetGroupCounts("a", "g", {Side::kPeerNode, CoreId{0}}, {.online = 1, .total = 2});
  const SharedKey* key = trie_.Find("a")->FindGroup("g")->key().get();
  trie_.LeaveGroup("a", "g", SubscriberId{1});
  ASSERT_NE(trie_.Find("a"), nullptr);
  EXPECT_EQ(trie_.Find("a")->FindGroup("g")->key().get(), key);
  trie_.ClearPeer(CoreId{1});
  ASSERT_NE(trie_.Find("a"), nullptr) << "another core of the peer";
  trie_.ClearPeer(CoreId{0});
  EXPECT_EQ(trie_.Find("a"), nullptr);
  EXPECT_EQ(trie_.groups(), 0);
}

TEST_F(SubscriptionTrieTest, ClearPeerForgetsThePeerAndNobodyElse) {
  for (std::uint32_t n = 0; n < 1'000; ++n) {
    const std::string filter = "x/" + std::to_string(n);
    trie_.SetPeerInterest(filter, CoreId{static_cast<std::uint16_t>(n % 2)}, true);
    if (n % 10 == 0) trie_.Subscribe(filter, By(n));
    if (n % 10 == 1) trie_.SetCoreInterest(filter, CoreId{7}, true);
  }
  trie_.ClearPeer(CoreId{0});
  EXPECT_EQ(trie_.filters(), 600);
  trie_.ClearPeer();
  EXPECT_EQ(trie_.filters(), 200);
  EXPECT_EQ(trie_.Find("x/10")->peer_interest(), 0);
  EXPECT_EQ(trie_.Find("x/11")->core_interest(), std::uint64_t{1} << 7);
}

TEST_F(SubscriptionTrieTest, ManySubscribersOfOneFilterComeAndGo) {
  constexpr std::uint32_t kMany = 150'000;
  for (std::uint32_t n = 0; n < kMany; ++n) trie_.Subscribe("news", By(n));
  EXPECT_EQ(Matching(trie_, "news").size(), kMany);
  for (std::uint32_t n = 0; n < kMany; n += 2)
    ASSERT_TRUE(trie_.Unsubscribe("news", SubscriberId{n}).existed);
  const auto left = Matching(trie_, "news");
  EXPECT_EQ(std::set<std::uint32_t>(left.begin(), left.end()).size(), kMany / 2);
  for (std::uint32_t n = 1; n < kMany; n += 2)
    ASSERT_TRUE(trie_.Unsubscribe("news", SubscriberId{n}).existed);
  EXPECT_EQ(trie_.filters(), 0);
  EXPECT_EQ(trie_.heap_bytes(), 0);
}

// Memory.

std::string DeviceTopic(std::uint32_t n) {
  return "site/" + std::to_string(n % 100) + "/device-" + std::to_string(n) + "/temperature";
}

TEST_F(SubscriptionTrieTest, DoesNotGrowWithFiltersThatCameAndWent) {
  const auto churn = [&](std::uint32_t from) {
    for (std::uint32_t n = from; n < from + 10'000; ++n) trie_.Subscribe(DeviceTopic(n), By(n));
    for (std::uint32_t n = from; n < from + 10'000; ++n)
      trie_.Unsubscribe(DeviceTopic(n), SubscriberId{n});
  };
  churn(0);
  const std::size_t bytes = trie_.bytes();
  for (std::uint32_t round = 1; round < 100; ++round)
    churn(round * 10'000);  // a million distinct filters
  EXPECT_EQ(trie_.filters(), 0);
  EXPECT_EQ(trie_.nodes(), 0);
  EXPECT_EQ(trie_.heap_bytes(), 0);
  EXPECT_LE(trie_.bytes(), bytes + bytes / 8) << "free lists may differ a little, nothing else";
}

TEST_F(SubscriptionTrieTest, ExactSubscriptionCostsLessThan150Bytes) {
  constexpr std::uint32_t kFilters = 100'000;
  for (std::uint32_t n = 0; n < kFilters; ++n) trie_.Subscribe(DeviceTopic(n), By(n));
  EXPECT_LT(trie_.bytes(), kFilters * 150);
  EXPECT_EQ(trie_.subscriptions(), kFilters);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // glibc's heap
TEST_F(SubscriptionTrieTest, BytesAreWhatTheHeapSays) {
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  const std::size_t trie_before = trie_.bytes();
  for (std::uint32_t n = 0; n < 20'000; ++n) {
    trie_.Subscribe(DeviceTopic(n), By(n));
    trie_.Subscribe(DeviceTopic(n % 1'000), By(n));
    trie_.Subscribe("a-level-of-more-than-eleven-bytes-" + std::to_string(n), By(n));
    trie_.JoinGroup(DeviceTopic(n % 500), "workers-" + std::to_string(n % 7), By(n), true);
  }
  const std::size_t arenas =
      (trie_.nodes() + trie_.filters()) * 32;  // malloc knows nothing of these
  const std::size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd - before + arenas;
  const std::size_t told = trie_.bytes() - trie_before;
  EXPECT_GT(told, heap * 85 / 100);
  EXPECT_LT(told, heap * 105 / 100);
}
#endif

// Everything at once.

TEST(SubscriptionTrieProperty, DoesWhatThePlainModelDoes) {
  const bool ok = rc::check("trie == map of filters", [] {
    const auto program =
        *rc::gen::resize(20'000, rc::gen::container<std::vector<std::uint8_t>>(
                                     rc::gen::cast<std::uint8_t>(rc::gen::inRange(0, 256))));
    const std::string difference = RunAgainstModel(program);
    if (!difference.empty()) RC_FAIL(difference);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace tandem::broker
