// From the operator's configuration to what the cluster takes.
#pragma once

#include "absl/status/statusor.h"
#include "cluster/cluster_options.h"
#include "engine/base/ids.h"
#include "engine/node/config/config.h"

namespace tandem::tandemd {

// Whether this node has, or looks for, a partner.
bool HasPartner(const config::Config& config);

// Reads the secret file. For a configuration with HasPartner().
absl::StatusOr<cluster::ClusterOptions> MakeClusterOptions(const config::Config& config,
                                                           Incarnation incarnation);

}  // namespace tandem::tandemd
