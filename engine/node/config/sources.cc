#include "engine/node/config/sources.h"

#include <algorithm>
#include <utility>

#include "engine/base/strings.h"
#include "engine/node/config/keys.h"

namespace tandem::config {
namespace {

constexpr std::string_view kVariablePrefix = "TANDEM_";

void Add(std::string path, std::string value, const Origin& origin, Settings& settings,
         std::vector<Problem>& problems) {
  if (FindKey(PatternOf(path)) == nullptr) {
    problems.push_back({origin, "unknown key \"" + Escaped(path) + "\"" + DidYouMean(path)});
    return;
  }
  settings.insert_or_assign(std::move(path), Setting{std::move(value), /*is_text=*/true, origin});
}

// "NODE__DATA_DIR" is "node.data_dir".
std::string PathOf(std::string_view variable) {
  std::string path;
  for (std::size_t i = 0; i < variable.size(); ++i) {
    if (variable.substr(i, 2) == "__") {
      path += '.';
      ++i;
    } else {
      const char c = variable[i];
      path += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return path;
}

// "node.data_dir" is "TANDEM_NODE__DATA_DIR".
std::string VariableOf(std::string_view path) {
  std::string variable(kVariablePrefix);
  for (const char c : path) {
    if (c == '.') {
      variable += "__";
    } else {
      variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return variable;
}

// A variable that is a key but for a "_" where "__" belongs would be ignored silently; it is
// refused instead.
void RefuseNearMiss(const std::string& name, std::vector<Problem>& problems) {
  for (const Key& key : Keys()) {
    const std::string right = VariableOf(key.path);
    std::string with_single = right;
    for (std::size_t at = with_single.find("__"); at != std::string::npos;
         at = with_single.find("__")) {
      with_single.erase(at, 1);
    }
    if (with_single == name) {
      problems.push_back(
          {{name},
           "unknown key: sections are separated by \"__\" (did you mean \"" + right + "\"?)"});
    }
  }
}

}  // namespace

void GatherEnvironment(const std::vector<std::string>& environment, Settings& settings,
                       std::vector<Problem>& problems) {
  for (const std::string& line : environment) {
    const std::size_t equals = line.find('=');
    if (!line.starts_with(kVariablePrefix) || equals == std::string::npos) continue;
    const std::string name = line.substr(0, equals);
    if (name.find("__") == std::string::npos) {
      RefuseNearMiss(name, problems);
      continue;
    }
    Add(PathOf(std::string_view(name).substr(kVariablePrefix.size())), line.substr(equals + 1),
        {name}, settings, problems);
  }
}

void GatherSets(const std::vector<std::string>& sets, Settings& settings,
                std::vector<Problem>& problems) {
  for (const std::string& set : sets) {
    const Origin origin = {"--set " + set};
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.push_back({origin, "expected section.key=value"});
      continue;
    }
    Add(set.substr(0, equals), set.substr(equals + 1), origin, settings, problems);
  }
}

}  // namespace tandem::config
