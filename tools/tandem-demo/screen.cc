#include "tools/tandem-demo/screen.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/tandem-demo/styled_line.h"

namespace tandem::demo {
namespace {

// Columns of the table of nodes.
constexpr std::size_t kState = 9;
constexpr std::size_t kPid = 23;
constexpr std::size_t kClients = 32;
constexpr std::size_t kIn = 41;
constexpr std::size_t kOut = 50;
constexpr std::size_t kVia = 60;
constexpr std::size_t kStepText = 16;
constexpr std::size_t kEntriesLabel = 9;
constexpr std::size_t kFiguresLabel = 13;

std::string InSeconds(Duration duration) { return absl::StrFormat("%.1f s", Seconds(duration)); }

std::string PerSecond(double rate) { return absl::StrFormat("%.0f/s", rate); }

Style StyleOf(NodeIndex node) { return node == 0 ? Style::kFirstNode : Style::kSecondNode; }

// A count that ought to be 0.
StyledLine& AddDefects(StyledLine& line, std::uint64_t count) {
  return line.Add(std::to_string(count), count == 0 ? Style::kGood : Style::kBad);
}

StyledLine Step(const StepView& step) {
  StyledLine line;
  switch (step.state) {
    case StepView::State::kWaiting:
      return line.Tab(kStepText).Add(step.text, Style::kDim);
    case StepView::State::kRunning:
      return line.Add("  ....", Style::kWarning).Tab(kStepText).Add(step.text, Style::kBold);
    case StepView::State::kDone:
      line.Add("  done", Style::kGood);
      break;
    case StepView::State::kFailed:
      line.Add("FAILED", Style::kBad);
      break;
  }
  line.Add(absl::StrFormat("%5.1f s", Seconds(step.took)), Style::kDim);
  line.Tab(kStepText).Add(step.text);
  if (!step.note.empty()) line.Add(": ").Add(step.note);
  return line;
}

StyledLine NodeHead() {
  StyledLine line;
  line.Add("node", Style::kDim).Tab(kState).Add("state", Style::kDim);
  line.Tab(kPid).Add("pid", Style::kDim).Tab(kClients).Add("clients", Style::kDim);
  line.Tab(kIn).Add("in", Style::kDim).Tab(kOut).Add("out", Style::kDim);
  return line.Tab(kVia).Add("messages entered here", Style::kDim);
}

StyledLine Node(const NodeView& node, NodeIndex index) {
  StyledLine line;
  line.Add(node.name, StyleOf(index)).Tab(kState);
  line.Add(node.state, node.serving ? Style::kGood : Style::kBad);
  line.Tab(kPid).Add(node.pid > 0 ? std::to_string(node.pid) : "-");
  line.Tab(kClients).Add(node.status.connections ? absl::StrFormat("%.0f", *node.status.connections)
                                                 : "-");
  line.Tab(kIn).Add(PerSecond(node.status.received_per_second));
  line.Tab(kOut).Add(PerSecond(node.status.delivered_per_second));
  return line.Tab(kVia).Add(std::to_string(node.published_via));
}

// Which of the last messages entered at `node`: '|' one of them, 'r' one that had to be repeated.
StyledLine Lane(const View& view, NodeIndex node, std::size_t width) {
  StyledLine line;
  line.Add(view.nodes[node].name, StyleOf(node)).Tab(kEntriesLabel);
  const std::size_t shown = std::min(view.entries.size(), EntryColumns(width));
  for (std::size_t i = view.entries.size() - shown; i < view.entries.size(); ++i) {
    const EntryView& entry = view.entries[i];
    if (entry.node != node) {
      line.Add(entry.node ? " " : "?");
    } else {
      line.Add(entry.repeated ? "r" : "|", entry.repeated ? Style::kWarning : StyleOf(node));
    }
  }
  return line;
}

StyledLine Published(const Tally& tally) {
  StyledLine line;
  line.Add("publisher", Style::kDim).Tab(kFiguresLabel);
  line.Add(absl::StrCat("published ", tally.published, "   acknowledged ", tally.acknowledged));
  return line.Add(absl::StrCat("   sent again ", tally.repeated),
                  tally.repeated == 0 ? Style::kPlain : Style::kWarning);
}

StyledLine Received(const Tally& tally) {
  StyledLine line;
  line.Add("subscriber", Style::kDim).Tab(kFiguresLabel);
  line.Add(absl::StrCat("received ", tally.received, "   lost "));
  AddDefects(line, tally.lost);
  line.Add("   twice ");
  AddDefects(line, tally.twice_unexplained);
  if (tally.twice_explained > 0)
    line.Add(absl::StrCat(" (+", tally.twice_explained, " that were sent again)"));
  line.Add("   out of order ");
  AddDefects(line, tally.out_of_order);
  if (tally.held_back > 0)
    line.Add(absl::StrCat("   waiting at the other side ", tally.held_back), Style::kWarning);
  if (tally.longest_pause)
    line.Add(absl::StrFormat("   longest pause %.2f s", Seconds(*tally.longest_pause)));
  return line;
}

}  // namespace

std::size_t EntryColumns(std::size_t width) {
  return width > kEntriesLabel ? width - kEntriesLabel : 0;
}

std::vector<std::string> RenderScreen(const View& view, std::size_t width, bool colours) {
  std::vector<StyledLine> lines;
  lines.push_back(StyledLine()
                      .Add("Tandem", Style::kBold)
                      .Add(": two nodes, one broker at ")
                      .Add(view.address, Style::kBold)
                      .Add(absl::StrCat("   ", InSeconds(view.elapsed)), Style::kDim));
  lines.emplace_back();
  for (const StepView& step : view.steps) lines.push_back(Step(step));
  lines.emplace_back();
  lines.push_back(NodeHead());
  for (NodeIndex i = 0; i < kNodes; ++i) lines.push_back(Node(view.nodes[i], i));
  lines.emplace_back();
  lines.push_back(StyledLine().Add("where the last messages entered, oldest first", Style::kDim));
  for (NodeIndex i = 0; i < kNodes; ++i) lines.push_back(Lane(view, i, width));
  lines.emplace_back();
  lines.push_back(Published(view.tally));
  lines.push_back(Received(view.tally));
  lines.push_back(StyledLine().Tab(kFiguresLabel).Add(view.subscriber));

  std::vector<std::string> text;
  for (const StyledLine& line : lines) text.push_back(line.Render(width, colours));
  return text;
}

std::string RenderFigures(const View& view) {
  std::string line = absl::StrFormat("%6.1f s ", Seconds(view.elapsed));
  for (const NodeView& node : view.nodes) {
    absl::StrAppend(&line, " ", node.name, " ", node.state);
    if (node.pid > 0)
      absl::StrAppend(&line, " in ", PerSecond(node.status.received_per_second), " out ",
                      PerSecond(node.status.delivered_per_second));
    absl::StrAppend(&line, " entered ", node.published_via, " |");
  }
  const Tally& tally = view.tally;
  absl::StrAppend(&line, " acknowledged ", tally.acknowledged, " received ", tally.received,
                  " lost ", tally.lost, " twice ", tally.twice_unexplained, "+",
                  tally.twice_explained, " out of order ", tally.out_of_order);
  return line;
}

std::string RenderStep(const StepView& step) { return Step(step).Render(std::string::npos, false); }

}  // namespace tandem::demo
