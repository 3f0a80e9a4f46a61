#include "engine/node/config/setting.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/strings.h"

namespace tandem::config {
namespace {

bool IsIndex(std::string_view part) {
  return !part.empty() &&
         std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Calls visit for each part between dots.
template <class Visit>
void ForEachPart(std::string_view path, Visit&& visit) {
  while (true) {
    const std::size_t dot = path.find('.');
    visit(path.substr(0, dot));
    if (dot == std::string_view::npos) return;
    path.remove_prefix(dot + 1);
  }
}

struct ShownValue {
  std::string operator()(const std::string& text) const { return "\"" + Escaped(text, 80) + "\""; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(const std::vector<std::string>& list) const {
    std::string out = "[";
    for (const std::string& entry : list) out += (out.size() > 1 ? ", " : "") + (*this)(entry);
    return out + "]";
  }
};

}  // namespace

std::string PatternOf(std::string_view path) {
  std::string pattern;
  bool first = true;  // and perhaps empty: ".a" is not "a"
  ForEachPart(path, [&](std::string_view part) {
    if (!std::exchange(first, false)) pattern += '.';
    pattern += IsIndex(part) ? "#" : part;
  });
  return pattern;
}

std::size_t IndexOf(std::string_view path) {
  std::size_t index = 0;
  bool found = false;
  ForEachPart(path, [&](std::string_view part) {
    if (found || !IsIndex(part)) return;
    std::from_chars(part.data(), part.data() + part.size(), index);
    found = true;
  });
  return index;
}

std::string Shown(const Value& value) { return std::visit(ShownValue{}, value); }

}  // namespace tandem::config
