#include "engine/broker/match_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::broker {
namespace {

using ::testing::ElementsAreArray;

Subscription By(std::uint32_t subscriber) {
  return {.subscriber = SubscriberId{subscriber}, .options = {}, .identifier = 0};
}

std::vector<const FilterEntry*> ByWalk(const SubscriptionTrie& trie, std::string_view topic) {
  std::vector<const FilterEntry*> entries;
  trie.Match(topic, [&](const FilterEntry& entry) { entries.push_back(&entry); });
  return entries;
}

std::vector<const FilterEntry*> ByCache(MatchCache& cache, std::string_view topic) {
  const MatchCache::Result result = cache.Match(topic);
  EXPECT_TRUE(result.whole);
  return {result.entries.begin(), result.entries.end()};
}

class MatchCacheTest : public ::testing::Test {
 protected:
  SubscriptionTrie trie_{CoreId{0}};
  MatchCache cache_{trie_};
};

TEST_F(MatchCacheTest, SaysWhatTheTrieSaysWhateverChanges) {
  static const std::vector<std::string> kFilters = {"a", "a/b", "a/#", "+/b", "#", "b/+", "$x/#"};
  static const std::vector<std::string> kTopics = {"a", "a/b", "b/b", "b/c", "$x/a", "c"};
  EXPECT_TRUE(rc::check([] {
    SubscriptionTrie trie(CoreId{0});
    MatchCache cache(trie);
    const auto steps = *rc::gen::container<std::vector<std::uint16_t>>(
        rc::gen::inRange<std::uint16_t>(0, 7 * 4 * 2));
    for (const std::uint16_t step : steps) {
      const std::string& filter = kFilters[step % 7];
      const std::uint32_t who = step / 7 % 4;
      if (who == 3) {
        trie.SetCoreInterest(filter, CoreId{1}, step >= 28);
      } else if (step >= 28) {
        trie.Subscribe(filter, By(who));
      } else {
        trie.Unsubscribe(filter, SubscriberId{who});
      }
      for (int round = 0; round < 3; ++round) {  // not kept, kept, served from what is kept
        for (const std::string& topic : kTopics) {
          RC_ASSERT(ByCache(cache, topic) == ByWalk(trie, topic));
          RC_ASSERT(ByCache(cache, topic) == ByWalk(trie, topic));  // the last one again
        }
      }
    }
  }));
}

// Topics that share a slot must not get each other's answer.
TEST_F(MatchCacheTest, ManyTopicsHaveTheirOwnAnswers) {
  constexpr std::uint32_t kTopics = 5000;
  for (std::uint32_t i = 0; i < kTopics; ++i) trie_.Subscribe("t/" + std::to_string(i), By(i));
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < kTopics; ++i) {
      const std::string topic = "t/" + std::to_string(i);
      for (int times = 0; times < 3; ++times)
        ASSERT_THAT(ByCache(cache_, topic), ElementsAreArray(ByWalk(trie_, topic)));
    }
  }
}

// The slot of the last answer is another topic's when that topic comes again.
TEST_F(MatchCacheTest, TheLastAnswerIsGoneWithItsSlot) {
  constexpr std::uint32_t kTopics = 5000;  // more than there are slots
  for (std::uint32_t i = 0; i < kTopics; ++i) trie_.Subscribe("t/" + std::to_string(i), By(i));
  for (int i = 0; i < 3; ++i) cache_.Match("t/0");
  for (std::uint32_t i = 1; i < kTopics; ++i) {
    const std::string topic = "t/" + std::to_string(i);
    cache_.Match(topic);
    cache_.Match(topic);  // takes a slot, that of t/0 in the end, and is no last answer
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(ByCache(cache_, "t/0"), ElementsAreArray(ByWalk(trie_, "t/0")));
  trie_.Subscribe("#", By(kTopics));
  EXPECT_THAT(ByCache(cache_, "t/0"), ElementsAreArray(ByWalk(trie_, "t/0")));
}

TEST_F(MatchCacheTest, KeepsATopicThatComesTwiceAndNoOther) {
  trie_.Subscribe("a", By(1));
  const std::size_t before = cache_.bytes();
  cache_.Match("a");
  EXPECT_EQ(cache_.bytes(), before);
  cache_.Match("a");
  const std::size_t kept = cache_.bytes();
  EXPECT_GT(kept, before);
  // What a walk finds stands in one place, what is kept in another.
  const auto* const walked = cache_.Match("comes/once").entries.data();
  EXPECT_NE(cache_.Match("a").entries.data(), walked);
}

TEST_F(MatchCacheTest, DoesNotKeepWhatIsLarge) {
  const std::string topic(2000, 'x');
  const std::size_t before = cache_.bytes();
  for (int i = 0; i < 3; ++i) cache_.Match(topic);
  EXPECT_EQ(cache_.bytes(), before);
}

// A walk that is cut off has to be counted each time.
TEST_F(MatchCacheTest, TellsOfAWalkThatWasCutOffEachTime) {
  trie_.Subscribe("a/+/c", By(1));
  trie_.Subscribe("+/b/c", By(2));
  MatchCache cache(trie_, 3);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(cache.Match("a/b/c").whole);
}

}  // namespace
}  // namespace tandem::broker
