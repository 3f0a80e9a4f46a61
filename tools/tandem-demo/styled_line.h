// One line of a terminal: text in pieces of a style, cut at the width without breaking escape
// sequences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tandem::demo {

enum class Style { kPlain, kBold, kDim, kGood, kBad, kWarning, kFirstNode, kSecondNode };

class StyledLine {
 public:
  StyledLine& Add(std::string_view text, Style style = Style::kPlain);
  // Spaces up to `column` (0-based); at least one if the line is there already.
  StyledLine& Tab(std::size_t column);
  // At most `width` columns; escape sequences only if `colours`. The text is ASCII: a byte is a
  // column.
  std::string Render(std::size_t width, bool colours) const;

 private:
  struct Piece {
    std::string text;
    Style style;
  };
  std::vector<Piece> pieces_;
  std::size_t columns_ = 0;
};

}  // namespace tandem::demo
