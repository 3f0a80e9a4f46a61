// Gathers settings from a file, the environment and the command line. Values are not looked at
// here; names are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/node/config/load.h"
#include "engine/node/config/setting.h"

namespace tandem::config {

// Each adds to `settings` what it finds, over what is there, and to `problems` what no key is
// called like.

// A TOML file; the only place that knows toml++. False if it cannot be read, or is no TOML.
bool GatherFile(const std::string& path, Settings& settings, std::vector<Problem>& problems);
// "TANDEM_LISTENER__0__ADDRESS=127.0.0.1:1883" is listener.0.address. Variables without "__" are
// none of ours, unless they are a key but for that.
void GatherEnvironment(const std::vector<std::string>& environment, Settings& settings,
                       std::vector<Problem>& problems);
// "listener.0.address=127.0.0.1:1883".
void GatherSets(const std::vector<std::string>& sets, Settings& settings,
                std::vector<Problem>& problems);

}  // namespace tandem::config
