#include "tools/tandem-demo/verdict.h"

#include <gmock/gmock.h>

namespace tandem::demo {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Figures Flawless() {
  Figures figures{.tally = {},
                  .names = {"alpha", "beta"},
                  .published_via = {700, 500},
                  .victim = 1,
                  .back_after = std::chrono::milliseconds(1'200)};
  figures.tally.published = figures.tally.acknowledged = figures.tally.received = 1'200;
  figures.tally.repeated = 2;
  figures.tally.twice_explained = 1;
  figures.tally.longest_pause = std::chrono::milliseconds(340);
  return figures;
}

TEST(Verdict, PassesWithFigures) {
  const Verdict verdict = Judge(Flawless());
  EXPECT_TRUE(verdict.pass);
  EXPECT_EQ(verdict.line,
            "PASS 1200 messages acknowledged: 1200 received, 0 lost, 0 twice, 0 out of order; 700 "
            "entered at alpha, "
            "500 at beta; 2 sent again (1 of them came twice); longest pause 0.34 s; beta back "
            "after 1.2 s");
}

TEST(Verdict, SaysWhatWaitedForTheCutToBeMended) {
  Figures figures = Flawless();
  figures.tally.late_explained = 7;
  EXPECT_TRUE(Judge(figures).pass);
  EXPECT_THAT(Judge(figures).line, HasSubstr("; 7 waited for the cut to be mended; longest"));
}

TEST(Verdict, InTheMiddleOfAStoryWhatIsOnTheWayIsNotLost) {
  Figures figures = Flawless();
  figures.tally.on_the_way = 3;
  EXPECT_EQ(SoFar(figures.tally), "1200 received, 0 lost, 0 twice, 0 out of order");
}

TEST(Verdict, EveryBrokenPromiseFailsAndIsNamed) {
  const struct {
    std::uint64_t Tally::*count;
    const char* words;
  } kDefects[] = {{&Tally::lost, "FAIL 3 acknowledged and lost; of 1200"},
                  {&Tally::on_the_way, "FAIL 3 acknowledged and lost; of 1200"},
                  {&Tally::twice_unexplained, "FAIL 3 received twice without reason; of 1200"},
                  {&Tally::out_of_order, "FAIL 3 out of order; of 1200"},
                  {&Tally::unknown, "FAIL 3 received that nobody published; of 1200"}};
  for (const auto& defect : kDefects) {
    Figures figures = Flawless();
    figures.tally.*defect.count = 3;
    const Verdict verdict = Judge(figures);
    EXPECT_FALSE(verdict.pass);
    EXPECT_THAT(verdict.line, StartsWith(defect.words));
  }
}

TEST(Verdict, AMessageThatStaysUnacknowledgedFails) {
  Figures figures = Flawless();
  ++figures.tally.published;
  EXPECT_THAT(Judge(figures).line, HasSubstr("1 never acknowledged"));
}

TEST(Verdict, NothingIsNoSuccess) {
  Figures figures = Flawless();
  figures.tally = {};
  EXPECT_FALSE(Judge(figures).pass);
}

}  // namespace
}  // namespace tandem::demo
