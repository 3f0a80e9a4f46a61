#include "tools/tandem-demo/styled_line.h"

#include <algorithm>

namespace tandem::demo {
namespace {

std::string_view Escape(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kBad:
      return "\x1b[1;31m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kFirstNode:
      return "\x1b[36m";
    case Style::kSecondNode:
      return "\x1b[35m";
  }
  return "";
}

constexpr std::string_view kReset = "\x1b[0m";

}  // namespace

StyledLine& StyledLine::Add(std::string_view text, Style style) {
  if (!pieces_.empty() && pieces_.back().style == style) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back({std::string(text), style});
  }
  columns_ += text.size();
  return *this;
}

StyledLine& StyledLine::Tab(std::size_t column) {
  const std::size_t spaces = column > columns_ ? column - columns_ : (columns_ > 0 ? 1 : 0);
  return Add(std::string(spaces, ' '));
}

std::string StyledLine::Render(std::size_t width, bool colours) const {
  std::string line;
  std::size_t left = width;
  for (const Piece& piece : pieces_) {
    const std::string_view text = std::string_view(piece.text).substr(0, left);
    left -= text.size();
    const std::string_view escape = colours && !text.empty() ? Escape(piece.style) : "";
    line += escape;
    line += text;
    if (!escape.empty()) line += kReset;
  }
  return line;
}

}  // namespace tandem::demo
