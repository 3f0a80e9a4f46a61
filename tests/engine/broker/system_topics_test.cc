#include "engine/broker/system_topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace tandem::broker {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr MonoNs kMinute = 60 * kNanosecondsPerSecond;

class SystemTopicsTest : public ::testing::Test {
 protected:
  // What changed, without "$SYS/broker/".
  std::map<std::string, std::string> Update() {
    std::map<std::string, std::string> changed;
    for (const SystemTopic& topic : topics_.Update(view_)) {
      EXPECT_TRUE(topic.topic.starts_with("$SYS/broker/")) << topic.topic;
      changed[topic.topic.substr(12)] = topic.value;
    }
    return changed;
  }

  SystemTopics topics_;
  SystemView view_{.version = "1.2", .here = {}, .there = {}, .states = {}};
};

TEST(SystemTopic, IsBelowSys) {
  EXPECT_TRUE(IsSystemTopic("$SYS"));
  EXPECT_TRUE(IsSystemTopic("$SYS/broker"));
  for (const char* topic : {"$SYSTEM", "$sys/x", "SYS/x", "a/$SYS", "$", ""})
    EXPECT_FALSE(IsSystemTopic(topic)) << topic;
}

TEST_F(SystemTopicsTest, AddsUpBothNodes) {
  view_.here[Figure::kClientsConnected] = 3;
  view_.here[Figure::kSessions] = 5;
  view_.here[Figure::kPacketsReceived] = 100;
  view_.here[Figure::kUptimeS] = 30;
  view_.there.emplace();
  (*view_.there)[Figure::kClientsConnected] = 4;
  (*view_.there)[Figure::kSessions] = 10;
  (*view_.there)[Figure::kPacketsReceived] = 1;
  (*view_.there)[Figure::kUptimeS] = 70;
  auto values = Update();
  EXPECT_EQ(values["clients/connected"], "7");
  EXPECT_EQ(values["clients/total"], "15");
  EXPECT_EQ(values["clients/disconnected"], "8");
  EXPECT_EQ(values["messages/received"], "101");
  EXPECT_EQ(values["uptime"], "70 seconds") << "of the node that runs longer";
  EXPECT_EQ(values["version"], "tandem version 1.2");
}

TEST_F(SystemTopicsTest, CountsRetainedMessagesOnce) {
  view_.here[Figure::kRetainedMessages] = 6;
  view_.here[Figure::kQueuedMessages] = 10;
  view_.there.emplace();
  (*view_.there)[Figure::kRetainedMessages] = 6;
  (*view_.there)[Figure::kQueuedMessages] = 20;
  auto values = Update();
  EXPECT_EQ(values["retained messages/count"], "6");
  EXPECT_EQ(values["store/messages/count"], "36");
}

TEST_F(SystemTopicsTest, TellsOnlyWhatHasChanged) {
  Update();
  EXPECT_THAT(Update(), IsEmpty());
  view_.here[Figure::kSubscriptions] = 9;
  EXPECT_THAT(Update(), UnorderedElementsAre(Pair("subscriptions/count", "9")));
}

TEST_F(SystemTopicsTest, TellsTheStateOfEachNode) {
  view_.states = {{"alpha", "serving"}, {"beta", "away"}};
  auto values = Update();
  EXPECT_EQ(values["cluster/alpha/state"], "serving");
  EXPECT_EQ(values["cluster/beta/state"], "away");
  view_.states[1].second = "catching_up";
  EXPECT_THAT(Update(), UnorderedElementsAre(Pair("cluster/beta/state", "catching_up")));
}

TEST_F(SystemTopicsTest, RemembersTheMostClientsThatEitherNodeHasSeen) {
  view_.here[Figure::kClientsConnected] = 8;
  EXPECT_EQ(Update()["clients/maximum"], "8");
  view_.here[Figure::kClientsConnected] = 1;
  EXPECT_EQ(Update().count("clients/maximum"), 0u);
  view_.there.emplace();
  (*view_.there)[Figure::kClientsMaximum] = 12;
  EXPECT_EQ(Update()["clients/maximum"], "12");
  Figures told;
  topics_.AddMaxima(told);
  EXPECT_EQ(told[Figure::kClientsMaximum], 12);
}

TEST_F(SystemTopicsTest, RemembersTheMostMemoryOfBothNodes) {
  view_.here[Figure::kMemoryBytes] = 1000;
  view_.there.emplace();
  (*view_.there)[Figure::kMemoryBytes] = 500;
  auto values = Update();
  EXPECT_EQ(values["heap/current"], "1500");
  EXPECT_EQ(values["heap/maximum"], "1500");
  view_.here[Figure::kMemoryBytes] = 100;
  EXPECT_THAT(Update(), UnorderedElementsAre(Pair("heap/current", "600")));
  (*view_.there)[Figure::kMemoryMaximum] = 2000;
  EXPECT_THAT(Update(), UnorderedElementsAre(Pair("heap/maximum", "2000")));
}

TEST_F(SystemTopicsTest, AveragesLoadPerMinute) {
  Update();
  for (int minute = 1; minute <= 60; ++minute) {
    view_.now = minute * kMinute;
    view_.here[Figure::kPublishReceived] = minute * 600;
    Update();
  }
  view_.now = 61 * kMinute;
  view_.here[Figure::kPublishReceived] += 0;
  auto values = Update();
  // A minute of silence: each mean has come down by its own share.
  EXPECT_NEAR(std::stod(values["load/publish/received/1min"]), 600 * 0.368, 1);
  EXPECT_NEAR(std::stod(values["load/publish/received/5min"]), 600 * 0.819, 1);
  EXPECT_NEAR(std::stod(values["load/publish/received/15min"]), 600 * 0.982 * 0.9355, 1);
}

TEST_F(SystemTopicsTest, MakesNoLoadOfAPartnerThatAppearsOrStartsAnew) {
  Update();
  view_.now = kMinute;
  view_.there.emplace();
  (*view_.there)[Figure::kBytesSent] = 1'000'000;
  EXPECT_EQ(Update().count("load/bytes/sent/1min"), 0u);
  view_.now = 2 * kMinute;
  (*view_.there)[Figure::kBytesSent] = 10;
  EXPECT_EQ(Update().count("load/bytes/sent/1min"), 0u);
  view_.now = 3 * kMinute;
  (*view_.there)[Figure::kBytesSent] = 100;
  EXPECT_EQ(Update().count("load/bytes/sent/1min"), 1u);
}

}  // namespace
}  // namespace tandem::broker
