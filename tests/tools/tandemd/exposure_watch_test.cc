#include "tools/tandemd/exposure_watch.h"

#include <gtest/gtest.h>

namespace tandem::tandemd {
namespace {

using Step = ExposureWatch::Step;

TEST(ExposureWatch, SaysOnceThatItBeginsAndOnceThatItEnds) {
  ExposureWatch watch;
  EXPECT_EQ(watch.Turn(0, 0), Step::kNothing);
  EXPECT_EQ(watch.Turn(3, 10), Step::kBegins);
  EXPECT_EQ(watch.Turn(5, 20), Step::kNothing);
  EXPECT_EQ(watch.Turn(0, 0), Step::kEnds);
  EXPECT_EQ(watch.ended_messages(), 5);
  EXPECT_EQ(watch.ended_after(), 20);
  EXPECT_EQ(watch.Turn(0, 0), Step::kNothing);
  EXPECT_EQ(watch.Turn(1, 1), Step::kBegins);
}

}  // namespace
}  // namespace tandem::tandemd
