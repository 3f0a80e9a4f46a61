// What makes the two nodes of a BrokerWorld a pair, and carries their records, in place of the
// world's own model of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/peer_record.h"
#include "engine/broker/replicator.h"

namespace tandem::testing {

// Outlives the world that it is given to. Times are those of the node's own clock.
class WorldPartners {
 public:
  // Runs `task` on core `to`, in order with the mail that core `from` sends there.
  using Post = std::function<void(CoreId from, CoreId to, absl::AnyInvocable<void()> task)>;

  virtual ~WorldPartners() = default;
  // A process begins; `cores` are the brokers' ends, and live until it is killed.
  virtual void Start(std::size_t node, Incarnation incarnation,
                     const std::vector<broker::ReplicatorEvents*>& cores, const Post& post,
                     const Now& now) = 0;
  // It dies, without a word.
  virtual void Kill(std::size_t node) = 0;
  // One turn of a core.
  // First thing in a turn of the core: whether it stood still.
  virtual void BeginTurn(std::size_t node, std::size_t core, const Now& now) = 0;
  virtual void Turn(std::size_t node, std::size_t core, const Now& now) = 0;
  // Whether there is something for a turn to do, now or later; false once nothing comes of it.
  virtual bool HasWork(std::size_t node, std::size_t core, const Now& now) const = 0;
  virtual MonoNs NextDeadline(std::size_t node, std::size_t core) const = 0;
  // See broker::Replicator.
  virtual void Append(std::size_t node, std::size_t core, std::uint64_t number,
                      broker::PeerRecord record) = 0;
  virtual void Acknowledge(std::size_t node, std::size_t core, CoreId stream,
                           std::uint64_t number) = 0;
};

}  // namespace tandem::testing
