#include "tools/tandem-demo/routes.h"

#include <gtest/gtest.h>

namespace tandem::demo {
namespace {

TEST(PublisherId, IsReadBackAsItWasWritten) {
  EXPECT_EQ(PublisherId({17, 2}), "demo-publisher-17.2");
  EXPECT_EQ(ParsePublisherId("demo-publisher-17.2"), (Attempt{17, 2}));
}

TEST(PublisherId, OthersAreNoPublishers) {
  for (const char* const id :
       {"", "demo-subscriber", "demo-publisher-", "demo-publisher-1", "demo-publisher-1.",
        "demo-publisher-x.1", "demo-publisher-1.1x", "demo-publisher-0.1", "demo-publisher-1.0",
        "demo-publisher-99999999999999999999.1", "demo-publisher-4000000000.1"})
    EXPECT_FALSE(ParsePublisherId(id).has_value()) << id;
}

TEST(Routes, CountsMessagesByTheNodeTheyEntered) {
  Routes routes;
  routes.Connected(0, {1, 1});
  routes.Connected(1, {2, 1});
  routes.Connected(0, {3, 1});
  EXPECT_EQ(routes.count(0), 2u);
  EXPECT_EQ(routes.count(1), 1u);
  EXPECT_EQ(routes.node(2), NodeIndex{1});
}

TEST(Routes, TheLastAttemptDecidesInWhateverOrderTheLogsAreRead) {
  Routes routes;
  routes.Connected(1, {1, 2});
  routes.Connected(0, {1, 1});
  EXPECT_EQ(routes.node(1), NodeIndex{1});
  routes.Connected(0, {1, 3});
  EXPECT_EQ(routes.node(1), NodeIndex{0});
  EXPECT_EQ(routes.count(0), 1u);
  EXPECT_EQ(routes.count(1), 0u);
}

TEST(Routes, DoesNotGuessWhatNoLogSaid) {
  Routes routes;
  routes.Connected(0, {3, 1});
  EXPECT_EQ(routes.last(), 3u);
  EXPECT_FALSE(routes.node(0).has_value());
  EXPECT_FALSE(routes.node(2).has_value());
  EXPECT_FALSE(routes.node(4).has_value());
}

}  // namespace
}  // namespace tandem::demo
