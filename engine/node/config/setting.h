// What was said about one key, and where.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::config {

using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

// A place where an operator wrote something.
struct Origin {
  std::string name;   // "/etc/tandem/tandem.toml", "TANDEM_NODE__NAME", "--set node.name=x"; empty:
                      // no single place
  unsigned line = 0;  // in a file, from 1; 0: no file
  unsigned column = 0;  // from 1
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct Setting {
  Value value;
  bool is_text = false;  // from the environment or --set: to be read as the type that the key has
  Origin origin;
};

// By dotted path with list indices: "listener.0.address". The order (by path) reaches messages
// only.
using Settings = std::map<std::string, Setting, std::less<>>;

// A path as the table of keys has it: "listener.0.address" is "listener.#.address".
std::string PatternOf(std::string_view path);

// The first list index in a path: 2 for "listener.2.address"; 0 if there is none.
std::size_t IndexOf(std::string_view path);

// A value as the operator wrote it, for messages; long ones are cut.
std::string Shown(const Value& value);

}  // namespace tandem::config
