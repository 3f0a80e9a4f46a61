// Two nodes and the link between them, end to end but for the sockets: real Cluster objects over a
// network in memory.
#include "cluster/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cluster/support/world.h"
#include "tests/engine/metrics/text_of.h"

namespace tandem::cluster::testing {
namespace {

bool InStep(const WorldNode& node) { return node.cluster->status().in_step; }

struct Cores {
  std::uint16_t alpha;
  std::uint16_t beta;
};

class ClusterOfCores : public ::testing::TestWithParam<Cores> {};

TEST_P(ClusterOfCores, PairsAndGetsInStep) {
  World world;
  WorldNode& alpha = world.Start("alpha", GetParam().alpha);
  WorldNode& beta = world.Start("beta", GetParam().beta);
  ASSERT_TRUE(world.RunUntil([&] { return InStep(alpha) && InStep(beta); }))
      << alpha.cluster->status().last_error << " / " << beta.cluster->status().last_error;
  EXPECT_TRUE(alpha.up() && beta.up());
  for (const WorldNode* const node : {&alpha, &beta}) {
    const ClusterStatus status = node->cluster->status();
    EXPECT_EQ(status.state, Pair::State::kPaired);
    EXPECT_TRUE(status.ready);
    EXPECT_EQ(status.epoch, 1u);
    EXPECT_EQ(status.lanes_up, node->cluster->status().lanes);
  }
  EXPECT_EQ(alpha.cores[0].broker.current.self, tandem::NodeId{0});
  EXPECT_EQ(beta.cores[0].broker.current.self, tandem::NodeId{1});
  EXPECT_EQ(alpha.cores[0].broker.current.peer_cores, GetParam().beta);
  EXPECT_EQ(alpha.cores[0].broker.current.peer_incarnation,
            beta.cores[0].broker.current.self_incarnation);
}

// O2: of an upgrade, whichever node comes first.
TEST_P(ClusterOfCores, PartnersOfTwoReleasesUseWhatBothUnderstand) {
  for (const char* const older : {"alpha", "beta"}) {
    SCOPED_TRACE(older);
    World world;
    std::vector<WorldNode*> nodes;
    for (const char* const name : {"alpha", "beta"}) {
      ClusterOptions options = world.Options(name);
      if (std::string_view(name) == older)
        options.identity.features = static_cast<std::uint64_t>(peer::Feature::kBrakes);
      nodes.push_back(
          &world.Start(std::move(options), nodes.empty() ? GetParam().alpha : GetParam().beta));
    }
    ASSERT_TRUE(world.RunUntil([&] { return InStep(*nodes[0]) && InStep(*nodes[1]); }));
    for (const WorldNode* const node : nodes) {
      const broker::PeerEpoch& epoch = node->cores[0].broker.current;
      EXPECT_TRUE(epoch.brakes);
      EXPECT_FALSE(epoch.group_spares);
      EXPECT_FALSE(epoch.merge_reports);
      EXPECT_FALSE(epoch.copy_hashes);
      EXPECT_FALSE(epoch.routed);
      EXPECT_FALSE(epoch.placed_publishes);
    }
  }
}

// Each core's records go in order and are confirmed, between partners of which the first has these
// features.
void ExchangeRecords(const Cores& cores, std::uint64_t features) {
  World world;
  ClusterOptions options = world.Options("alpha");
  options.identity.features = features;
  WorldNode& alpha = world.Start(std::move(options), cores.alpha);
  WorldNode& beta = world.Start("beta", cores.beta);
  ASSERT_TRUE(world.RunUntil([&] { return alpha.up() && beta.up(); }));
  constexpr std::uint64_t kRecords = 1000;
  for (WorldNode* const node : {&alpha, &beta}) {
    for (WorldCore& core : node->cores) {
      for (std::uint64_t i = 0; i < kRecords; ++i) {
        core.broker.Append(
            broker::PublishRecord{.message = MakeMessage("t", std::string(i % 2000, 'x'), i)});
      }
    }
  }
  const auto all_applied = [](const WorldNode& node) {
    return std::all_of(node.cores.begin(), node.cores.end(), [](const WorldCore& core) {
      return core.broker.applied == core.broker.last_number;
    });
  };
  ASSERT_TRUE(world.RunUntil([&] { return all_applied(alpha) && all_applied(beta); }));
  std::map<CoreId, std::uint64_t> publishes;
  for (const WorldCore& core : beta.cores) {
    for (const FakeBroker::Received& each : core.broker.received) {
      const auto* const publish = std::get_if<broker::PublishRecord>(&each.record);
      if (publish == nullptr) continue;
      EXPECT_EQ(publish->message->id().number, publishes[each.stream]++);
      EXPECT_EQ(publish->message->payload().size(), publish->message->id().number % 2000);
    }
  }
  EXPECT_EQ(publishes.size(), alpha.cores.size());
  for (const auto& [stream, count] : publishes) EXPECT_EQ(count, kRecords);
  EXPECT_EQ(alpha.cluster->status().backlog_records, 0u);
}

// What a node stored of an earlier run, and what it is to store now.
TEST(Cluster, EpochsGoOnAboveTheHighestThatEitherNodeHasStored) {
  for (const char* const remembers : {"alpha", "beta"}) {
    World world;
    std::map<std::string, std::vector<std::uint64_t>> begun;
    for (const std::string name : {"alpha", "beta"}) {
      ClusterOptions options = world.Options(name);
      options.epoch_max = name == remembers ? 41 : 7;
      options.on_epoch = [&epochs = begun[name]](std::uint64_t epoch) { epochs.push_back(epoch); };
      world.Start(std::move(options));
    }
    const std::vector<std::uint64_t> expected = {42};
    EXPECT_TRUE(world.RunUntil([&] { return InStep(*world.nodes[0]) && InStep(*world.nodes[1]); }));
    EXPECT_EQ(begun["alpha"], expected);
    EXPECT_EQ(begun["beta"], expected);
  }
}

// Dashboards and alerts are written against these names.
TEST(ClusterMetrics, TellOfThePartnerWhileItIsThereAndWhenItIsGone) {
  World world;
  WorldNode& alpha = world.Start("alpha");
  WorldNode& beta = world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return InStep(alpha) && InStep(beta); }));
  alpha.cores[0].broker.Append(broker::PublishRecord{.message = MakeMessage("t", "x")});
  ASSERT_TRUE(world.RunUntil([&] { return alpha.cluster->status().backlog_records == 0; }));
  const std::string paired = metrics::TextOf(*alpha.cluster);
  for (const char* const line :
       {"# TYPE tandem_cluster_link_rtt_seconds gauge\n",
        "# TYPE tandem_cluster_catch_up_seconds gauge\n",
        "tandem_cluster_peer_up{peer=\"beta\"} 1\n", "tandem_cluster_in_step{peer=\"beta\"} 1\n",
        "tandem_cluster_link_up{peer=\"beta\",link=\"10.0.0.2:7883\"} 1\n",
        "tandem_cluster_lanes_up{peer=\"beta\"} 1\n", "tandem_cluster_epoch 1\n",
        "tandem_cluster_forwarded_total{peer=\"beta\",direction=\"out\"} 1\n",
        "tandem_cluster_forwarded_total{peer=\"beta\",direction=\"in\"} 0\n",
        "tandem_cluster_backlog_messages{peer=\"beta\"} 0\n",
        "tandem_cluster_backlog_bytes{peer=\"beta\"} 0\n",
        "tandem_cluster_standing{state=\"paired\"} 1\n",
        "tandem_cluster_failovers_total{cause=\"peer_dead\"} 0\n"}) {
    EXPECT_THAT(paired, ::testing::HasSubstr(line));
  }
  beta.Kill();
  ASSERT_TRUE(world.RunUntil([&] { return !alpha.up(); }));
  const std::string alone = metrics::TextOf(*alpha.cluster);
  for (const char* const line :
       {"tandem_cluster_peer_up{peer=\"beta\"} 0\n", "tandem_cluster_in_step{peer=\"beta\"} 0\n",
        "tandem_cluster_link_up{peer=\"beta\",link=\"10.0.0.2:7883\"} 0\n",
        "tandem_cluster_epoch 0\n", "tandem_cluster_standing{state=\"alone\"} 1\n",
        "tandem_cluster_failovers_total{cause=\"peer_dead\"} 1\n"}) {
    EXPECT_THAT(alone, ::testing::HasSubstr(line));
  }
}

