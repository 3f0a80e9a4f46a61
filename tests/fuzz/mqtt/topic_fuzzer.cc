// Topic functions against plain readings of the specification. The input is a filter, a null byte,
// and a topic.
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "proto/mqtt/topic.h"

namespace tandem::mqtt {
namespace {

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> levels;
  std::size_t start = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at != text.size() && text[at] != '/') continue;
    levels.push_back(text.substr(start, at - start));
    start = at + 1;
  }
  return levels;
}

bool IsPlainFilter(std::string_view filter) {
  const auto levels = Split(filter);
  if (filter.empty() || filter.size() > 65'535 || levels.size() > 200) return false;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (levels[i] == "#" && i + 1 == levels.size()) continue;
    if (levels[i] == "+") continue;
    for (const char c : levels[i]) {
      if (c == '+' || c == '#') return false;
    }
  }
  return true;
}

bool PlainMatch(std::string_view filter, std::string_view topic) {
  if (!filter.empty() && (filter[0] == '+' || filter[0] == '#') && !topic.empty() &&
      topic[0] == '$')
    return false;
  const auto wanted = Split(filter);
  const auto levels = Split(topic);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") return true;
    if (i == levels.size()) return false;
    if (wanted[i] != "+" && wanted[i] != levels[i]) return false;
  }
  return wanted.size() == levels.size();
}

void Check(std::string_view filter, std::string_view topic) {
  TANDEM_CHECK(IsValidTopicFilter(filter) == IsPlainFilter(filter));
  bool has_wildcard = false;
  for (const char c : topic) has_wildcard = has_wildcard || c == '+' || c == '#';
  TANDEM_CHECK(HasWildcard(topic) == has_wildcard);
  TANDEM_CHECK(IsValidTopicName(topic) == (IsPlainFilter(topic) && !has_wildcard));
  TANDEM_CHECK(Matches(filter, topic) == PlainMatch(filter, topic));
  if (const auto shared = ParseSharedFilter(filter)) {
    const bool is_valid = IsValidSharedFilter(*shared);
    if (is_valid) {
      TANDEM_CHECK("$share/" + std::string(shared->share_name) + "/" +
                       std::string(shared->filter) ==
                   filter);
      TANDEM_CHECK(IsPlainFilter(shared->filter) && !shared->share_name.empty());
    }
  }
}

}  // namespace
}  // namespace tandem::mqtt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = tandem::AsText({data, size});
  const std::size_t end = input.find('\0');
  const std::string_view topic = end == std::string_view::npos ? input : input.substr(end + 1);
  tandem::mqtt::Check(input.substr(0, end), topic);
  return 0;
}
