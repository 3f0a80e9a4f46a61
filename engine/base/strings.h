// Text at the border to abseil, and maps keyed by text.
//
// Debian 12 builds abseil with a string_view type of its own; our interfaces speak
// std::string_view. ToAbsl and FromAbsl stand where the two meet and cost nothing.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace tandem {

inline absl::string_view ToAbsl(std::string_view text) noexcept {
  return {text.data(), text.size()};
}
inline std::string_view FromAbsl(absl::string_view text) noexcept {
  return {text.data(), text.size()};
}

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return absl::HashOf(ToAbsl(text));
  }
};
struct StringEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
};

// A hash map keyed by std::string whose lookups by view allocate nothing. Values move when it
// grows; what others point to lives in a unique_ptr value. Iteration order is random: never let it
// reach an effect.
template <class Value>
using StringMap = absl::flat_hash_map<std::string, Value, StringHash, StringEqual>;

// `text` for a log line: control characters, quotes and bytes outside ASCII as \xNN, cut at
// `bytes_max` with "...".
std::string Escaped(std::string_view text, std::size_t bytes_max = 128);

}  // namespace tandem
