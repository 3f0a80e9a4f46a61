// A result as one self-contained page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tandem::bench {

// The page shows `json` (as Json() writes it) in figures and plots, beside `baseline` if there is
// one. Everything it needs is in it: it loads nothing from anywhere.
std::string HtmlReport(std::string_view json, std::optional<std::string_view> baseline);

}  // namespace tandem::bench
