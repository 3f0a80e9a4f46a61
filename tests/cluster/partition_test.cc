// O4 in virtual time: whole Cluster objects lose sight of each other under each policy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cluster/cluster.h"
#include "engine/base/log.h"
#include "tests/cluster/support/memory_witness.h"
#include "tests/cluster/support/world.h"

namespace tandem::cluster::testing {
namespace {

using ::testing::HasSubstr;
using State = Standing::State;

class Partition : public ::testing::Test {
 protected:
  Partition() { SetLogLevel(static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1)); }

  WorldNode*& Slot(const std::string& name) { return name == "alpha" ? alpha : beta; }
  WorldNode* Start(const std::string& name) {
    ClusterOptions options = world.Options(name);
    options.on_partition = rule;
    options.preferred = "beta";
    options.refuse_alone = refuse_alone;
    if (rule == PartitionRule::kWitness)
      options.witness = std::make_shared<MemoryWitness>(witness, name);
    return Slot(name) = &world.Start(std::move(options), 2);
  }
  void StartBoth(PartitionRule with, bool refuse = false) {
    rule = with;
    refuse_alone = refuse;
    Start("alpha");
    Start("beta");
    ASSERT_TRUE(Until([&] { return InStep(); }));
  }
  // What tandemd does with a node that asks for it.
  void StartAnewWhoeverMust() {
    for (const char* const name : {"alpha", "beta"}) {
      WorldNode* const node = Slot(name);
      if (node == nullptr || !node->MustStartAnew()) continue;
      node->Kill();
      Start(name);
      ++anew;
    }
  }
  bool Until(const std::function<bool()>& done, int milliseconds = 10'000) {
    return world.RunUntil(
        [&] {
          StartAnewWhoeverMust();
          NoteAlone();
          return done();
        },
        milliseconds);
  }
  void Run(int milliseconds) {
    Until([] { return false; }, milliseconds);
  }
  void NoteAlone() {
    const auto is_alone = [](const WorldNode* node) {
      return node != nullptr && !node->frozen && node->cluster->status().standing == State::kAlone;
    };
    if (is_alone(alpha) && is_alone(beta)) both_alone = true;
  }
  bool InStep() {
    const auto serves = [](const WorldNode* node) {
      const ClusterStatus status = node->cluster->status();
      return status.in_step && status.ready &&
             std::all_of(node->cores.begin(), node->cores.end(), [](const WorldCore& core) {
               return core.broker.takes_clients && !core.broker.held;
             });
    };
    return serves(alpha) && serves(beta);
  }
  static State StandingOf(const WorldNode* node) { return node->cluster->status().standing; }
  // Its clients are gone, and its cores have not heard that the partner is.
  static void ExpectSevered(const WorldNode* node) {
    EXPECT_EQ(StandingOf(node), State::kSevered) << node->name;
    EXPECT_FALSE(node->cluster->status().ready);
    for (const WorldCore& core : node->cores) {
      EXPECT_TRUE(core.broker.up && core.broker.held) << "the gate must stay closed";
      EXPECT_EQ(core.broker.downs, 0);
      EXPECT_FALSE(core.broker.takes_clients);
    }
  }
  static void ExpectAlone(const WorldNode* node) {
    EXPECT_EQ(StandingOf(node), State::kAlone) << node->name;
    EXPECT_TRUE(node->cluster->status().ready);
    for (const WorldCore& core : node->cores) {
      EXPECT_FALSE(core.broker.up);
      EXPECT_TRUE(core.broker.takes_clients);
    }
  }

