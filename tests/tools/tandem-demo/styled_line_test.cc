#include "tools/tandem-demo/styled_line.h"

#include <gtest/gtest.h>

namespace tandem::demo {
namespace {

TEST(StyledLine, IsCutByColumnsAndNotInsideAnEscape) {
  StyledLine line;
  line.Add("ab", Style::kGood).Add("cd", Style::kBad);
  EXPECT_EQ(line.Render(3, true), "\x1b[32mab\x1b[0m\x1b[1;31mc\x1b[0m");
  EXPECT_EQ(line.Render(2, true), "\x1b[32mab\x1b[0m");
  EXPECT_EQ(line.Render(3, false), "abc");
}

TEST(StyledLine, ATabThatIsPassedStillSeparates) {
  EXPECT_EQ(StyledLine().Add("abc").Tab(5).Add("x").Render(80, false), "abc  x");
  EXPECT_EQ(StyledLine().Add("abcdef").Tab(5).Add("x").Render(80, false), "abcdef x");
  EXPECT_EQ(StyledLine().Tab(2).Add("x").Render(80, false), "  x");
}

}  // namespace
}  // namespace tandem::demo
