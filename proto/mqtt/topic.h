// Topic names and topic filters (4.7, 4.8.2).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tandem::mqtt {

// A name to publish to: not empty, no wildcard, at most kTopicLevelsMax levels. UTF-8 is the
// decoder's business.
bool IsValidTopicName(std::string_view topic) noexcept;

// A filter without $share: wildcards only as whole levels, '#' only last.
bool IsValidTopicFilter(std::string_view filter) noexcept;

// "$share/{name}/{filter}" taken apart (4.8.2).
struct SharedFilter {
  std::string_view share_name;
  std::string_view filter;
};
// Nothing if `filter` does not start with "$share/"; parts may then be invalid: check with
// IsValidSharedFilter.
std::optional<SharedFilter> ParseSharedFilter(std::string_view filter) noexcept;
bool IsValidSharedFilter(const SharedFilter& shared) noexcept;

bool HasWildcard(std::string_view filter) noexcept;

// Whether `filter` (without $share) matches `topic`: the plain reading of 4.7, for tests and single
// checks. A filter that starts with a wildcard does not match a topic that starts with '$'
// [MQTT-4.7.2-1].
bool Matches(std::string_view filter, std::string_view topic) noexcept;

// Walks the levels of a topic or filter: "a//b" yields "a", "", "b".
class Levels {
 public:
  explicit Levels(std::string_view text) noexcept : rest_(text) {}
  bool Next(std::string_view& level) noexcept {
    if (done_) return false;
    const std::size_t slash = rest_.find('/');
    if (slash == std::string_view::npos) {
      level = rest_;
      done_ = true;
    } else {
      level = rest_.substr(0, slash);
      rest_.remove_prefix(slash + 1);
    }
    return true;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace tandem::mqtt
