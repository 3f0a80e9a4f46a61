// Combinations of settings that would not work or would not be safe.
#pragma once

#include <vector>

#include "engine/node/config/load.h"
#include "engine/node/config/setting.h"

namespace tandem::config {

// Adds a problem for each. `settings` tells where things were said. Looks at the secret file's size
// and mode.
void CheckCombinations(const Config& config, const Settings& settings,
                       std::vector<Problem>& problems);

}  // namespace tandem::config
