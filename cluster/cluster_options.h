// What the cluster needs to know; tandemd makes it from the configuration ([cluster] and [node]).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/hello.h"
#include "cluster/standing.h"
#include "cluster/witness/witness.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/reactor/transport.h"

namespace tandem::cluster {

struct ClusterMember {
  std::string name;
  // Where it listens for its partner: first the dedicated network, then spare paths.
  std::vector<reactor::Endpoint> links;
};

enum class DiscoveryKind : std::uint8_t {
  kStatic,     // `members` names both
  kMulticast,  // the partner is heard; `members` may name this node, for its links
};

struct MulticastOptions {
  reactor::Endpoint group{.host = "239.255.77.83",
                          .port = 7883};  // administratively scoped (RFC 2365)
  MonoNs announce_every = 250 * kNanosecondsPerMillisecond;
};

struct ClusterOptions {
  // Who this node is. `identity.cores` is set from the first core's services.
  NodeIdentity identity;
  std::vector<ClusterMember> members;  // this node and its partner, in any order
  DiscoveryKind discovery = DiscoveryKind::kStatic;
  MulticastOptions multicast;
  std::string interface;  // bind links and discovery to this NIC; "": by address

  MonoNs failure_after = kNanosecondsPerSecond;
  MonoNs heartbeat_every = 100 * kNanosecondsPerMillisecond;
  // A partner that has not applied a record for so long, or is behind by so many bytes on one core,
  // is dropped.
  MonoNs max_lag = 10 * kNanosecondsPerSecond;
  std::size_t backlog_bytes_max = std::size_t{256} * 1024 * 1024;
  // A starting node whose partner neither answers nor refuses takes it for away. Longer than a
  // partner that is there may take to dial: an attempt that hangs, for a second, and the pause
  // after it, for another.
  MonoNs start_grace = 3 * kNanosecondsPerSecond;
  // What this node does without its partner: when it starts, and when it loses it.
  PartitionRule on_partition = PartitionRule::kServe;
  std::string preferred;                         // kPrefer: the member that goes on
  bool refuse_alone = false;                     // never serve alone, for whatever reason
  MonoNs decide_within = kNanosecondsPerSecond;  // clients wait so long for the witness
  std::shared_ptr<Witness> witness;              // kWitness: not null
  // How long a stop waits for the partner to apply what it is owed.
  MonoNs stop_grace = 2 * kNanosecondsPerSecond;

  std::uint64_t epoch_max = 0;  // the highest epoch stored by an earlier run
  // Called on core 0 when an epoch begins, to be stored; does not wait.
  std::function<void(std::uint64_t)> on_epoch;
  std::uint64_t seed = 0;  // of redial jitter; 0: from the incarnation
};

}  // namespace tandem::cluster
