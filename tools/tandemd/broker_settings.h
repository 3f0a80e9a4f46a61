// From the operator's configuration to what the engine takes.
#pragma once

#include "engine/broker/broker_config.h"
#include "engine/node/config/config.h"
#include "engine/node/node.h"

namespace tandem::tandemd {

broker::BrokerConfig MakeBrokerConfig(const config::Config& config);

// Everything but the link to the partner. `incarnation` tells this run of the node from all others.
node::NodeOptions MakeNodeOptions(const config::Config& config, Incarnation incarnation);

}  // namespace tandem::tandemd
