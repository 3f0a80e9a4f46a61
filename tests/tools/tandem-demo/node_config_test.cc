#include "tools/tandem-demo/node_config.h"

#include <gtest/gtest.h>

#include "engine/node/config/load.h"
#include "tests/support/temp_dir.h"

namespace tandem::demo {
namespace {

TEST(NodeConfig, IsAcceptedByTheBrokerAndMeansWhatWasAskedFor) {
  const testing::TempDir directory;
  const NodeFile node{.name = "beta",
                      .data_dir = directory.Path("da\"ta"),
                      .access_log = directory.Path("access"),
                      .cores = {0},
                      .mqtt_address = "127.0.0.1:21882",
                      .admin_address = "127.0.0.1:21884",
                      .cluster_name = "demo-1",
                      .members = {{"alpha", {"127.0.0.1:21885"}}, {"beta", {"127.0.0.1:21886"}}}};
  const auto loaded = config::Load(
      {.file = directory.Write("node.toml", ToToml(node)), .environment = {}, .sets = {}});
  for (const auto& problem : loaded.problems) ADD_FAILURE() << config::ToString(problem);
  const config::Config& config = loaded.config;
  EXPECT_EQ(config.node.name, "beta");
  EXPECT_EQ(config.node.data_dir, node.data_dir);
  EXPECT_EQ(config.log.access_log, node.access_log);
  EXPECT_EQ(config.engine.cores, node.cores);
  EXPECT_TRUE(config.auth.allow_anonymous);
  EXPECT_EQ(config.cluster.name, "demo-1");
  ASSERT_EQ(config.listeners.size(), 1u);
  EXPECT_EQ(config.listeners[0].address.port, 21'882);
  EXPECT_EQ(config.admin.address.port, 21'884);
  ASSERT_NE(config.peer(), nullptr);
  EXPECT_EQ(config.peer()->name, "alpha");
  EXPECT_EQ(config.peer()->links.at(0).port, 21'885);
}

}  // namespace
}  // namespace tandem::demo
