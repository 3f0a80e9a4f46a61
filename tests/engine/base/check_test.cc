#include "engine/base/check.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(CheckDeathTest, EndsTheProcessAndSaysWhere) {
  EXPECT_DEATH(TANDEM_CHECK(1 + 1 == 3), "check failed at .*check_test.cc:[0-9]+: 1 \\+ 1 == 3");
  EXPECT_DEATH(TANDEM_CHECK_MSG(false, "no memory"), ": no memory");
}

TEST(Check, LooksAtItsConditionOnce) {
  int looks = 0;
  TANDEM_CHECK(++looks == 1);
  EXPECT_EQ(looks, 1);
}

}  // namespace
}  // namespace tandem
