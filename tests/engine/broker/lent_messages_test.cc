#include "engine/broker/lent_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::broker {
namespace {

using mqtt::QoS;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const SharedTarget kFirst{.filter = "t", .share_name = "first"};
const SharedTarget kSecond{.filter = "t", .share_name = "second"};

RoutedMessage Numbered(std::uint64_t number, QoS qos = QoS::kAtLeastOnce) {
  return RoutedMessage(Message::Create(
      {.topic = "t", .payload = AsBytes("12345"), .qos = qos, .id = {.number = number}}));
}

void Lend(LentMessages& lent, std::uint64_t number, const std::vector<SharedTarget>& groups,
          QoS qos = QoS::kAtLeastOnce) {
  RoutedMessage message = Numbered(number, qos);
  lent.Lend(message, groups);
}

TEST(LentMessages, GivesBackInTheOrderOfTheirIdentities) {
  LentMessages lent;
  Lend(lent, 2, {kSecond});
  Lend(lent, 1, {kFirst});
  const auto all = lent.TakeAll();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].message->id().number, 1u);
  EXPECT_EQ(all[0].groups, std::vector{kFirst});
  EXPECT_EQ(all[1].message->id().number, 2u);
  EXPECT_EQ(lent.size(), 0u);
  EXPECT_EQ(lent.bytes(), 0u);
}

TEST(LentMessages, KeepsAMessageUntilEveryGroupOfItIsDone) {
  LentMessages lent;
  Lend(lent, 1, {kFirst, kSecond});
  EXPECT_EQ(lent.bytes(), 6u) << "topic and payload, once";
  lent.Return({.number = 1}, kFirst);
  EXPECT_EQ(lent.size(), 1u);
  lent.Return({.number = 1}, kSecond);
  EXPECT_EQ(lent.size(), 0u);
  EXPECT_EQ(lent.bytes(), 0u);
  EXPECT_THAT(lent.TakeAll(), IsEmpty());
}

TEST(LentMessages, KnowsWhichGroupIsDone) {
  LentMessages lent;
  Lend(lent, 1, {kFirst, kSecond});
  lent.Return({.number = 1}, kFirst);
  const auto all = lent.TakeAll();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].groups, std::vector{kSecond});
}

TEST(LentMessages, LetsAnOlderNodeNotSayWhichGroupIsDone) {
  LentMessages lent;
  Lend(lent, 1, {kFirst, kSecond});
  lent.Return({.number = 1}, {});
  EXPECT_EQ(lent.size(), 1u);
  lent.Return({.number = 1}, {});
  EXPECT_EQ(lent.size(), 0u);
}

// A member gives the message back, and the next one's place comes before either spare does: each
// place gets one, also that of the first, which may be gone by then.
TEST(LentMessages, KeepsASpareForEachPlaceThatWaits) {
  for (const bool first_asks_first : {true, false}) {
    LentMessages lent;
    const MessagePtr message = Numbered(1).Share();
    const char* const names[] = {"first", "next"};
    EXPECT_FALSE(lent.TakeFor({.number = 1}, kFirst, {.client_id = names[!first_asks_first]}));
    EXPECT_FALSE(lent.TakeFor({.number = 1}, kFirst, {.client_id = names[first_asks_first]}));
    std::set<std::string> given;
    for (int spare = 0; spare < 2; ++spare) {
      const auto place = lent.Keep(message, kFirst);
      ASSERT_TRUE(place);
      given.insert(place->client_id);
    }
    EXPECT_THAT(given, SizeIs(2));
    EXPECT_EQ(lent.size(), 0u);
  }
}

TEST(LentMessages, GivesASpareToThePlaceThatAsksForIt) {
  LentMessages lent;
  const MessagePtr message = Numbered(1).Share();
  EXPECT_FALSE(lent.Keep(message, kFirst));
  EXPECT_EQ(lent.TakeFor({.number = 1}, kFirst, {.client_id = "c"}), message);
  EXPECT_EQ(lent.size(), 0u);
}

TEST(LentMessages, GivesASpareToAPlaceThatHasAskedBefore) {
  LentMessages lent;
  EXPECT_FALSE(lent.TakeFor({.number = 1}, kFirst, {.core = CoreId{2}, .client_id = "c"}));
  const auto place = lent.Keep(Numbered(1).Share(), kFirst);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->client_id, "c");
  EXPECT_EQ(place->core, CoreId{2});
  EXPECT_EQ(lent.size(), 0u);
}

TEST(LentMessages, KeepsNoSpareOfWhatIsDoneBeforeItComes) {
  LentMessages lent;
  lent.Return({.number = 1}, kFirst);
  EXPECT_FALSE(lent.Keep(Numbered(1).Share(), kFirst));
  EXPECT_EQ(lent.size(), 0u);
  EXPECT_FALSE(lent.Keep(Numbered(1).Share(), kSecond));
  EXPECT_EQ(lent.size(), 1u) << "in the other group it is not";
}

TEST(LentMessages, AddsGroupsThatAreChosenLater) {
  LentMessages lent;
  Lend(lent, 1, {kFirst});
  Lend(lent, 1, {kSecond});
  EXPECT_EQ(lent.bytes(), 6u);
  lent.Return({.number = 1}, kFirst);
  EXPECT_EQ(lent.size(), 1u);
}

TEST(LentMessages, LendsNoQos0AndNothingWithoutAGroup) {
  LentMessages lent;
  Lend(lent, 1, {kFirst}, QoS::kAtMostOnce);
  Lend(lent, 2, {});
  EXPECT_EQ(lent.size(), 0u);
}

TEST(LentMessages, IgnoresAReturnOfWhatIsNotLent) {
  LentMessages lent;
  Lend(lent, 1, {kFirst});
  lent.Return({.number = 7}, kFirst);
  EXPECT_EQ(lent.size(), 1u);
}

}  // namespace
}  // namespace tandem::broker
