#include "engine/node/config/config.h"

#include <gtest/gtest.h>

namespace tandem::config {
namespace {

TEST(Config, KnowsItselfAndItsPeer) {
  Config config;
  EXPECT_EQ(config.self(), nullptr);
  EXPECT_EQ(config.peer(), nullptr);
  config.node.name = "beta";
  config.members = {{"alpha", {}}, {"beta", {}}};
  EXPECT_EQ(config.self(), &config.members[1]);
  EXPECT_EQ(config.peer(), &config.members[0]);
}

}  // namespace
}  // namespace tandem::config
