#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/strings.h"
#include "engine/node/config/keys.h"
#include "engine/node/config/sources.h"

namespace tandem::config {
namespace {

// Walks the tables of one file.
class TomlWalk {
 public:
  TomlWalk(const std::string& path, Settings& settings, std::vector<Problem>& problems)
      : path_(path), settings_(settings), problems_(problems) {}

  void Table(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) Entry(prefix, name, node);
  }

 private:
  void Entry(const std::string& prefix, const toml::key& name, const toml::node& node) {
    const std::string path = prefix + std::string(name.str());
    const std::string pattern = PatternOf(path);
    if (name.str().find('.') != std::string_view::npos) {
      Complain(name.source(), "unknown key \"" + Escaped(name.str()) + "\"");
    } else if (FindKey(pattern) != nullptr) {
      Leaf(path, node);
    } else if (FindSection(pattern + ".#") != nullptr) {
      ListSection(path, name, node);
    } else if (FindSection(pattern) != nullptr) {
      if (const toml::table* section = node.as_table()) {
        Table(*section, path + ".");
      } else {
        Complain(name.source(), "\"" + path + "\" is a section: write [" + path + "]");
      }
    } else {
      Complain(name.source(), "unknown key \"" + Escaped(path) + "\"" + DidYouMean(path));
    }
  }

  void ListSection(const std::string& path, const toml::key& name, const toml::node& node) {
    const toml::array* list = node.as_array();
    const bool tables = list != nullptr && (list->empty() || list->is_homogeneous<toml::table>());
    if (!tables) {
      Complain(name.source(),
               "\"" + path + "\" is a list of sections: write [[" + path + "]] for each");
      return;
    }
    for (std::size_t i = 0; i < list->size(); ++i)
      Table(*(*list)[i].as_table(), path + "." + std::to_string(i) + ".");
  }

  void Leaf(const std::string& path, const toml::node& node) {
    Setting setting;
    setting.origin = OriginOf(node.source());
    if (const auto text = node.value_exact<std::string>()) {
      setting.value = *text;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      setting.value = *number;
    } else if (const auto flag = node.value_exact<bool>()) {
      setting.value = *flag;
    } else if (auto list = Texts(node)) {
      setting.value = *std::move(list);
    } else {
      Complain(node.source(), path + ": expected " + Expected(*FindKey(PatternOf(path))));
      return;
    }
    settings_.insert_or_assign(path, std::move(setting));
  }

  static std::optional<std::vector<std::string>> Texts(const toml::node& node) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return std::nullopt;
    std::vector<std::string> texts;
    for (const toml::node& entry : *list) {
      const auto text = entry.value_exact<std::string>();
      if (!text) return std::nullopt;
      texts.push_back(*text);
    }
    return texts;
  }

  Origin OriginOf(const toml::source_region& region) const {
    return {path_, region.begin.line, region.begin.column};
  }
  void Complain(const toml::source_region& region, std::string reason) {
    problems_.push_back({OriginOf(region), std::move(reason)});
  }

  const std::string& path_;
  Settings& settings_;
  std::vector<Problem>& problems_;
};

}  // namespace

bool GatherFile(const std::string& path, Settings& settings, std::vector<Problem>& problems) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) {
    problems.push_back(
        {{path}, "cannot read the configuration file: " + std::string(std::strerror(errno))});
    return false;
  }
  try {
    const toml::table table = toml::parse(content.str());
    TomlWalk(path, settings, problems).Table(table, "");
    return true;
  } catch (const toml::parse_error& error) {
    const auto& begin = error.source().begin;
    problems.push_back(
        {{path, begin.line, begin.column}, "not TOML: " + std::string(error.description())});
    return false;
  }
}

}  // namespace tandem::config
