#include "proto/mqtt/topic.h"

#include <algorithm>
#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/base/limits.h"

namespace tandem::mqtt {
namespace {

constexpr std::string_view kSharePrefix = "$share/";

// Empty, too long or too deep for a name or a filter.
bool IsOutOfBounds(std::string_view text) noexcept {
  if (text.empty() || text.size() > kStringBytesMax) return true;
  if (text.size() < kTopicLevelsMax) return false;  // not enough room for that many slashes
  return static_cast<std::size_t>(std::ranges::count(text, '/')) >= kTopicLevelsMax;
}

constexpr std::size_t kNone = std::string_view::npos;

#ifdef __SSE2__
// Bit n: byte n of the 16 is a wildcard.
unsigned WildcardBits(__m128i block) noexcept {
  const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('+')),
                                     _mm_cmpeq_epi8(block, _mm_set1_epi8('#')));
  return static_cast<unsigned>(_mm_movemask_epi8(found));
}

__m128i Load16(const char* text) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
}
__m128i Load8(const char* text) noexcept {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(text));
}
#endif

// Where the first wildcard at or behind `from` stands. find_first_of takes ten times as long, and
// each PUBLISH asks.
std::size_t FindWildcard(std::string_view text, std::size_t from) noexcept {
#ifdef __SSE2__
  for (; text.size() - from >= 16; from += 16) {
    const unsigned bits = WildcardBits(Load16(text.data() + from));
    if (bits != 0) return from + static_cast<std::size_t>(std::countr_zero(bits));
  }
  if (text.size() - from >= 8) {
    const unsigned bits = WildcardBits(Load8(text.data() + from));
    if (bits != 0) return from + static_cast<std::size_t>(std::countr_zero(bits));
    from += 8;
  }
  if (text.size() >= 8 && from < text.size()) {  // the last ones, with some that were seen
    const std::size_t last = text.size() - 8;
    const unsigned bits = WildcardBits(Load8(text.data() + last)) >> (from - last);
    return bits == 0 ? kNone : from + static_cast<std::size_t>(std::countr_zero(bits));
  }
#endif
  for (; from < text.size(); ++from) {
    if (text[from] == '+' || text[from] == '#') return from;
  }
  return kNone;
}

}  // namespace

bool HasWildcard(std::string_view filter) noexcept { return FindWildcard(filter, 0) != kNone; }

bool IsValidTopicName(std::string_view topic) noexcept {
  return !IsOutOfBounds(topic) && !HasWildcard(topic);
}

bool IsValidTopicFilter(std::string_view filter) noexcept {
  if (IsOutOfBounds(filter)) return false;
  for (std::size_t at = FindWildcard(filter, 0); at != kNone; at = FindWildcard(filter, at + 1)) {
    const bool starts_level = at == 0 || filter[at - 1] == '/';
    const bool is_last = at + 1 == filter.size();
    const bool ends_level = is_last || (filter[at] == '+' && filter[at + 1] == '/');
    if (!starts_level || !ends_level) return false;
  }
  return true;
}

std::optional<SharedFilter> ParseSharedFilter(std::string_view filter) noexcept {
  if (!filter.starts_with(kSharePrefix)) return std::nullopt;
  filter.remove_prefix(kSharePrefix.size());
  const std::size_t slash = filter.find('/');
  if (slash == std::string_view::npos) return SharedFilter{filter, {}};
  return SharedFilter{filter.substr(0, slash), filter.substr(slash + 1)};
}

bool IsValidSharedFilter(const SharedFilter& shared) noexcept {
  const bool is_name_valid = !shared.share_name.empty() && !HasWildcard(shared.share_name) &&
                             shared.share_name.find('/') == std::string_view::npos;
  return is_name_valid && IsValidTopicFilter(shared.filter);
}

bool Matches(std::string_view filter, std::string_view topic) noexcept {
  const bool starts_with_wildcard = !filter.empty() && (filter[0] == '+' || filter[0] == '#');
  if (starts_with_wildcard && topic.starts_with('$')) return false;
  Levels filter_levels(filter);
  Levels topic_levels(topic);
  std::string_view wanted;
  std::string_view level;
  while (filter_levels.Next(wanted)) {
    if (wanted == "#") return true;  // the parent too: its levels have all matched
    if (!topic_levels.Next(level)) return false;
    if (wanted != "+" && wanted != level) return false;
  }
  return !topic_levels.Next(level);
}

}  // namespace tandem::mqtt
