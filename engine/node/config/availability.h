// What the configuration can say and this version cannot do yet. A release that brings a feature
// deletes its row.
#pragma once

#include <vector>

#include "engine/node/config/load.h"
#include "engine/node/config/setting.h"

namespace tandem::config {

// Adds a problem for each setting of `config` that needs something this version does not have.
void RefuseUnavailable(const Config& config, const Settings& settings,
                       std::vector<Problem>& problems);

}  // namespace tandem::config
