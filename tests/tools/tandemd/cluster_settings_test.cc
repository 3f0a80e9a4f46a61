#include "tools/tandemd/cluster_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace tandem::tandemd {
namespace {

config::Config Pair() {
  config::Config config;
  config.node.name = "alpha";
  config.cluster.name = "plant";
  config.members = {{"alpha", {{"10.9.0.1", 7883}, {"10.0.0.11", 7883}}},
                    {"beta", {{"10.9.0.2", 7883}}}};
  return config;
}

TEST(ClusterSettings, MembersOrMulticastMakeAPair) {
  EXPECT_FALSE(HasPartner(config::Config{}));
  EXPECT_TRUE(HasPartner(Pair()));
  config::Config multicast;
  multicast.cluster.discovery = config::Discovery::kMulticast;
  EXPECT_TRUE(HasPartner(multicast));
}

TEST(ClusterSettings, EverythingReachesTheCluster) {
  testing::TempDir dir;
  config::Config config = Pair();
  const std::string secret("0123456789abcdef0123456789abcde\n\0", 33);
  config.cluster.secret_file = dir.Write("key", secret);
  config.cluster.failure_after_ns = 700'000'000;
  config.cluster.max_lag_ns = 800'000'000;
  config.cluster.interface = "eth1";
  config.cluster.insecure = true;
  config.cluster.alone = config::Alone::kRefuse;
  const auto options = MakeClusterOptions(config, Incarnation{7});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->identity.cluster, "plant");
  EXPECT_EQ(options->identity.node, "alpha");
  EXPECT_EQ(options->identity.incarnation, Incarnation{7});
  EXPECT_EQ(options->identity.secret, secret);
  EXPECT_TRUE(options->identity.insecure);
  ASSERT_EQ(options->members.size(), 2u);
  EXPECT_EQ(options->members[0].name, "alpha");
  EXPECT_THAT(options->members[0].links,
              ::testing::ElementsAre(reactor::Endpoint{"10.9.0.1", 7883},
                                     reactor::Endpoint{"10.0.0.11", 7883}));
  EXPECT_EQ(options->discovery, cluster::DiscoveryKind::kStatic);
  EXPECT_EQ(options->interface, "eth1");
  EXPECT_EQ(options->failure_after, 700'000'000);
  EXPECT_EQ(options->max_lag, 800'000'000);
  EXPECT_TRUE(options->refuse_alone);
}

TEST(ClusterSettings, AStartingNodeWaitsForLongerThanItsPartnerMayTakeToDial) {
  for (const MonoNs failure_after : {MonoNs{400'000'000}, MonoNs{5'000'000'000}}) {
    config::Config config = Pair();
    config.cluster.insecure = true;
    config.cluster.failure_after_ns = failure_after;
    const auto options = MakeClusterOptions(config, Incarnation{7});
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_GE(options->start_grace, std::max(MonoNs{3'000'000'000}, failure_after));
  }
}

TEST(ClusterSettings, SayWhatToDoWithoutThePartner) {
  config::Config config = Pair();
  using cluster::PartitionRule;
  const auto rule_of = [&config] {
    const auto options = MakeClusterOptions(config, Incarnation{7});
    EXPECT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->witness != nullptr, options->on_partition == PartitionRule::kWitness);
    return options->on_partition;
  };
  config.cluster.on_partition = {config::OnPartition::kServe, ""};
  EXPECT_EQ(rule_of(), PartitionRule::kServe);
  config.cluster.on_partition = {config::OnPartition::kStop, ""};
  EXPECT_EQ(rule_of(), PartitionRule::kStop);
  config.cluster.on_partition = {config::OnPartition::kPrefer, "beta"};
  EXPECT_EQ(rule_of(), PartitionRule::kPrefer);
  EXPECT_EQ(MakeClusterOptions(config, Incarnation{7})->preferred, "beta");
  config.cluster.on_partition = {config::OnPartition::kWitness, ""};
  config.witness = {config::WitnessKind::kEtcd, {"http://127.0.0.1:9"}};
  EXPECT_EQ(rule_of(), PartitionRule::kWitness);
  config.witness.endpoints = {"127.0.0.1:9"};
  EXPECT_FALSE(MakeClusterOptions(config, Incarnation{7}).ok());
}

TEST(ClusterSettings, ASecretThatCannotBeReadIsAnError) {
  config::Config config = Pair();
  config.cluster.secret_file = "/nonexistent/key";
  const auto options = MakeClusterOptions(config, Incarnation{7});
  ASSERT_FALSE(options.ok());
  EXPECT_THAT(std::string(options.status().message()), ::testing::HasSubstr("/nonexistent/key"));
}

}  // namespace
}  // namespace tandem::tandemd