  World world;
  MemoryRegister witness;
  PartitionRule rule = PartitionRule::kServe;
  bool refuse_alone = false;
  WorldNode* alpha = nullptr;
  WorldNode* beta = nullptr;
  int anew = 0;
  bool both_alone = false;
};

TEST_F(Partition, UnderServeBothGoOn) {
  StartBoth(PartitionRule::kServe);
  world.Partition();
  Run(1'500);
  ExpectAlone(alpha);
  ExpectAlone(beta);
  world.Heal();
  EXPECT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(anew, 0) << "both sides have something to merge";
}

TEST_F(Partition, TheWitnessLetsOneGoOnAndTheOtherComesBackEmptyHanded) {
  for (const std::string loser : {"alpha", "beta"}) {
    world.Heal();
    StartBoth(PartitionRule::kWitness);
    WorldNode* const winner = loser == "alpha" ? beta : alpha;
    witness.cut_from[loser] = true;  // for long enough that the other is first
    world.Partition();
    Run(3'000);
    witness.cut_from[loser] = false;
    Run(3'000);
    ExpectAlone(winner);
    ExpectSevered(Slot(loser));
    EXPECT_THAT(Slot(loser)->cluster->status().not_ready_because, HasSubstr(winner->name));
    world.Heal();
    anew = 0;
    EXPECT_TRUE(Until([&] { return InStep(); }));
    EXPECT_EQ(anew, 1);
    EXPECT_EQ(Slot(winner->name), winner) << "the winner started anew";
    EXPECT_FALSE(both_alone);
    for (WorldNode* const node : {alpha, beta}) node->Kill();
  }
}

TEST_F(Partition, BothAskAtOnceAndOneWins) {
  StartBoth(PartitionRule::kWitness);
  world.Partition();
  world.Partition();
  EXPECT_TRUE(Until(
      [&] { return StandingOf(alpha) == State::kSevered || StandingOf(beta) == State::kSevered; }));
  ExpectAlone(StandingOf(alpha) == State::kAlone ? alpha : beta);
  ExpectSevered(StandingOf(alpha) == State::kAlone ? beta : alpha);
}

TEST_F(Partition, TheLoserDoesNotServeWhenTheWinnerDiesButThePairComesBack) {
  StartBoth(PartitionRule::kWitness);
  witness.cut_from["beta"] = true;
  world.Partition();
  Run(2'000);
  ExpectAlone(alpha);
  alpha->Kill();
  witness.cut_from["beta"] = false;
  world.Heal();
  Run(5'000);
  ExpectSevered(beta);
  Start("alpha");
  EXPECT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(anew, 0) << "what beta holds is all there is";
}

TEST_F(Partition, TheOperatorMakesTheLoserServe) {
  StartBoth(PartitionRule::kWitness);
  EXPECT_FALSE(beta->cluster->ForceServe().ok());
  witness.cut_from["beta"] = true;
  world.Partition();
  Run(2'000);
  alpha->Kill();
  witness.cut_from["beta"] = false;
  EXPECT_TRUE(beta->cluster->ForceServe().ok());
  Run(1'200);
  ExpectAlone(beta);
  EXPECT_EQ(witness.now.record->node, "beta");
}

TEST_F(Partition, AWitnessThatDiesWhileTheyArePairedHarmsNothing) {
  StartBoth(PartitionRule::kWitness);
  Run(1'000);
  EXPECT_EQ(alpha->cluster->status().witness_reached, true);
  witness.down = true;
  Run(1'000);
  EXPECT_EQ(alpha->cluster->status().witness_reached, false);
  EXPECT_EQ(beta->cluster->status().witness_reached, false);
  Run(5'000);
  EXPECT_TRUE(InStep());
  EXPECT_EQ(alpha->cores[0].broker.downs + beta->cores[0].broker.downs, 0);
}

TEST_F(Partition, WithoutTheWitnessNobodyServesUntilThePairIsBack) {
  StartBoth(PartitionRule::kWitness);
  witness.down = true;
  world.Partition();
  Run(3'000);
  ExpectSevered(alpha);
  ExpectSevered(beta);
  world.Heal();
  EXPECT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(anew, 1) << "one keeps what both have";
}

TEST_F(Partition, TheSurvivorOfADeadPartnerAsksAndServes) {
  StartBoth(PartitionRule::kWitness);
  Run(1'000);
  beta->Kill();
  EXPECT_TRUE(Until([&] { return StandingOf(alpha) == State::kAlone; }, 50));
  EXPECT_EQ(alpha->cores[0].broker.downs, 1);
  EXPECT_TRUE(alpha->cores[0].broker.takes_clients);
  Start("beta");
  EXPECT_TRUE(Until([&] { return InStep(); }));
}

TEST_F(Partition, AfterAGoodbyeTheOtherServesOnThoughTheWitnessIsGone) {
  StartBoth(PartitionRule::kWitness);
  Run(1'000);
  witness.down = true;
  beta->Stop(world.now);
  EXPECT_TRUE(Until([&] { return StandingOf(alpha) == State::kAlone; }, 500));
  EXPECT_TRUE(alpha->cores[0].broker.takes_clients);
  witness.down = false;
  Run(1'200);
  EXPECT_EQ(witness.now.record->node, "alpha");
}

TEST_F(Partition, AStartingNodeThatSeesNobodyServesOnlyIfNobodyHasBefore) {
  rule = PartitionRule::kWitness;
  Start("alpha");
  EXPECT_TRUE(Until([&] { return alpha->cluster->status().ready; }));
  alpha->Kill();
  Start("alpha");
  Run(5'000);
  EXPECT_FALSE(alpha->cluster->status().ready);
  EXPECT_THAT(alpha->cluster->status().not_ready_because, HasSubstr("served alone before"));
  Start("beta");
  EXPECT_TRUE(Until([&] { return InStep(); }));
}

TEST_F(Partition, ThePreferredNodeGoesOn) {
  StartBoth(PartitionRule::kPrefer);
  world.Partition();
  Run(1'500);
  ExpectAlone(beta);
  ExpectSevered(alpha);
  world.Heal();
  EXPECT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(anew, 1);
}

TEST_F(Partition, ThePreferredNodeDiesAndTheOtherServes) {
  StartBoth(PartitionRule::kPrefer);
  beta->Kill();
  EXPECT_TRUE(Until([&] { return StandingOf(alpha) == State::kAlone; }, 50));
}

TEST_F(Partition, UnderStopNobodyGoesOn) {
  StartBoth(PartitionRule::kStop);
  world.Partition();
  Run(5'000);
  ExpectSevered(alpha);
  ExpectSevered(beta);
  world.Heal();
  EXPECT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(anew, 1);
}

TEST_F(Partition, WhoRefusesToBeAloneStopsWithItsPartnerAndComesBackWithIt) {
  StartBoth(PartitionRule::kServe, true);
  beta->Kill();
  Run(500);
  ExpectSevered(alpha);
  Start("beta");
  EXPECT_TRUE(Until([&] { return InStep(); }));
  EXPECT_EQ(anew, 0) << "alpha has what beta lost";
}

// A partner that is dropped although it is seen: it has to give up what it has, since this node may
// have gone on.
TEST_F(Partition, ALaggingPartnerIsLeftBehindAndStartsAnew) {
  StartBoth(PartitionRule::kWitness);
  Run(1'000);
  for (WorldCore& core : beta->cores) core.broker.acknowledge = false;
  alpha->cores[0].broker.Append(broker::PublishRecord{.message = MakeMessage("t", "x")});
  EXPECT_TRUE(Until([&] { return StandingOf(alpha) == State::kAlone; }, 15'000));
  EXPECT_TRUE(Until([&] { return InStep(); }, 30'000));
  EXPECT_EQ(anew, 1);
  EXPECT_FALSE(both_alone);
}

// -------------------------------------------------------------------------------------------------
// random faults

class PartitionFaults : public Partition, public ::testing::WithParamInterface<int> {};

TEST_P(PartitionFaults, NeverServeBothAloneAndEndInStep) {
  const int seed = GetParam();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  world.net = MemoryNet(static_cast<std::uint64_t>(seed) * 104'729 + 7);
  constexpr PartitionRule kRules[] = {PartitionRule::kWitness, PartitionRule::kWitness,
                                      PartitionRule::kPrefer, PartitionRule::kStop};
  StartBoth(kRules[seed % 4]);
  for (int i = 0; i < 50; ++i) {
    switch (world.net.Random(12)) {
      case 0:
        alpha->CutAll();
        break;
      case 1:
        world.Partition(world.net.Random(2) == 0);
        break;
      case 2:
      case 3:
        world.Heal();
        break;
      case 4:
      case 5: {
        const std::string name = world.net.Random(2) == 0 ? "alpha" : "beta";
        if (world.net.Random(4) != 0) break;
        Slot(name)->Kill();
        Run(static_cast<int>(world.net.Random(300)));
        Start(name);
        break;
      }
      case 6:
        witness.down = world.net.Random(2) == 0;
        break;
      case 7:
        witness.cut_from[world.net.Random(2) == 0 ? "alpha" : "beta"] = world.net.Random(2) == 0;
        break;
      default:
        break;
    }
    Run(static_cast<int>(1 + world.net.Random(i % 5 == 0 ? 2'500 : 80)));
    ASSERT_FALSE(both_alone) << "after fault " << i;
  }
  world.Heal();
  witness.down = false;
  witness.cut_from.clear();
  EXPECT_TRUE(Until([&] { return InStep(); }, 20'000))
      << Name(StandingOf(alpha)) << " / " << Name(StandingOf(beta));
  EXPECT_FALSE(both_alone);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PartitionFaults, ::testing::Range(1, 61));

}  // namespace
}  // namespace tandem::cluster::testing
