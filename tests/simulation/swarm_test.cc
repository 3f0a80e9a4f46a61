// Stories drawn from seeds. A failure names its seed, which brings it back.
#include "tests/simulation/swarm.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "absl/strings/str_join.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

// What may happen together, each without a broken promise (tests/simulation/README.md).
constexpr Faults kData = {.crashes = true,
                          .breaks = true,
                          .lane_breaks = true,
                          .clocks = true,
                          .slow_clients = true,
                          .churn = true,
                          .retained = true};
constexpr Faults kGroupsAndWills = {.crashes = true,
                                    .breaks = true,
                                    .lane_breaks = true,
                                    .slow_clients = true,
                                    .wills = true,
                                    .group = true};
constexpr Faults kMoves = {.crashes = true,
                           .breaks = true,
                           .moves = true,
                           .holds = true,
                           .lane_breaks = true,
                           .freezes = true,
                           .group = true,
                           .retained = true};

// Both nodes serve apart, and meet again.
constexpr Faults kPartitions = {.crashes = true,
                                .breaks = true,
                                .moves = true,
                                .holds = true,
                                .lane_breaks = true,
                                .freezes = true,
                                .partitions = true,
                                .clocks = true,
                                .slow_clients = true,
                                .churn = true,
                                .group = true,
                                .retained = true};
