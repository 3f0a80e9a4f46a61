#include "tools/tandem-bench/modes.h"

#include <gtest/gtest.h>

#include <set>

#include "proto/mqtt/topic.h"

namespace tandem::bench {
namespace {

Options With(std::string mode, std::uint32_t count) {
  Options options;
  options.mode = std::move(mode);
  options.count = count;
  return options;
}

LoadPlan Plan(const Options& options) { return FindMode(options.mode)->plan(options); }

TEST(Modes, AreFoundByName) {
  EXPECT_EQ(FindMode("fan-out")->name, "fan-out");
  EXPECT_EQ(FindMode(""), nullptr);
  EXPECT_EQ(FindMode("fan"), nullptr);
  for (const Mode& mode : Modes()) {
    EXPECT_NE(DescribeModes().find(mode.name), std::string::npos);
  }
}

// Whether `subscriber` gets what is published to `topic`, of a group as the only member.
bool Gets(const SubscriberPlan& subscriber, const std::string& topic) {
  const auto shared = mqtt::ParseSharedFilter(subscriber.filter);
  return mqtt::Matches(shared ? shared->filter : subscriber.filter, topic);
}

// What a subscriber expects must be what its filter matches, or every run would report loss.
TEST(Modes, SubscribersExpectExactlyThePublishersTheirFilterMatches) {
  for (const Mode& mode : Modes()) {
    Options options = With(std::string(mode.name), 5);
    options.members = 1;
    const LoadPlan plan = Plan(options);
    std::vector<std::uint32_t> copies(plan.publishers);
    for (const ClientPlan& subscriber : plan.clients) {
      if (!subscriber.subscriber) continue;
      const SubscriberPlan& wanted = *subscriber.subscriber;
      for (const ClientPlan& publisher : plan.clients) {
        if (!publisher.publisher) continue;
        const std::uint32_t number = publisher.publisher->number;
        const bool expected =
            number >= wanted.first_publisher && number - wanted.first_publisher < wanted.publishers;
        EXPECT_EQ(Gets(wanted, publisher.publisher->topic), expected) << mode.name;
        if (expected) ++copies[number];
        for (const std::string& idle : wanted.idle_filters) {
          EXPECT_FALSE(mqtt::Matches(idle, publisher.publisher->topic)) << idle;
        }
      }
    }
    for (const std::uint32_t count : copies) EXPECT_EQ(count, plan.copies) << mode.name;
  }
}

TEST(Modes, WildcardHasAsManyFiltersAsAskedForAllDifferent) {
  Options options = With("wildcard", 3);
  options.filters = 1'000;
  std::set<std::string> filters;
  for (const ClientPlan& client : Plan(options).clients) {
    if (!client.subscriber) continue;
    EXPECT_TRUE(mqtt::HasWildcard(client.subscriber->filter));
    filters.insert(client.subscriber->filter);
    for (const std::string& idle : client.subscriber->idle_filters) {
      EXPECT_TRUE(mqtt::IsValidTopicFilter(idle)) << idle;
      filters.insert(idle);
    }
  }
  EXPECT_EQ(filters.size(), 1'000u);
}

TEST(Modes, TopicsOfPubAndSubAreNumbered) {
  EXPECT_EQ(NumberedTopic("a/%i/b%i", 7), "a/7/b7");
  Options options = With("pub", 2);
  options.topic = "x/%i";
  EXPECT_EQ(Plan(options).clients[1].publisher->topic, "x/1");
  options.mode = "sub";
  EXPECT_EQ(Plan(options).clients[1].subscriber->filter, "x/1");
}

TEST(Modes, HaveAsManyClientsAsAskedForAndNoIdTwice) {
  const auto size = [](const char* mode) { return Plan(With(mode, 4)).clients.size(); };
  EXPECT_EQ(size("pair"), 8u);
  EXPECT_EQ(size("fan-out"), 5u);
  EXPECT_EQ(size("fan-in"), 5u);
  EXPECT_EQ(size("conn"), 4u);
  EXPECT_EQ(size("reconnect"), 4u);
  EXPECT_EQ(size("pub"), 4u);
  EXPECT_EQ(size("sub"), 4u);
  EXPECT_EQ(size("shared"), 14u);
  EXPECT_EQ(size("wildcard"), 4u * 23u);
  std::set<std::string> ids;
  for (const ClientPlan& client : Plan(With("pair", 4)).clients) ids.insert(client.client_id);
  EXPECT_EQ(ids.size(), 8u);
}

TEST(Modes, PublishersUseTheFirstHostAndSubscribersTheLast) {
  Options options = With("pair", 3);
  options.hosts.resize(2);
  for (const ClientPlan& client : Plan(options).clients) {
    EXPECT_EQ(client.host, client.subscriber ? 1u : 0u);
  }
  options.round_robin = true;
  const LoadPlan plan = Plan(options);
  for (std::size_t i = 0; i < plan.clients.size(); ++i) EXPECT_EQ(plan.clients[i].host, i % 2);
}

}  // namespace
}  // namespace tandem::bench
