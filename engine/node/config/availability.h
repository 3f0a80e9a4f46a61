// What the configuration can say and this version cannot do yet. A release that brings a feature
// deletes its row.
#pragma once

#include <string_view>
#include <vector>

#include "engine/node/config/load.h"
#include "engine/node/config/setting.h"

namespace tandem::config {

// What the reference says of a key that this version cannot do, or that has no effect yet; "" of
// all others.
std::string_view AvailabilityOf(std::string_view pattern);

// Adds a problem for each setting of `config` that needs something this version does not have.
void RefuseUnavailable(const Config& config, const Settings& settings,
                       std::vector<Problem>& problems);

}  // namespace tandem::config
