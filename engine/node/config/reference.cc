#include "engine/node/config/reference.h"

#include <string_view>

#include "engine/node/config/availability.h"
#include "engine/node/config/keys.h"

namespace tandem::config {
namespace {

constexpr std::size_t kColumns = 110;

// `text` as comment lines, broken between words.
void AppendComment(std::string& out, std::string_view text) {
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    if (line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line = "#";
    }
    line += " " + std::string(word);
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  out += line + "\n";
}

// "[node]", or "[[cluster.member]]" for a list section. A table within a list entry is written
// inline, as `tls.key`.
std::string Heading(std::string_view path) {
  if (!path.ends_with(".#")) return "[" + std::string(path) + "]";
  return "[[" + std::string(path.substr(0, path.size() - 2)) + "]]";
}

// Whether `key` stands under the heading of `section` itself, and the name it has there; empty if
// not.
std::string_view NameUnder(std::string_view section, std::string_view key) {
  if (!key.starts_with(section) || key.size() <= section.size() || key[section.size()] != '.')
    return {};
  const std::string_view name = key.substr(section.size() + 1);
  const bool nested_in_list_entry = section.ends_with(".#");
  return name.find('.') == std::string_view::npos || nested_in_list_entry ? name
                                                                          : std::string_view{};
}

}  // namespace

std::string Reference() {
  std::string out =
      "# Every key of tandem.toml with its default. Generated from the table in "
      "engine/node/config/keys.cc.\n"
      "# Later sources win, key by key: defaults, this file, environment (TANDEM_NODE__NAME,\n"
      "# TANDEM_LISTENER__0__ADDRESS), command line (--set node.name=alpha, --set "
      "listener.0.address=127.0.0.1:1883).\n";
  for (const Section& section : Sections()) {
    if (section.path.find("#.") != std::string_view::npos) continue;
    out += "\n# ";
    out += section.doc;
    out += "\n#" + Heading(section.path) + "\n";
    for (const Key& key : Keys()) {
      const std::string_view name = NameUnder(section.path, key.path);
      if (name.empty()) continue;
      AppendComment(out, key.doc);
      AppendComment(out, "Takes " + Expected(key) + ".");
      if (const std::string_view note = AvailabilityOf(key.path); !note.empty())
        AppendComment(out, note);
      out += "#" + std::string(name) + " =" + (key.fallback.empty() ? "" : " ") +
             std::string(key.fallback) + "\n";
    }
  }
  return out;
}

}  // namespace tandem::config
