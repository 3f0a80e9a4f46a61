#include "proto/mqtt/topic.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/base/limits.h"

namespace tandem::mqtt {
namespace {

std::string Deep(std::size_t levels) {
  std::string topic = "l";
  for (std::size_t i = 1; i < levels; ++i) topic += "/l";
  return topic;
}

TEST(TopicName, MayHoldAnythingButWildcards_MQTT_4_7_0_1) {
  for (const char* topic : {"a", "/", "a/b", "/a", "a/", "a//b", "Accounts payable", "$SYS/x",
                            "$share", "$share/g/x"}) {
    EXPECT_TRUE(IsValidTopicName(topic)) << topic;
  }
  for (const char* topic : {"+", "#", "a/+", "a/#", "a+b", "a#",
                            "long/enough/to/fill/a/block/of/16/+", "0123456789abcde+"}) {
    EXPECT_FALSE(IsValidTopicName(topic)) << topic;
  }
}

TEST(TopicName, HasAtLeastOneCharacter_MQTT_4_7_3_1) { EXPECT_FALSE(IsValidTopicName("")); }

TEST(TopicName, HasAtMost65535Bytes_MQTT_4_7_3_3) {
  EXPECT_TRUE(IsValidTopicName(std::string(65'535, 'a')));
  EXPECT_FALSE(IsValidTopicName(std::string(65'536, 'a')));
}

TEST(TopicName, HasABoundedDepth) {
  EXPECT_TRUE(IsValidTopicName(Deep(kTopicLevelsMax)));
  EXPECT_FALSE(IsValidTopicName(Deep(kTopicLevelsMax + 1)));
  EXPECT_TRUE(IsValidTopicFilter(Deep(kTopicLevelsMax - 1) + "/#"));
  EXPECT_FALSE(IsValidTopicFilter(Deep(kTopicLevelsMax) + "/#"));
}

TEST(TopicFilter, HasTheMultiLevelWildcardAloneAndLast_MQTT_4_7_1_1) {
  for (const char* filter : {"#", "a/#", "/#", "a/b/#", "sport/tennis/player1/#"}) {
    EXPECT_TRUE(IsValidTopicFilter(filter)) << filter;
  }
  for (const char* filter :
       {"a#", "a/b#", "#/a", "a/#/b", "##", "#+", "a/#b", "sport/tennis#", "#/"}) {
    EXPECT_FALSE(IsValidTopicFilter(filter)) << filter;
  }
}

TEST(TopicFilter, HasTheSingleLevelWildcardAsAWholeLevel_MQTT_4_7_1_2) {
  for (const char* filter : {"+", "+/a", "a/+", "a/+/b", "+/+", "/+", "+/", "+/tennis/#", "+/#"}) {
    EXPECT_TRUE(IsValidTopicFilter(filter)) << filter;
  }
  for (const char* filter : {"a+", "+a", "a/b+", "a/+b/c", "++", "+#", "sport+", "a/a+/b"}) {
    EXPECT_FALSE(IsValidTopicFilter(filter)) << filter;
  }
}

TEST(TopicFilter, HasAtLeastOneCharacter_MQTT_4_7_3_1) { EXPECT_FALSE(IsValidTopicFilter("")); }

TEST(HasWildcard, FindsOneAtEveryPosition) {
  for (std::size_t size = 1; size <= 50; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char wildcard : {'+', '#'}) {
        std::string filter(size, 'a');
        EXPECT_FALSE(HasWildcard(filter));
        filter[at] = wildcard;
        EXPECT_TRUE(HasWildcard(filter)) << at << " of " << size;
      }
    }
  }
  EXPECT_FALSE(HasWildcard(""));
  // The neighbours of '#' and '+' in ASCII.
  EXPECT_FALSE(HasWildcard("\"$*,\"$*,\"$*,\"$*,\"$*,"));
}

TEST(SharedFilter, IsTakenApart) {
  const auto shared = ParseSharedFilter("$share/consumers/sport/#");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->share_name, "consumers");
  EXPECT_EQ(shared->filter, "sport/#");
  EXPECT_TRUE(IsValidSharedFilter(*shared));
}

TEST(SharedFilter, KeepsALeadingSlashOfTheFilter) {
  const auto shared = ParseSharedFilter("$share/g//x");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->filter, "/x");
  EXPECT_TRUE(IsValidSharedFilter(*shared));
}

TEST(SharedFilter, NeedsThePrefix) {
  for (const char* filter :
       {"$share", "$shared/g/x", "$SHARE/g/x", "a/$share/g/x", "", "$sharee"}) {
    EXPECT_FALSE(ParseSharedFilter(filter)) << filter;
  }
}

TEST(SharedFilter, NeedsAName_MQTT_4_8_2_1) {
  ASSERT_TRUE(ParseSharedFilter("$share//x"));
  EXPECT_FALSE(IsValidSharedFilter(*ParseSharedFilter("$share//x")));
}

TEST(SharedFilter, HasANameWithoutWildcardsAndAFilter_MQTT_4_8_2_2) {
  for (const char* filter : {"$share/", "$share/g", "$share/g/", "$share/+/x", "$share/g#/x",
                             "$share/g+/x", "$share/g/a#"}) {
    const auto shared = ParseSharedFilter(filter);
    ASSERT_TRUE(shared) << filter;
    EXPECT_FALSE(IsValidSharedFilter(*shared)) << filter;
  }
  EXPECT_FALSE(IsValidSharedFilter({.share_name = "a/b", .filter = "x"}));
}

TEST(Matches, ReadsTheWildcardsAsTheSpecificationsExamplesDo) {
  const struct {
    const char* filter;
    const char* topic;
    bool matches;
  } kExamples[] = {
      // 4.7.1.2
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/tennis/player1/#", "sport/tennis/player10", false},
      {"sport/#", "sport", true},
      {"#", "any/thing", true},
      {"#", "/", true},
      // 4.7.1.3
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "/finance", false},
      {"+", "finance", true},
      // 4.7.3
      {"ACCOUNTS", "Accounts", false},
      {"/finance", "finance", false},
      {"a/b", "a/b", true},
      {"a/b", "a/b/c", false},
      {"a/b/c", "a/b", false},
      {"a//b", "a//b", true},
      {"a/+/b", "a//b", true},
      {"a/b/", "a/b", false},
      {"+/a/#", "x/a", true},
      {"+/a/#", "x/b", false},
  };
  for (const auto& [filter, topic, matches] : kExamples) {
    EXPECT_EQ(Matches(filter, topic), matches) << filter << " against " << topic;
  }
}

TEST(Matches, HidesDollarTopicsFromLeadingWildcards_MQTT_4_7_2_1) {
  EXPECT_FALSE(Matches("#", "$SYS/x"));
  EXPECT_FALSE(Matches("+/x", "$SYS/x"));
  EXPECT_FALSE(Matches("+", "$SYS"));
  EXPECT_TRUE(Matches("$SYS/#", "$SYS/x"));
  EXPECT_TRUE(Matches("$SYS/+", "$SYS/x"));
  EXPECT_TRUE(Matches("a/#", "a/$SYS"));
}

// 4.7.3: no normalization [MQTT-4.7.3-4].
TEST(Matches, ComparesBytes_MQTT_4_7_3_4) { EXPECT_FALSE(Matches("caf\xC3\xA9", "cafe\xCC\x81")); }

TEST(Levels, AreSeparatedBySlashesAndMayBeEmpty) {
  const auto split = [](std::string_view text) {
    std::vector<std::string> levels;
    Levels walk(text);
    for (std::string_view level; walk.Next(level);) levels.emplace_back(level);
    return levels;
  };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(split("a//b"), (Strings{"a", "", "b"}));
  EXPECT_EQ(split("/"), (Strings{"", ""}));
  EXPECT_EQ(split(""), (Strings{""}));
  EXPECT_EQ(split("a/"), (Strings{"a", ""}));
}

}  // namespace
}  // namespace tandem::mqtt
