#include "tools/tandem-demo/screen.h"

#include <gmock/gmock.h>

namespace tandem::demo {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

View SomeView() {
  View view{.elapsed = milliseconds(12'340),
            .address = "127.0.0.1:21880",
            .steps = {{"start", StepView::State::kDone, milliseconds(500), "pids 1 and 2"},
                      {"kill", StepView::State::kRunning, {}, ""},
                      {"both serve again", StepView::State::kWaiting, {}, ""}},
            .nodes = {},
            .entries = {{0, false}, {1, false}, {0, true}, {std::nullopt, false}},
            .subscriber = "connected to alpha",
            .tally = {}};
  view.nodes[0].name = "alpha";
  view.nodes[0].state = "serving";
  view.nodes[0].serving = true;
  view.nodes[0].pid = 4711;
  view.nodes[0].status.connections = 3;
  view.nodes[0].status.received_per_second = 25.4;
  view.nodes[0].published_via = 61;
  view.nodes[1].name = "beta";
  view.nodes[1].state = "killed";
  view.tally.published = 101;
  view.tally.acknowledged = 100;
  view.tally.received = 99;
  return view;
}

TEST(Screen, ShowsNodesStepsAndFigures) {
  const auto lines = RenderScreen(SomeView(), 120, /*colours=*/false);
  EXPECT_THAT(lines, Contains("Tandem: two nodes, one broker at 127.0.0.1:21880   12.3 s"));
  EXPECT_THAT(lines, Contains("  done  0.5 s   start: pids 1 and 2"));
  EXPECT_THAT(lines, Contains("  ....          kill"));
  EXPECT_THAT(lines, Contains("                both serve again"));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("alpha    serving       4711     3        25/s"),
                                    HasSubstr("61"))));
  EXPECT_THAT(lines, Contains(StartsWith("beta     killed        -        -")));
  EXPECT_THAT(lines, Contains("publisher    published 101   acknowledged 100   sent again 0"));
  EXPECT_THAT(lines, Contains("subscriber   received 99   lost 0   twice 0   out of order 0"));
  EXPECT_THAT(lines, Contains("             connected to alpha"));
}

TEST(Screen, TheLanesSayWhereEachMessageEntered) {
  const auto lines = RenderScreen(SomeView(), 120, /*colours=*/false);
  EXPECT_THAT(lines, Contains("alpha    | r?"));
  EXPECT_THAT(lines, Contains("beta      | ?"));
}

TEST(Screen, TheLanesKeepTheNewestMessages) {
  View view = SomeView();
  view.entries.assign(500, {0, false});
  view.entries.back().node = 1;
  const auto lines = RenderScreen(view, 20, /*colours=*/false);
  EXPECT_THAT(lines, Contains("alpha    |||||||||| "));
  EXPECT_THAT(lines, Contains("beta               |"));
}

TEST(Screen, DefectsStandOut) {
  View view = SomeView();
  view.tally.lost = 7;
  view.tally.twice_explained = 2;
  const auto lines = RenderScreen(view, 120, /*colours=*/true);
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("lost \x1b[1;31m7\x1b[0m"),
                                    HasSubstr("twice \x1b[32m0\x1b[0m"),
                                    HasSubstr("(+2 that were sent again)"))));
}

TEST(Screen, NoLineIsWiderThanTheTerminal) {
  View view = SomeView();
  view.entries.assign(500, {0, false});
  for (const std::size_t width : {0u, 1u, 10u, 40u, 80u})
    for (const std::string& line : RenderScreen(view, width, /*colours=*/false))
      EXPECT_LE(line.size(), width) << line;
}

TEST(Screen, PlainFiguresAreOneLineWithoutEscapes) {
  View view = SomeView();
  view.tally.twice_explained = 1;
  const std::string line = RenderFigures(view);
  EXPECT_THAT(line,
              AllOf(HasSubstr("alpha serving in 25/s"), HasSubstr("beta killed entered 0"),
                    HasSubstr("acknowledged 100 received 99 lost 0 twice 0+1 out of order 0")));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace tandem::demo
