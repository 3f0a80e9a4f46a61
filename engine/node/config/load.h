// From files, environment and command line to a Config, or to the list of everything that is wrong
// with them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/node/config/config.h"
#include "engine/node/config/setting.h"

namespace tandem::config {

// Where a configuration comes from. Later fields override earlier ones, key by key; all override
// the defaults.
struct Sources {
  // Path of a tandem.toml.
  std::optional<std::string> file;
  // "NAME=value" lines; those that do not begin with TANDEM_ are ignored.
  std::vector<std::string> environment;
  // "section.key=value", lists by index: "listener.0.address=127.0.0.1:21883".
  std::vector<std::string> sets;
};

// One thing that is wrong.
struct Problem {
  Origin origin;
  std::string reason;
  friend bool operator==(const Problem&, const Problem&) = default;
};

// "tandem.toml:12:3: node.name: ...".
std::string ToString(const Problem& problem);

struct LoadResult {
  Config config;                  // to be used only if there are no problems
  std::vector<Problem> problems;  // all of them, those of the file in its order first

  bool ok() const { return problems.empty(); }
};

// Reads the file and the other sources, checks each value and their combinations. Reads the secret
// file's size and mode, touches nothing else and starts nothing.
LoadResult Load(const Sources& sources);

}  // namespace tandem::config
