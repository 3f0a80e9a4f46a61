// F7 in virtual time: a node, or one of its cores, stands still and goes on, under whole Cluster
// objects. Its clients are read again only when it is known that the pair is what it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "cluster/cluster.h"
#include "engine/base/log.h"
#include "tests/cluster/support/memory_witness.h"
#include "tests/cluster/support/world.h"

namespace tandem::cluster::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = Standing::State;

// Told with either node in each part, because one dials and the other listens.
class Stall : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr std::uint16_t kCores = 2;

  Stall() { SetLogLevel(static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1)); }

  WorldNode* Start(const std::string& name) {
    ClusterOptions options = world.Options(name);
    options.on_partition = rule;
    if (rule == PartitionRule::kWitness)
      options.witness = std::make_shared<MemoryWitness>(witness, name);
    return &world.Start(std::move(options), kCores);
  }
  void StartBoth() {
    stalls = Start(name());
    partner = Start(name() == "alpha" ? "beta" : "alpha");
    ASSERT_TRUE(Until([&] { return InStep(); }));
  }
  static std::string name() { return GetParam(); }
  // Stands still until the partner has gone on without it, and then some.
  void StandStillForLong() {
    stalls->frozen = true;
    ASSERT_TRUE(Until([&] { return partner->down(); }, 1'300));
    world.Run(1'700);
  }
  bool Until(const std::function<bool()>& done, int milliseconds = 10'000) {
    return world.RunUntil(done, milliseconds);
  }
  static bool Takes(const WorldNode& node) {
    return std::all_of(node.cores.begin(), node.cores.end(), [](const WorldCore& core) {
      return core.broker.takes_clients && !core.broker.held && !core.broker.clients_wait;
    });
  }
  bool InStep() const {
    return stalls->cluster->status().in_step && partner->cluster->status().in_step &&
           Takes(*stalls) && Takes(*partner);
  }
  static bool Waits(const WorldNode& node) {
    return std::all_of(node.cores.begin(), node.cores.end(),
                       [](const WorldCore& core) { return core.broker.clients_wait; });
  }
  // Of each core, what its clients' packets met each time they were read again.
  static std::vector<std::vector<bool>> ReadsOf(const WorldNode& node) {
    std::vector<std::vector<bool>> reads;
    for (const WorldCore& core : node.cores) reads.push_back(core.broker.reads);
    return reads;
  }
  static int DownsOf(const WorldNode& node) {
    int downs = 0;
    for (const WorldCore& core : node.cores) downs += core.broker.downs;
    return downs;
  }

  World world;
  MemoryRegister witness;
  PartitionRule rule = PartitionRule::kServe;
  WorldNode* stalls = nullptr;
  WorldNode* partner = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Nodes, Stall, ::testing::Values("alpha", "beta"),
                         [](const auto& param) { return param.param; });

TEST_P(Stall, AShortOneCostsARoundTripAndNothingElse) {
  StartBoth();
  stalls->frozen = true;
  world.Run(800);
  stalls->frozen = false;
  world.Step();
  EXPECT_TRUE(Waits(*stalls)) << "before anything that came is handed out";
  EXPECT_TRUE(Until([&] { return InStep(); }, 20));
  EXPECT_THAT(ReadsOf(*stalls), Each(ElementsAre(true)));
  world.Run(500);
  EXPECT_EQ(DownsOf(*stalls) + DownsOf(*partner), 0);
  EXPECT_EQ(stalls->cluster->status().epoch, 1u);
  EXPECT_THAT(ReadsOf(*partner), Each(IsEmpty()));
}

TEST_P(Stall, WhoHasBeenGivenUpSendsItsClientsAwayUnreadAndStartsAnew) {
  StartBoth();
  ASSERT_NO_FATAL_FAILURE(StandStillForLong());
  stalls->frozen = false;
  ASSERT_TRUE(Until([&] { return stalls->cluster->status().start_anew; }));
  EXPECT_EQ(stalls->cluster->status().standing, State::kSevered);
  EXPECT_FALSE(stalls->cluster->status().ready);
  EXPECT_THAT(ReadsOf(*stalls), Each(ElementsAre(false)));
  EXPECT_EQ(DownsOf(*stalls), 0) << "nothing may be acknowledged";
  EXPECT_EQ(DownsOf(*partner), kCores) << "the partner goes on as it is until then";
  stalls->Kill();
  stalls = Start(name());
  ASSERT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(DownsOf(*partner), kCores);
  EXPECT_EQ(partner->cluster->status().epoch, 2u);
}

TEST_P(Stall, WhoWakesUpInAPartitionGoesByThePolicy) {
  StartBoth();
  ASSERT_NO_FATAL_FAILURE(StandStillForLong());
  world.Partition();
  stalls->frozen = false;
  world.Run(300);
  EXPECT_TRUE(Waits(*stalls));
  ASSERT_TRUE(Until([&] { return stalls->down(); }, 1'200));
  world.Step();
  EXPECT_TRUE(Takes(*stalls));
  EXPECT_THAT(ReadsOf(*stalls), Each(ElementsAre(true)));
  world.Heal();
  EXPECT_TRUE(Until([&] { return InStep(); })) << "both have served";
}

TEST_P(Stall, WhoFindsItsPartnerDeadServes) {
  StartBoth();
  ASSERT_NO_FATAL_FAILURE(StandStillForLong());
  partner->Kill();
  stalls->frozen = false;
  ASSERT_TRUE(Until([&] { return stalls->down() && Takes(*stalls); }, 200));
  EXPECT_THAT(ReadsOf(*stalls), Each(ElementsAre(true)));
}

TEST_P(Stall, WhoWasGivenUpByAPartnerThatDiesThenServesWhatItHas) {
  StartBoth();
  ASSERT_NO_FATAL_FAILURE(StandStillForLong());
  stalls->frozen = false;
  ASSERT_TRUE(Until([&] { return stalls->cluster->status().standing == State::kSevered; }, 2'000));
  partner->Kill();
  ASSERT_TRUE(Until([&] { return stalls->down() && Takes(*stalls); }, 2'000));
  EXPECT_EQ(stalls->cluster->status().standing, State::kAlone);
}

TEST_P(Stall, WhoWasNotInStepGivesNothingUp) {
  StartBoth();
  partner->Kill();
  ASSERT_TRUE(Until([&] { return stalls->down(); }));
  const std::string other = partner->name;
  partner = Start(other);
  for (WorldCore& core : partner->cores) core.broker.acknowledge = false;  // it never catches up
  ASSERT_TRUE(Until([&] { return stalls->up() && partner->up(); }));
  ASSERT_FALSE(stalls->cluster->status().in_step);
  ASSERT_NO_FATAL_FAILURE(StandStillForLong());
  for (WorldCore& core : partner->cores) core.broker.acknowledge = true;
  stalls->frozen = false;
  ASSERT_TRUE(Until([&] { return InStep(); }));
  EXPECT_FALSE(stalls->cluster->status().start_anew) << "the partner holds less";
}

TEST_P(Stall, ACoreThatStandsStillAloneKeepsOnlyItsOwnClientsWaiting) {
  StartBoth();
  WorldCore& core = stalls->cores[1];
  core.frozen = true;
  world.Run(3'000);
  EXPECT_EQ(DownsOf(*partner), 0) << "core 0 answers for the node";
  core.frozen = false;
  world.Step();
  EXPECT_TRUE(core.broker.clients_wait);
  EXPECT_TRUE(Until([&] { return InStep(); }, 20));
  EXPECT_THAT(ReadsOf(*stalls), ElementsAre(IsEmpty(), ElementsAre(true)));
  EXPECT_EQ(stalls->cluster->status().epoch, 1u);
}

TEST_P(Stall, TheCoreThatSpeaksForTheNodeStandsStillAlone) {
  StartBoth();
  stalls->cores[0].frozen = true;
  ASSERT_TRUE(Until([&] { return partner->down(); }, 1'300));
  stalls->cores[0].frozen = false;
  ASSERT_TRUE(Until([&] { return stalls->cluster->status().start_anew; }));
  EXPECT_EQ(DownsOf(*stalls), 0);
}

TEST_P(Stall, UnderTheWitnessTheWinnerIsFound) {
  rule = PartitionRule::kWitness;
  StartBoth();
  ASSERT_NO_FATAL_FAILURE(StandStillForLong());
  stalls->frozen = false;
  ASSERT_TRUE(Until([&] { return stalls->cluster->status().start_anew; }));
  EXPECT_THAT(ReadsOf(*stalls), Each(ElementsAre(false)));
  EXPECT_EQ(partner->cluster->status().standing, State::kAlone);
}

// Or a core that has nothing to do would take its sleep for a stall.
TEST_P(Stall, WhoHasNothingToDoWakesUpOftenEnough) {
  StartBoth();
  for (int i = 0; i < 3'000; ++i) {
    world.Step();
    for (const WorldCore& core : stalls->cores)
      ASSERT_LE(core.link->NextDeadline(), world.now.mono_ns + 100 * kNanosecondsPerMillisecond);
  }
  EXPECT_THAT(ReadsOf(*stalls), Each(IsEmpty()));
}

}  // namespace
}  // namespace tandem::cluster::testing
