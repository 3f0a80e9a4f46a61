#include "engine/broker/shared_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <thread>

#include "engine/broker/subscription_trie.h"

namespace tandem::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr CoreId kSelf{2};
constexpr Place kHere{Side::kThisNode, kSelf};
constexpr Place kNextCore{Side::kThisNode, CoreId{3}};
constexpr Place kPeer{Side::kPeerNode, CoreId{2}};

// One group, "$share/g/work", changed through the trie that owns it.
class SharedGroupTest : public ::testing::Test {
 protected:
  void Join(std::uint32_t subscriber, bool online = true) {
    trie_.JoinGroup("work", "g",
                    {.subscriber = SubscriberId{subscriber}, .options = {}, .identifier = 0},
                    online);
  }
  void Leave(std::uint32_t subscriber) { trie_.LeaveGroup("work", "g", SubscriberId{subscriber}); }
  void SetOnline(std::uint32_t subscriber, bool online) {
    trie_.SetMemberOnline("work", "g", SubscriberId{subscriber}, online);
  }
  void SetCounts(Place place, MemberCounts counts) {
    trie_.SetGroupCounts("work", "g", place, counts);
  }
  SharedGroup& group() { return *trie_.Find("work")->FindGroup("g"); }

  std::map<std::uint32_t, int> ChooseMembers(int times) {
    std::map<std::uint32_t, int> chosen;
    for (int i = 0; i < times; ++i) {
      ++chosen[static_cast<std::uint32_t>(group().ChooseMember()->subscription.subscriber)];
    }
    return chosen;
  }
  std::map<Place, int> ChoosePlaces(int times, Preference preference = Preference::kFair) {
    std::map<Place, int> chosen;
    for (int i = 0; i < times; ++i) ++chosen[group().ChoosePlace(preference).value()];
    return chosen;
  }

  SubscriptionTrie trie_{kSelf};
};

TEST_F(SharedGroupTest, MembersTakeTurns) {
  for (const std::uint32_t id : {1, 2, 3}) Join(id);
  EXPECT_THAT(ChooseMembers(30), ElementsAre(Pair(1, 10), Pair(2, 10), Pair(3, 10)));
  std::set<SubscriberId> three;
  for (int i = 0; i < 3; ++i) three.insert(group().ChooseMember()->subscription.subscriber);
  EXPECT_THAT(three, SizeIs(3)) << "one round gives each member one message";
}

TEST_F(SharedGroupTest, MembersAwayAreChosenOnlyWhenNobodyIsOnline) {
  Join(1);
  Join(2, false);
  Join(3, false);
  EXPECT_THAT(ChooseMembers(10), ElementsAre(Pair(1, 10)));
  SetOnline(1, false);
  EXPECT_THAT(ChooseMembers(9), ElementsAre(Pair(1, 3), Pair(2, 3), Pair(3, 3)));
  SetOnline(3, true);
  EXPECT_THAT(ChooseMembers(10), ElementsAre(Pair(3, 10)));
}

TEST_F(SharedGroupTest, ExcludedMemberIsPassedOver) {
  Join(1);
  EXPECT_EQ(group().ChooseMember(SubscriberId{1}), nullptr);
  Join(2);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(group().ChooseMember(SubscriberId{1})->subscription.subscriber, SubscriberId{2});
  }
  SetOnline(2, false);
  EXPECT_EQ(group().ChooseMember(SubscriberId{1})->subscription.subscriber, SubscriberId{2})
      << "away is better than none";
}

TEST_F(SharedGroupTest, TurnsGoOnWhileMembersComeAndGo) {
  for (std::uint32_t id = 0; id < 200; ++id) Join(id, id % 2 == 0);
  for (std::uint32_t id = 0; id < 197; ++id) {
    Leave(id);
    const GroupMember* member = group().ChooseMember();
    ASSERT_NE(member, nullptr);
    ASSERT_TRUE(member->online);
    ASSERT_GT(static_cast<std::uint32_t>(member->subscription.subscriber), id);
  }
  EXPECT_EQ(group().local(), (MemberCounts{.online = 1, .total = 3}));
  EXPECT_THAT(ChooseMembers(5), ElementsAre(Pair(198, 5)));
}

TEST_F(SharedGroupTest, PlacesTakeTurnsInProportionToTheirMembersOnline) {
  Join(1);
  Join(2);
  Join(3, false);
  SetCounts(kNextCore, {.online = 3, .total = 7});
  SetCounts(kPeer, {.online = 5, .total = 5});
  EXPECT_THAT(ChoosePlaces(100),
              ElementsAre(Pair(kHere, 20), Pair(kNextCore, 30), Pair(kPeer, 50)));
}

TEST_F(SharedGroupTest, PlacesAreInterleavedRatherThanServedInBursts) {
  Join(1);
  SetCounts(kPeer, {.online = 1, .total = 1});
  const auto first = group().ChoosePlace();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(group().ChoosePlace() == first, i % 2 == 1);
}

