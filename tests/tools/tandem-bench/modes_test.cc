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

// What a subscriber expects must be what its filter matches, or every run would report loss.
TEST(Modes, SubscribersExpectExactlyThePublishersTheirFilterMatches) {
  for (const Mode& mode : Modes()) {
    const LoadPlan plan = Plan(With(std::string(mode.name), 5));
    std::vector<std::uint32_t> copies(plan.publishers);
    for (const ClientPlan& subscriber : plan.clients) {
      if (!subscriber.subscriber) continue;
      const SubscriberPlan& wanted = *subscriber.subscriber;
      for (const ClientPlan& publisher : plan.clients) {
        if (!publisher.publisher) continue;
        const std::uint32_t number = publisher.publisher->number;
        const bool expected =
            number >= wanted.first_publisher && number - wanted.first_publisher < wanted.publishers;
        EXPECT_EQ(mqtt::Matches(wanted.filter, publisher.publisher->topic), expected) << mode.name;
        if (expected) ++copies[number];
      }
    }
    for (const std::uint32_t count : copies) EXPECT_EQ(count, plan.copies) << mode.name;
  }
}

TEST(Modes, HaveAsManyClientsAsAskedForAndNoIdTwice) {
  const auto size = [](const char* mode) { return Plan(With(mode, 4)).clients.size(); };
  EXPECT_EQ(size("pair"), 8u);
  EXPECT_EQ(size("fan-out"), 5u);
  EXPECT_EQ(size("fan-in"), 5u);
  EXPECT_EQ(size("conn"), 4u);
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
