#include "engine/base/ids.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace tandem {
namespace {

static_assert(!std::is_convertible_v<CoreId, NodeId>);
static_assert(!std::is_convertible_v<int, CoreId>);

// Both nodes break ties between messages by this order.
TEST(MessageId, IsOrderedByNodeThenCoreThenRunThenNumber) {
  const MessageId base{NodeId{0}, CoreId{1}, Incarnation{5}, 10};
  EXPECT_LT(base, (MessageId{NodeId{1}, CoreId{0}, Incarnation{0}, 0}));
  EXPECT_LT(base, (MessageId{NodeId{0}, CoreId{2}, Incarnation{0}, 0}));
  EXPECT_LT(base, (MessageId{NodeId{0}, CoreId{1}, Incarnation{6}, 0}));
  EXPECT_LT(base, (MessageId{NodeId{0}, CoreId{1}, Incarnation{5}, 11}));
  EXPECT_EQ(base, (MessageId{NodeId{0}, CoreId{1}, Incarnation{5}, 10}));
}

}  // namespace
}  // namespace tandem
