// Where the story is shown: a terminal that is redrawn in place, or plain lines.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tools/tandem-demo/clock.h"
#include "tools/tandem-demo/view.h"

namespace tandem::demo {

class Display {
 public:
  virtual ~Display() = default;
  // The state of things; called often.
  virtual void Show(const View& view, TimePoint now) = 0;
  // A step has ended or the story is over: to be seen whatever the pace.
  virtual void ShowNow(const View& view, TimePoint now) = 0;
};

// Redraws the same lines of standard output, at most ten times a second. The last picture stays.
std::unique_ptr<Display> LiveDisplay();
// A line per step, and one with the figures each second.
std::unique_ptr<Display> PlainDisplay();

}  // namespace tandem::demo
