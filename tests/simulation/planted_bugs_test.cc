// Mistakes planted in the broker and its streams, one by one: the simulation finds each.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "engine/base/planted_bug.h"
#include "tests/simulation/swarm.h"

namespace tandem::testing {
namespace {

constexpr std::uint64_t kSeedsMax = 20'000;

struct Case {
  PlantedBug bug;
  const char* name;
  const char* faults;
  bool by_hash = false;  // the broker itself notices, before a promise is broken
};

bool IsByHash(const Verdict& verdict) {
  return verdict.violations.front().starts_with("the hash of ");
}

// In a process of its own, since a mistake may well run into a check. Yields whether it was found.
bool IsFound(const Case& planted) {
  const pid_t child = fork();
  if (child == 0) {
    planted_bug = planted.bug;
    Faults faults;
    if (!ParseFaults(planted.faults, faults)) _exit(0);
    for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
      // The oracle has to find what it can without the broker's help.
      const SwarmOptions options{.seed = seed, .allowed = faults, .copy_hashes = planted.by_hash};
      const Verdict verdict = Swarm(options).Run();
      if (verdict.violations.empty()) continue;
      if (planted.by_hash && !IsByHash(verdict)) continue;
      // It is the mistake that was found, and nothing else.
      planted_bug = PlantedBug::kNone;
      const bool clean = Swarm(options).Run().violations.empty();
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
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
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
        Case{PlantedBug::kUnsubscribeForgotten, "UnsubscribeForgotten", "breaks,churn", true}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tandem::testing
