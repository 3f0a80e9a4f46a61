// Mistakes planted in the broker and its streams, one by one: the simulation finds each.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "tests/simulation/swarm.h"

namespace tandem::testing {
namespace {

constexpr std::uint64_t kSeedsMax = 20'000;

struct Case {
  PlantedBug bug;
  const char* name;
  const char* faults;
  bool by_hash = false;               // the broker itself notices, before a promise is broken
  std::optional<Policy> policy = {};  // of a real pair; none: a modelled one
};

bool IsByHash(const Verdict& verdict) {
  return verdict.violations.front().starts_with("the hash of ");
}

// The oracle has to find what it can without the broker's help.
SwarmOptions OptionsOf(const Case& planted, const Faults& faults, std::uint64_t seed) {
  return {.seed = seed,
          .allowed = faults,
          .copy_hashes = planted.by_hash,
          .real_pair = planted.policy.has_value(),
          .policy = planted.policy};
}

// In a process of its own, since a mistake may well run into a check, which aborts. Yields whether
// it was found.
bool IsFound(const Case& planted) {
  const pid_t child = fork();
  if (child == 0) {
    planted_bug = planted.bug;
    Faults faults;
    if (!ParseFaults(planted.faults, faults)) _exit(0);
    SetLogLevel(static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1));
    for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
      const Verdict verdict = Swarm(OptionsOf(planted, faults, seed)).Run();
      if (verdict.violations.empty()) continue;
      if (planted.by_hash && !IsByHash(verdict)) continue;
      // It is the mistake that was found, and nothing else.
      planted_bug = PlantedBug::kNone;
      const bool clean = Swarm(OptionsOf(planted, faults, seed)).Run().violations.empty();
      planted_bug = planted.bug;
      if (!clean) continue;
      std::printf("found by seed %llu: %s\n", static_cast<unsigned long long>(seed),
                  verdict.violations.front().c_str());
      std::fflush(stdout);
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) != 0 : WTERMSIG(status) == SIGABRT;
}

class PlantedBugsTest : public ::testing::TestWithParam<Case> {};

TEST_P(PlantedBugsTest, AreFound) { EXPECT_TRUE(IsFound(GetParam())); }

INSTANTIATE_TEST_SUITE_P(
    , PlantedBugsTest,
    ::testing::Values(
        Case{PlantedBug::kAckBeforePeer, "AckBeforePeer", "crashes"},
        Case{PlantedBug::kPacketIdForgotten, "PacketIdForgotten", "crashes"},
        Case{PlantedBug::kPublishBeforePlace, "PublishBeforePlace", "crashes,holds"},
        Case{PlantedBug::kPacketIdByNode, "PacketIdByNode", "crashes,slow_clients"},
        Case{PlantedBug::kPubrelBeforeReleased, "PubrelBeforeReleased", "crashes,holds"},
        Case{PlantedBug::kPubcompBeforeFree, "PubcompBeforeFree", "crashes,holds"},
        Case{PlantedBug::kMoveWithoutFence, "MoveWithoutFence", "breaks,moves,holds"},
        Case{PlantedBug::kBatchTwice, "BatchTwice", "lane_breaks"},
        Case{PlantedBug::kResumeTooFar, "ResumeTooFar", "lane_breaks"},
        Case{PlantedBug::kSubackAtOnce, "SubackAtOnce", "churn,holds"},
        Case{PlantedBug::kSnapshotEndsEarly, "SnapshotEndsEarly", "crashes,breaks"},
        Case{PlantedBug::kUnplacedForgotten, "UnplacedForgotten", "crashes,holds"},
        Case{PlantedBug::kProgressUntold, "ProgressUntold", "breaks"},
        Case{PlantedBug::kRetainedUntold, "RetainedUntold", "crashes,retained"},
        Case{PlantedBug::kWillDoneUntold, "WillDoneUntold", "breaks,wills"},
        Case{PlantedBug::kPlaceForgotten, "PlaceForgotten", "breaks", true},
        Case{PlantedBug::kUnsubscribeForgotten, "UnsubscribeForgotten", "breaks,churn", true},
        Case{PlantedBug::kServesUnclaimed, "ServesUnclaimed", "partitions,breaks", false,
             Policy::kWitness},
        Case{PlantedBug::kOneWayIsSeen, "OneWayIsSeen", "one_way", false, Policy::kWitness},
        Case{PlantedBug::kHeldActsAlone, "HeldActsAlone", "partitions,breaks", false,
             Policy::kPreferFirst}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tandem::testing
