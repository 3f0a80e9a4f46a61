#include "tools/tandem-demo/display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/tandem-demo/screen.h"

namespace tandem::demo {
namespace {

constexpr std::chrono::milliseconds kFrame{100};
constexpr std::chrono::seconds kPlainPeriod{1};
constexpr std::size_t kWidthUnknown = 100;

struct Size {
  std::size_t columns = kWidthUnknown;
  std::size_t rows = SIZE_MAX;
};

Size TerminalSize() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {size.ws_col, size.ws_row};
}

class Live final : public Display {
 public:
  void Show(const View& view, TimePoint now) override {
    if (!drawn_at_ || now - *drawn_at_ >= kFrame) ShowNow(view, now);
  }

  void ShowNow(const View& view, TimePoint now) override {
    drawn_at_ = now;
    const Size size = TerminalSize();
    std::vector<std::string> lines = RenderScreen(view, size.columns, /*colours=*/true);
    // What scrolled off the top can't be redrawn: of a small terminal the end of the picture is
    // shown.
    if (lines.size() >= size.rows)
      lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(size.rows - 1));
    std::string text;
    if (lines_drawn_ > 0) absl::StrAppend(&text, "\x1b[", lines_drawn_, "A");
    for (const std::string& line : lines) absl::StrAppend(&text, "\r\x1b[2K", line, "\n");
    text += "\x1b[J";
    lines_drawn_ = lines.size();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

 private:
  std::size_t lines_drawn_ = 0;
  std::optional<TimePoint> drawn_at_;
};

class Plain final : public Display {
 public:
  void Show(const View& view, TimePoint now) override {
    ShowSteps(view);
    if (said_at_ && now - *said_at_ < kPlainPeriod) return;
    said_at_ = now;
    Say(RenderFigures(view));
  }

  void ShowNow(const View& view, TimePoint) override { ShowSteps(view); }

 private:
  // Each step is told twice: when it begins and when it has ended.
  void ShowSteps(const View& view) {
    for (std::size_t i = 0; i < view.steps.size(); ++i) {
      const StepView& step = view.steps[i];
      const std::size_t told = step.state == StepView::State::kWaiting   ? 0
                               : step.state == StepView::State::kRunning ? 2 * i + 1
                                                                         : 2 * i + 2;
      if (told <= steps_told_) continue;
      steps_told_ = told;
      Say(RenderStep(step));
    }
  }
  static void Say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
  }

  std::size_t steps_told_ = 0;
  std::optional<TimePoint> said_at_;
};

}  // namespace

std::unique_ptr<Display> LiveDisplay() { return std::make_unique<Live>(); }
std::unique_ptr<Display> PlainDisplay() { return std::make_unique<Plain>(); }

}  // namespace tandem::demo
