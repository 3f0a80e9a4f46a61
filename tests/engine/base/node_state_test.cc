#include "engine/base/node_state.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(NodeState, HasTheNamesThatOperatorsQuery) {
  EXPECT_EQ(Name(NodeState::kStarting), "starting");
  EXPECT_EQ(Name(NodeState::kCatchingUp), "catching_up");
  EXPECT_EQ(Name(NodeState::kServing), "serving");
  EXPECT_EQ(Name(NodeState::kDraining), "draining");
}

}  // namespace
}  // namespace tandem
