// "Did you mean ...?"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
std::size_t EditDistance(std::string_view from, std::string_view to);

// The candidate that a dotted path was probably meant to be: a near spelling, or the same last word
// in another section. Empty if none is near enough.
std::string_view Nearest(std::string_view path, const std::vector<std::string_view>& candidates);

}  // namespace tandem::config
