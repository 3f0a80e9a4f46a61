// What a core of a node needs of the cluster, one object per core: the replicator of its shard,
// driven from the core's own loop. cluster/ implements it; a node that serves alone has none.
#pragma once

#include <functional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/replicator.h"
#include "engine/reactor/stream_port.h"

namespace tandem::node {

// What the core lends to its link. Lives longer than the link.
struct CoreServices {
  CoreId core{};
  std::uint16_t cores = 1;
  reactor::StreamPort* streams = nullptr;
  broker::ReplicatorEvents* events = nullptr;
  // Runs `task` on another core of this node, in its next turn, in the order of posting per pair of
  // cores. Callable on this core's thread only.
  std::function<void(CoreId, absl::AnyInvocable<void()>)> post;
};

class PartnerLink : public broker::Replicator {
 public:
  // Called on the core's thread before its first turn. A listener that can't be opened is an error
  // with words for an operator.
  virtual absl::Status Start(const CoreServices& services, const Now& now) = 0;
  // First thing in each turn, before anything that came is handed out: whether this core stood
  // still.
  virtual void BeginTurn(const Now& now) = 0;
  // Once per turn of the core's loop, after received data was handed out: runs what is ready,
  // bounded, and flushes to the other node. True if there is more to do at once, so that the core
  // must not sleep.
  virtual bool Turn(const Now& now) = 0;
  // When Turn wants to run even if nothing happens; kNever if never.
  virtual MonoNs NextDeadline() const = 0;
  // Begins an orderly goodbye; Turn goes on being called until stopped() is true.
  virtual void Stop(const Now& now) = 0;
  virtual bool stopped() const = 0;
};

}  // namespace tandem::node
