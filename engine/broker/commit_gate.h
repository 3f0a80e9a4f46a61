// The one mechanism behind every promise: a packet that makes one is held until what it promises is
// safe elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/ring_queue.h"

namespace tandem::broker {

// What must have happened before a packet may leave. All count up and never back within an epoch.
struct CommitPosition {
  std::uint64_t peer = 0;  // the other node has applied this core's stream up to here
  std::uint64_t cores =
      0;  // the other cores of this node have applied this core's interest changes up to here
  std::uint64_t mirrored = 0;  // the other node's copies follow, and this node's cores know that
  std::uint64_t routed = 0;    // other cores of this node have safely taken what was handed to them
  friend bool operator==(const CommitPosition&, const CommitPosition&) = default;
};

// One per core. `Held` is what to do when the position is reached; released in the order of
// holding, so the packets of one connection never overtake one another.
template <class Held>
class CommitGate {
 public:
  bool IsReached(const CommitPosition& position) const noexcept {
    return position.peer <= reached_.peer && position.cores <= reached_.cores &&
           position.mirrored <= reached_.mirrored && position.routed <= reached_.routed;
  }
  // Holds `held` behind all that is held already.
  void Hold(const CommitPosition& position, Held&& held) {
    Entry& entry = queue_.emplace_back();
    entry.position = position;
    entry.held = std::move(held);
  }

  void PeerReached(std::uint64_t number) noexcept {
    if (number > reached_.peer) reached_.peer = number;
  }
  void CoresReached(std::uint64_t number) noexcept {
    if (number > reached_.cores) reached_.cores = number;
  }
  void MirroredReached(std::uint64_t number) noexcept {
    if (number > reached_.mirrored) reached_.mirrored = number;
  }
  void RoutedReached(std::uint64_t number) noexcept {
    if (number > reached_.routed) reached_.routed = number;
  }
  // The other node is gone, or a new epoch numbers from 1 again: nothing that was held waits for it
  // any longer.
  void ForgetPeer() noexcept {
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      queue_[i].position.peer = 0;
      queue_[i].position.mirrored = 0;
    }
    reached_.peer = 0;
  }

  // Calls release(Held&&) for what may go. `release` may hold more.
  template <class Fn>
  void Release(Fn&& release) {
    while (!queue_.empty() && IsReached(queue_.front().position)) {
      Held held = std::move(queue_.front().held);
      queue_.pop_front();
      release(std::move(held));
    }
  }
  void Clear() noexcept { queue_ = {}; }
  std::size_t held() const noexcept { return queue_.size(); }

 private:
  struct Entry {
    CommitPosition position;
    Held held{};
  };
  RingQueue<Entry> queue_;
  CommitPosition reached_;
};

}  // namespace tandem::broker
