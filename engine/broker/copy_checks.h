// Which sessions have changed since their copies on the other node were last compared with them,
// and how far each comparison has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "engine/broker/subscription.h"

namespace tandem::broker {

// A copy that was not like the session, for the log.
struct CopyMismatch {
  std::string client_id;
  std::uint64_t first = 0;  // of the places that were compared
  std::uint64_t owner_hash = 0;
  std::uint64_t copy_hash = 0;
};

// One per shard. A session is compared in steps, each with a part of its queue, so that no turn has
// much to do. What changes meanwhile has it compared once more: a session at rest has been compared
// as it is.
class CopyChecks {
 public:
  // A comparison under way: the next part begins with place `first`.
  struct Check {
    SubscriberId session = kNoSubscriber;
    std::uint64_t first = 0;
  };

  // An epoch begins, whose partner understands hashes or not.
  void Start(bool is_understood) {
    waiting_.clear();
    states_.clear();
    on_ = is_understood;
  }
  void Stop() { Start(false); }

  // The session has changed, and its copy is told so. On the way of each message, so mostly a look.
  void Changed(SubscriberId session) {
    if (!on_) return;
    const std::size_t slot = static_cast<std::size_t>(session);
    if (slot < states_.size() && states_[slot] >= State::kChanged) return;
    Set(session, State::kChanged);
  }
  // The copy is different, and is to be told the whole session.
  void Owe(SubscriberId session) {
    if (on_) Set(session, State::kOwed);
  }
  // It has been told that out of turn: what is left is to compare.
  void Paid(SubscriberId session) {
    if (IsOwed(session)) Set(session, State::kChanged);
  }
  bool IsOwed(SubscriberId session) const noexcept { return StateOf(session) == State::kOwed; }

  std::size_t waiting() const noexcept { return waiting_.size(); }
  // The one that has waited longest. Follow with one of the next three.
  Check Take();
  void PutOff(const Check& check) { waiting_.push_back(check); }
  // It has been compared up to `next`; UINT64_MAX: wholly.
  void Compared(const Check& check, std::uint64_t next);
  // There is nothing to compare.
  void Drop(const Check& check);

 private:
  enum class State : std::uint8_t {
    kSame,     // compared since the last change: not among those that wait
    kWalking,  // unchanged since the present comparison began
    kChanged,
    kOwed,
  };
  State StateOf(SubscriberId session) const noexcept {
    const std::size_t slot = static_cast<std::size_t>(session);
    return slot < states_.size() ? states_[slot] : State::kSame;
  }
  void Set(SubscriberId session, State state);

  bool on_ = false;
  std::vector<State> states_;  // by SubscriberId
  std::deque<Check> waiting_;  // one for each that is not kSame
};

}  // namespace tandem::broker
