#include "engine/broker/commit_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class Held>
std::vector<Held> Released(CommitGate<Held>& gate) {
  std::vector<Held> released;
  gate.Release([&](Held&& held) { released.push_back(std::move(held)); });
  return released;
}

TEST(CommitGate, LetsThroughWhatWaitsForNothing) {
  CommitGate<int> gate;
  EXPECT_TRUE(gate.IsReached({}));
  EXPECT_FALSE(gate.IsReached({.peer = 1}));
  EXPECT_FALSE(gate.IsReached({.cores = 1}));
}

TEST(CommitGate, HoldsUntilBothTheOtherNodeAndTheOtherCoresAreThere) {
  CommitGate<std::string> gate;
  gate.Hold({.peer = 2, .cores = 3}, "a");
  gate.PeerReached(2);
  EXPECT_THAT(Released(gate), IsEmpty());
  gate.CoresReached(3);
  EXPECT_THAT(Released(gate), ElementsAre("a"));
  EXPECT_EQ(gate.held(), 0u);
}

TEST(CommitGate, ReleasesInTheOrderOfHolding) {
  CommitGate<std::string> gate;
  gate.Hold({.peer = 5}, "a");
  gate.Hold({.peer = 1}, "b");
  gate.Hold({.peer = 6}, "c");
  gate.PeerReached(1);
  EXPECT_THAT(Released(gate), IsEmpty()) << "b does not overtake a";
  gate.PeerReached(5);
  EXPECT_THAT(Released(gate), ElementsAre("a", "b"));
  EXPECT_EQ(gate.held(), 1u);
}

TEST(CommitGate, NeverGoesBack) {
  CommitGate<int> gate;
  gate.PeerReached(5);
  gate.PeerReached(3);
  gate.CoresReached(5);
  gate.CoresReached(3);
  EXPECT_TRUE(gate.IsReached({.peer = 5, .cores = 5}));
}

TEST(CommitGate, ForgetsTheOtherNodeButNotTheOtherCores) {
  CommitGate<std::string> gate;
  gate.PeerReached(7);
  gate.Hold({.peer = 9}, "peer");
  gate.Hold({.peer = 9, .cores = 1}, "both");
  gate.ForgetPeer();
  EXPECT_THAT(Released(gate), ElementsAre("peer"));
  EXPECT_FALSE(gate.IsReached({.peer = 1})) << "numbers begin again";
  gate.CoresReached(1);
  EXPECT_THAT(Released(gate), ElementsAre("both"));
}

TEST(CommitGate, MayBeGivenMoreWhileItReleases) {
  CommitGate<int> gate;
  gate.Hold({.peer = 1}, 1);
  gate.PeerReached(1);
  std::vector<int> released;
  gate.Release([&](int&& held) {
    released.push_back(held);
    if (held < 100) gate.Hold({.peer = 1}, held + 1);
  });
  EXPECT_EQ(released.size(), 100u);
}

}  // namespace
}  // namespace tandem::broker
