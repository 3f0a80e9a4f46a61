// Which publishers of this core are to be slow, because queues that they feed are above their
// marks.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "engine/base/ids.h"
#include "engine/broker/shared_group.h"

namespace tandem::broker {

// One per shard; the other half of Congestion, which sets brakes from any core of either node.
//
// A publisher is known by the mark that its messages carry (MessageFields::publisher). A brake is
// felt when the publisher sends a message, or is to have an acknowledgement of one, so one that has
// nothing to send costs nothing, and one that comes back by another connection finds it as it left
// it.
class Brakes {
 public:
  // Whether there are any: all that a publish asks while nobody is slow.
  bool any() const noexcept { return !braked_.empty(); }
  bool IsOn(std::uint64_t publisher) const { return braked_.contains(publisher); }

  // By the core `by`, which does not count: twice on is on.
  void Set(const Place& by, std::uint64_t publisher, bool on);
  // Brakes of the other node's cores are off: it is gone, or begins anew.
  void ForgetPeer();

  // The brake is on, and `connection` is slow for it: it will be among the released ones.
  void Felt(std::uint64_t publisher, ConnectionId connection);
  // It is gone, or goes on for other reasons.
  void Forget(std::uint64_t publisher, ConnectionId connection);
  // That core of this node may set brakes for what is sent to it now (CoreCongested).
  void SetCongested(CoreId core, bool on) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << Index(core);
    congested_ = on ? congested_ | bit : congested_ & ~bit;
  }
  bool IsCongested(CoreId core) const noexcept { return (congested_ >> Index(core) & 1) != 0; }

  // Connections whose brakes are off, since the last call.
  std::vector<ConnectionId> TakeReleased() { return std::exchange(released_, {}); }

 private:
  struct Braked {
    std::uint64_t cores = 0;                           // bit: that core of this node has set it,
    std::uint64_t peer_cores = 0;                      // or of the other one
    absl::InlinedVector<ConnectionId, 1> connections;  // that are slow for it
  };
  using Map = absl::btree_map<std::uint64_t, Braked>;

  Map::iterator Release(Map::iterator it);

  Map braked_;  // by publisher; walking it has effects
  std::vector<ConnectionId> released_;
  std::uint64_t congested_ = 0;  // bit: that core of this node is
};

}  // namespace tandem::broker
