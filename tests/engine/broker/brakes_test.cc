#include "engine/broker/brakes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Place kHere{Side::kThisNode, CoreId{0}};
constexpr Place kOtherCore{Side::kThisNode, CoreId{1}};
constexpr Place kThere{Side::kPeerNode, CoreId{0}};
constexpr ConnectionId kFirst{1};
constexpr ConnectionId kSecond{2};

TEST(Brakes, ReleaseWhenTheLastCoreHasLetGo) {
  Brakes brakes;
  EXPECT_FALSE(brakes.any());
  brakes.Set(kHere, 7, true);
  brakes.Set(kHere, 7, true);
  brakes.Set(kOtherCore, 7, true);
  brakes.Set(kThere, 7, true);
  brakes.Felt(7, kFirst);
  for (const Place& place : {kHere, kThere}) brakes.Set(place, 7, false);
  EXPECT_TRUE(brakes.IsOn(7));
  EXPECT_FALSE(brakes.IsOn(8));
  EXPECT_THAT(brakes.TakeReleased(), IsEmpty());
  brakes.Set(kOtherCore, 7, false);
  EXPECT_FALSE(brakes.any());
  EXPECT_THAT(brakes.TakeReleased(), ElementsAre(kFirst));
  EXPECT_THAT(brakes.TakeReleased(), IsEmpty());
}

TEST(Brakes, KnowWhichCoresMaySetThem) {
  Brakes brakes;
  brakes.SetCongested(CoreId{0}, true);
  brakes.SetCongested(CoreId{63}, true);
  EXPECT_TRUE(brakes.IsCongested(CoreId{0}));
  EXPECT_FALSE(brakes.IsCongested(CoreId{1}));
  EXPECT_TRUE(brakes.IsCongested(CoreId{63}));
  brakes.SetCongested(CoreId{63}, false);
  EXPECT_FALSE(brakes.IsCongested(CoreId{63}));
  EXPECT_FALSE(brakes.any()) << "of publishers";
}

TEST(Brakes, OutliveTheConnectionThatFeltThem) {
  Brakes brakes;
  brakes.Set(kHere, 7, true);
  brakes.Felt(7, kFirst);
  brakes.Forget(7, kFirst);
  EXPECT_TRUE(brakes.IsOn(7));
  brakes.Felt(7, kSecond);
  brakes.Set(kHere, 7, false);
  EXPECT_THAT(brakes.TakeReleased(), ElementsAre(kSecond));
}

TEST(Brakes, OfTheOtherNodeGoWithIt) {
  Brakes brakes;
  for (const std::uint64_t publisher : {7, 8}) brakes.Set(kThere, publisher, true);
  brakes.Set(kHere, 8, true);
  brakes.Felt(7, kFirst);
  brakes.Felt(8, kSecond);
  brakes.ForgetPeer();
  EXPECT_THAT(brakes.TakeReleased(), ElementsAre(kFirst));
  EXPECT_TRUE(brakes.IsOn(8));
}

TEST(Brakes, ThatWereNeverSetAreReleasedWithoutEffect) {
  Brakes brakes;
  brakes.Set(kHere, 7, false);
  brakes.Felt(7, kFirst);
  brakes.Forget(7, kFirst);
  EXPECT_FALSE(brakes.any());
  EXPECT_THAT(brakes.TakeReleased(), IsEmpty());
}

}  // namespace
}  // namespace tandem::broker
