// Whether both nodes hold the same: each session and its copy, the retained messages.
#pragma once

#include <string>
#include <vector>

#include "tests/support/broker_world.h"

namespace tandem::testing {

// What differs between the two nodes of a world that is at rest and in step; one line per finding.
std::vector<std::string> DifferencesBetweenNodes(BrokerWorld& world);

}  // namespace tandem::testing
