// The picture of a View: pure functions from what is known to lines of text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/tandem-demo/view.h"

namespace tandem::demo {

// The whole screen, redrawn at each change. Lines of at most `width` columns, without line ends.
std::vector<std::string> RenderScreen(const View& view, std::size_t width, bool colours);

// One line with the figures of the moment, for output that is no terminal.
std::string RenderFigures(const View& view);

// One line for a step that began or ended.
std::string RenderStep(const StepView& step);

// Columns that RenderScreen has for View::entries at `width`.
std::size_t EntryColumns(std::size_t width);

}  // namespace tandem::demo
