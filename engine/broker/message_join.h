// Brings messages and their places in one session's queue together. Both come to a mirror on ways
// of their own and in either order: the message because it matches here as well, its place from the
// owner, who names it by its identity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_origin.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// One for each session that is mirrored here, and for one that was until lately. Both sides are
// mostly taken in the order of arrival, so that a search ends at the front.
class MessageJoin {
 public:
  // Routed to the session here; the owner has not said where it stands.
  struct Unplaced {
    MessagePtr message;
    mqtt::QoS qos{};
    bool retain = false;
    std::vector<std::uint32_t> identifiers;
    MonoNs since = 0;
  };
  // The owner has said where it stands; the message has not come.
  struct Unfilled {
    MessageId message;
    std::uint64_t number = 0;
    MonoNs since = 0;
    PeerOrigin origin;  // the record that said so, not applied before the message is there; or none
    bool asked = false;     // the owner, for a copy
    bool by_spare = false;  // a shared group's: the message comes as the spare, not by routing
  };

  // Not if a later one of the same origin has its place already: then the owner has passed it over.
  void Add(Unplaced unplaced);
  void Add(Unfilled unfilled) { unfilled_.push_back(unfilled); }
  // The message that `id` names, taken out. Earlier ones of the same origin are forgotten: the
  // owner has passed them over (it did not have the subscription, or had it no longer).
  std::optional<Unplaced> TakeMessage(const MessageId& id);
  // The place that waits for a routed message, taken out.
  std::optional<Unfilled> TakePlace(const MessageId& id);
  std::optional<Unfilled> TakePlace(std::uint64_t number);
  // The message came in another way than by routing: one that is routed later is not new.
  void Expect(const MessageId& id, MonoNs now);
  bool TakeExpected(const MessageId& id);
  // The message has got its place in another way.
  void Forget(const MessageId& id) {
    std::erase_if(unplaced_, [&](const Unplaced& u) { return u.message->id() == id; });
  }

  // In the order of arrival.
  std::deque<Unplaced> TakeMessages() { return std::exchange(unplaced_, {}); }
  std::deque<Unfilled> TakePlaces() { return std::exchange(unfilled_, {}); }
  std::deque<Unfilled>& places() noexcept { return unfilled_; }
  // Forgets messages that the session does not want any longer: the owner has passed them over.
  template <class IsWanted>
  void ForgetUnwanted(IsWanted&& is_wanted) {
    std::erase_if(unplaced_, [&](const Unplaced& u) { return !is_wanted(*u.message); });
  }
  // Forgets messages that came before `since`: no place is coming for them. How many.
  std::size_t Forget(MonoNs since);

  bool IsAsked(std::uint64_t number) const noexcept;
  bool waits_for_messages() const noexcept { return !unfilled_.empty(); }
  std::size_t unplaced() const noexcept { return unplaced_.size(); }
  bool empty() const noexcept {
    return unplaced_.empty() && unfilled_.empty() && expected_.empty();
  }

 private:
  struct Expected {
    MessageId message;
    MonoNs since = 0;
  };
  std::deque<Unplaced> unplaced_;
  std::deque<Unfilled> unfilled_;
  absl::btree_set<MessageId> expected_;
  std::deque<Expected> expected_since_;  // the same and some that came
};

}  // namespace tandem::broker