TEST_P(ClusterOfCores, RecordsOfEachCoreArriveInOrderAndAreConfirmed) {
  ExchangeRecords(GetParam(), peer::kFeatures);
}

// What has come opens the window, be it applied or not: it may wait for a record behind the window.
TEST_P(ClusterOfCores, RecordsComeAlthoughNoneIsAppliedYet) {
  for (const std::uint64_t features :
       {peer::kFeatures, static_cast<std::uint64_t>(peer::Feature::kBrakes)}) {
    SCOPED_TRACE(features);
    World world;
    ClusterOptions options = world.Options("alpha");
    options.identity.features = features;
    WorldNode& alpha = world.Start(std::move(options), GetParam().alpha);
    WorldNode& beta = world.Start("beta", GetParam().beta);
    ASSERT_TRUE(world.RunUntil([&] { return InStep(alpha) && InStep(beta); }));
    for (WorldCore& core : beta.cores) core.broker.acknowledge = false;
    FakeBroker& sender = alpha.cores[0].broker;
    const std::uint64_t applied = sender.last_number;
    constexpr std::uint64_t kRecords = 60;  // several windows
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      sender.Append(
          broker::PublishRecord{.message = MakeMessage("t", std::string(100'000, 'x'), i)});
    }
    FakeBroker& receiver = beta.cores[0].broker;
    ASSERT_TRUE(world.RunUntil([&] { return receiver.expected[CoreId{0}] == sender.last_number; }));
    EXPECT_EQ(sender.applied, applied);
    receiver.link->Acknowledge(CoreId{0}, sender.last_number);
    ASSERT_TRUE(world.RunUntil([&] { return sender.applied == sender.last_number; }));
  }
}

// O2: as calls, where both do not know frames of the lane's own.
TEST_P(ClusterOfCores, RecordsOfEachCoreArriveAtAnOlderPartner) {
  ExchangeRecords(GetParam(), static_cast<std::uint64_t>(peer::Feature::kBrakes));
}

INSTANTIATE_TEST_SUITE_P(Counts, ClusterOfCores,
                         ::testing::Values(Cores{1, 1}, Cores{1, 3}, Cores{3, 1}, Cores{2, 3}),
                         [](const auto& info) {
                           return absl::StrCat(info.param.alpha, "_and_", info.param.beta);
                         });

}  // namespace
}  // namespace tandem::cluster::testing