// Of the last, as they are without hashes: those that showed what ordinary ones do not. A claim in
// the middle of a merge; what a core routes before it begins the epoch; places that a copy never
// had the messages of (the fourth and the fifth); a packet identifier that is free on the side
// where its message was completed; a group's messages that got another place on one side, while the
// first one counted as done; what crosses before the copies there are known to all cores (two);
// repeats behind a message that is not there; a packet identifier that the client has open from the
// other side.
constexpr std::uint64_t kPartitionSeeds[] = {
    752,           292,           347,           13'856,      500'023'516, 600'026'573,
    1'300'006'135, 1'700'009'086, 1'700'010'744, 700'018'904, 700'039'079};

// Clients come back while the server takes their last connection for alive.
constexpr Faults WithTakeovers(Faults faults) {
  faults.takeovers = true;
  return faults;
}
constexpr Faults WithWills(Faults faults) {
  faults.wills = true;
  return faults;
}
constexpr Faults WithoutPartitions(Faults faults) {
  faults.partitions = false;
  return faults;
}
constexpr Faults kTakeovers = WithTakeovers(WithWills(WithoutPartitions(kPartitions)));
// A copy that ends with a session of before, and not with the one that a claim has made it for.
constexpr std::uint64_t kTakeoverSeeds[] = {4'531, 10'589, 12'236, 15'161, 17'734, 18'884};
// A session that moves before its copy is known to all cores; identifiers as above; what is taken
// while one half gives way (the last two).
constexpr std::uint64_t kPartedTakeoverSeeds[] = {6'247,  8'772,  9'044, 13'406,
                                                  15'624, 18'913, 33'513};

void RunSeed(const Faults& allowed, std::uint64_t seed, bool copy_hashes = true) {
  Swarm swarm({.seed = seed,
               .allowed = allowed,
               .copy_hashes = copy_hashes,
               .trace = std::getenv("TANDEM_TRACE") != nullptr});
  const Verdict verdict = swarm.Run();
  ASSERT_TRUE(verdict.violations.empty()) << "TANDEM_SEED=" << seed << " (" << verdict.story
                                          << "):\n  " << absl::StrJoin(verdict.violations, "\n  ");
}

// An upgrade (O2): one of the nodes is of the first release, and understands nothing that came with
// a feature bit.
void RunWithOldestPartner(const Faults& allowed, std::uint64_t count) {
  for (const std::uint64_t seed : Seeds(count)) {
    const Verdict verdict = Swarm({.seed = seed, .allowed = allowed, .oldest_partner = true}).Run();
    ASSERT_TRUE(verdict.violations.empty())
        << "TANDEM_SEED=" << seed << " (" << verdict.story << "):\n  "
        << absl::StrJoin(verdict.violations, "\n  ");
  }
}

void RunSeeds(const Faults& allowed, std::uint64_t count) {
  for (const std::uint64_t seed : Seeds(count)) RunSeed(allowed, seed);
}

// Seeds that no run has had before, but for one that is named to look at a failure again.
void RunFreshSeeds(const Faults& allowed, std::uint64_t count) {
  if (std::getenv("TANDEM_SEED") != nullptr) return RunSeeds(allowed, 1);
  const std::uint64_t first = std::uint64_t{std::random_device()()} << 20;
  for (std::uint64_t i = 0; i < count; ++i) RunSeed(allowed, first + i);
}

TEST(SwarmTest, KeepsEveryPromiseWhileOneNodeDiesAndComesBack) { RunSeeds(kData, 2'000); }

TEST(SwarmTest, KeepsSharedGroupsAndWillsWhileOneNodeDiesAndComesBack_P8_P10) {
  RunSeeds(kGroupsAndWills, 1'000);
}

TEST(SwarmTest, KeepsEveryPromiseWhileClientsMoveAndLinksAreSlow) { RunSeeds(kMoves, 1'000); }

TEST(SwarmTest, LosesNothingThatASideKnewOfWhenBothHaveServedApart) {
  RunSeeds(kPartitions, 500);
  for (const std::uint64_t seed : kPartitionSeeds) RunSeed(kPartitions, seed, false);
}

TEST(SwarmTest, KeepsEveryPromiseWithAPartnerOfTheFirstRelease_O2) {
  RunWithOldestPartner(kData, 500);
}

// A claim that had to wait for a merge, and is overtaken by the next one of the same client.
TEST(SwarmTest, AppliesNoClaimBehindANewerOne) { RunSeed(AllFaults(), 3'003'549); }

TEST(SwarmTest, KeepsEveryPromiseWhileClientsTakeOverFromThemselves_P7_P8) {
  RunSeeds(kTakeovers, 500);
  for (const std::uint64_t seed : kTakeoverSeeds) RunSeed(kTakeovers, seed, false);
  for (const std::uint64_t seed : kPartedTakeoverSeeds)
    RunSeed(WithTakeovers(kPartitions), seed, false);
  // An identifier as above; claims that are answered in another order than they came.
  RunSeed(WithWills(kPartitions), 13'096, false);
  RunSeed(WithTakeovers(WithWills(kPartitions)), 1'409, false);
}

// A place that is done when its session is told, while its message crosses still (P5).
TEST(SwarmTest, DeliversOnceWhatCrossesWhileItsSessionIsTold_P5) {
  RunSeed({.crashes = true, .clocks = true}, 2'000'010'281, false);
}

// The same where an older place waits: the name is not taken for a place.
TEST(SwarmTest, TakesNoPlaceThatWasDoneWhenItsSessionWasToldForANewOne_P5) {
  for (const std::uint64_t seed : {4'000'021'251, 4'000'026'360}) RunSeed(AllFaults(), seed);
}

// A session has moved, and the node that it came from dies before the message of its first place
// has crossed: those behind it wait for nothing (P4).
TEST(SwarmTest, APlaceWhoseMessageDiedHoldsNothingBack_P4) {
  RunSeed(WithTakeovers(kPartitions), 8'800'038'578);
}

// A merge drops the will of a connection whose client is just coming back: its copy has the new
// connection's will by then, and keeps it.
TEST(SwarmTest, AMergeTakesNoWillFromAConnectionThatIsJustBeingMade_P8) {
  RunSeed(AllFaults(), 9'610'080'856);
}

// Two nodes begin a session of the same client apart: the half that goes on when they meet gives no
// packet identifier that the client knows from the other half.
TEST(SwarmTest, TakesNoMessageForOneThatItGotFromTheOtherHalf_P4) {
  RunSeed(AllFaults(), 10'400'095'929);
}

// A copy keeps no message that its owner never gets; it keeps what comes from a core that has seen
// the other node die before this one has.
TEST(SwarmTest, ACopyKeepsWhatMayReachItsOwnerAndNothingElse_P4_P6) {
  for (const std::uint64_t seed : {10'500'097'590, 10'600'004'216}) RunSeed(AllFaults(), seed);
}

TEST(SwarmTest, KeepsEveryPromiseInStoriesOfToday) {
  RunFreshSeeds(kData, 100);
  RunFreshSeeds(kGroupsAndWills, 100);
  RunFreshSeeds(kMoves, 100);
  RunFreshSeeds(kPartitions, 20);
  RunFreshSeeds(kTakeovers, 50);
}

}  // namespace
}  // namespace tandem::testing