TEST_F(SharedGroupTest, PlacesWithMembersAwayServeOnlyWhenNobodyIsOnlineAnywhere) {
  Join(1, false);
  SetCounts(kNextCore, {.online = 0, .total = 3});
  SetCounts(kPeer, {.online = 1, .total = 1});
  EXPECT_THAT(ChoosePlaces(8), ElementsAre(Pair(kPeer, 8)));
  SetCounts(kPeer, {});
  EXPECT_THAT(ChoosePlaces(8), ElementsAre(Pair(kHere, 2), Pair(kNextCore, 6)));
}

TEST_F(SharedGroupTest, NearestPlaceGoesFirstWhenPreferred) {
  Join(1);
  SetCounts(kNextCore, {.online = 9, .total = 9});
  SetCounts(kPeer, {.online = 9, .total = 9});
  EXPECT_THAT(ChoosePlaces(5, Preference::kNearest), ElementsAre(Pair(kHere, 5)));
  SetOnline(1, false);
  EXPECT_THAT(ChoosePlaces(5, Preference::kNearest), ElementsAre(Pair(kNextCore, 5)));
  SetCounts(kNextCore, {.online = 0, .total = 9});
  EXPECT_THAT(ChoosePlaces(5, Preference::kNearest), ElementsAre(Pair(kPeer, 5)))
      << "online far before away near";
  trie_.ClearPeer();
  EXPECT_THAT(ChoosePlaces(5, Preference::kNearest), ElementsAre(Pair(kHere, 5)));
}

TEST_F(SharedGroupTest, ExcludedPlaceIsPassedOver) {
  Join(1);
  const PlaceSet here{.cores = std::uint64_t{1} << Index(kSelf)};
  EXPECT_EQ(group().ChoosePlace(Preference::kFair, here), std::nullopt);
  SetCounts(kPeer, {.online = 0, .total = 1});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(group().ChoosePlace(Preference::kFair, here), kPeer);
  const PlaceSet both{.cores = here.cores, .peer = true};
  EXPECT_EQ(group().ChoosePlace(Preference::kFair, both), std::nullopt);
}

TEST_F(SharedGroupTest, MembersThatDoNotFitArePassedOver) {
  for (std::uint32_t n : {1, 2, 3}) Join(n);
  SetOnline(3, false);  // asked last
  const auto choose = [&](std::uint32_t fitting) {
    const GroupMember* const member = group().ChooseMemberThat([&](const GroupMember& candidate) {
      return static_cast<std::uint32_t>(candidate.subscription.subscriber) == fitting;
    });
    return member == nullptr ? 0 : static_cast<std::uint32_t>(member->subscription.subscriber);
  };
  for (std::uint32_t n : {1, 2, 3, 1}) EXPECT_EQ(choose(n), n);
  EXPECT_EQ(choose(9), 0u);
}

// A crowd that leaves must not leave a debt behind that silences the others for long.
TEST_F(SharedGroupTest, SharesAreFairSoonAfterTheCountsChange) {
  Join(1);
  SetCounts(kPeer, {.online = 100'000, .total = 100'000});
  SetCounts(kNextCore, {.online = 100'000, .total = 100'000});
  ChoosePlaces(12'345);
  SetCounts(kPeer, {.online = 1, .total = 1});
  SetCounts(kNextCore, {.online = 1, .total = 1});
  ChoosePlaces(6);
  EXPECT_THAT(ChoosePlaces(30), ElementsAre(Pair(kHere, 10), Pair(kNextCore, 10), Pair(kPeer, 10)));
}

TEST_F(SharedGroupTest, KeyOutlivesTheGroupAndMayDieOnAnotherThread) {
  Join(1);
  IntrusivePtr<SharedKey> key = group().key();
  EXPECT_EQ(trie_.FindGroup(*key), &group());
  Leave(1);
  EXPECT_EQ(trie_.FindGroup(*key), nullptr);
  std::thread([held = std::move(key)] {
    EXPECT_EQ(held->filter(), "work");
    EXPECT_EQ(held->share_name(), "g");
  }).join();
}

TEST_F(SharedGroupTest, CopiesGetNothingButConcernTheirNode) {
  Join(1);
  EXPECT_FALSE(group().ConcernsPeer());
  SetCounts(kPeer, {.copies = 1});
  EXPECT_TRUE(group().ConcernsPeer());
  EXPECT_THAT(ChoosePlaces(10), ElementsAre(Pair(kHere, 10)));
  SetCounts(kPeer, {});
  EXPECT_FALSE(group().ConcernsPeer());
}

TEST_F(SharedGroupTest, LastsAsLongAsItHasACopy) {
  const auto added = trie_.AddGroupCopy("work", "g");
  EXPECT_TRUE(added.counts_changed);
  EXPECT_EQ(added.local, (MemberCounts{.copies = 1}));
  EXPECT_EQ(group().ChoosePlace(), std::nullopt);
  Join(1);
  EXPECT_EQ(group().local(), (MemberCounts{.online = 1, .total = 1, .copies = 1}));
  Leave(1);
  EXPECT_EQ(trie_.groups(), 1u);
  EXPECT_TRUE(trie_.RemoveGroupCopy("work", "g").counts_changed);
  EXPECT_EQ(trie_.groups(), 0u);
  EXPECT_FALSE(trie_.RemoveGroupCopy("work", "g").counts_changed) << "there is none";
}

}  // namespace
}  // namespace tandem::broker
