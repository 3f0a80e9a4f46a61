#include "engine/node/config/suggest.h"

#include <algorithm>

namespace tandem::config {
namespace {

std::string_view LastWord(std::string_view path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

// Optimal string alignment, three rows of the table at a time.
std::size_t EditDistance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before_last(to.size() + 1);
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[to.size()];
}

std::string_view Nearest(std::string_view path, const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  std::size_t nearest_distance = std::max<std::size_t>(2, LastWord(path).size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = EditDistance(path, candidate);
    if (distance < nearest_distance) {
      nearest = candidate;
      nearest_distance = distance;
    }
  }
  if (!nearest.empty()) return nearest;
  const auto same_word = std::find_if(
      candidates.begin(), candidates.end(),
      [&](std::string_view candidate) { return LastWord(candidate) == LastWord(path); });
  return same_word == candidates.end() ? std::string_view{} : *same_word;
}

}  // namespace tandem::config
