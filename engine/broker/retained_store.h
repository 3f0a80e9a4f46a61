// The retained messages (3.3.1.3) whose topics have their home on this core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/base/clock.h"
#include "engine/broker/message.h"
#include "engine/broker/retained_budget.h"

namespace tandem::broker {

// One per core. The last write by hybrid clock wins, then the higher message identity; a deletion
// (empty payload) is a write, kept as a tombstone for a while so that an older value from the other
// node cannot bring the topic back (P9). Topics below $SYS are this node's own: they count for
// nothing and are not told to the other one.
class RetainedStore {
 public:
  // Where all stores of the node add up what they have. It outlives this object.
  void ShareBudget(RetainedBudget& budget) noexcept { budget_ = &budget; }

  enum class SetResult : std::uint8_t { kStored, kDeleted, kOlder };
  // Takes `message` as the value of its topic, unless a newer one is there.
  SetResult Set(MessagePtr message, MonoNs now);

  struct Value {
    MessagePtr message;
    MonoNs written_at = 0;
  };
  // The value of `topic` or the tombstone in its place; null: neither.
  const Value* Peek(std::string_view topic) const;

  // The value of `topic` if there is one that has not expired.
  MessagePtr Get(std::string_view topic, MonoNs now) const;

  // Whether a message of `bytes` may become the value of `topic`: in place of one that is there, or
  // by the budget.
  bool HasRoomFor(std::string_view topic, std::size_t bytes, MonoNs now) const;

  // The same, and takes the room for it out of the budget, until Release: nothing if there is none.
  std::optional<RetainedRoom> Reserve(std::string_view topic, std::size_t bytes, MonoNs now);
  void Release(const RetainedRoom& room) noexcept {
    if (budget_ != nullptr) budget_->Release(room);
  }

  // A page of the values that match `filter`, in order of topics, after topic `after`. Looks at no
  // more than `visits_max` topics and yields no more than `messages_max` messages or (about)
  // `bytes_max` bytes.
  struct Page {
    std::vector<MessagePtr> messages;
    std::string last;   // pass as `after` for the next page
    bool done = false;  // there is nothing behind it
  };
  Page Find(std::string_view filter, std::string_view after, MonoNs now, std::size_t visits_max,
            std::size_t messages_max, std::size_t bytes_max) const;

  // All values and tombstones in order of topics, for bringing the other node in step: up to
  // `messages_max` after `after`.
  Page Walk(std::string_view after, std::size_t messages_max, std::size_t bytes_max) const;

  // Drops what has expired and tombstones older than `tombstone_age_ns`; looks at no more than
  // `visits_max` topics and goes on there next time.
  void Sweep(MonoNs now, MonoNs tombstone_age_ns, std::size_t visits_max);

  std::size_t messages() const noexcept { return messages_; }  // without tombstones
  std::size_t bytes() const noexcept { return bytes_; }        // payload bytes of these
  std::size_t topics() const noexcept { return topics_.size(); }
  std::uint64_t deletions_forgotten() const noexcept { return deletions_forgotten_; }

 private:
  using Map = absl::btree_map<std::string, Value>;

  static bool IsLive(const Value& value, MonoNs now) noexcept {
    return !value.message->payload().empty() && value.message->expires_at() > now;
  }
  void Count(const Message& message, std::int64_t sign) noexcept;
  void RememberDeletion(std::string_view topic);

  Map topics_;
  std::string swept_;  // the last topic that Sweep looked at
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  RetainedBudget* budget_ = nullptr;
  // Topics that were deleted, the last ones last; some have a value again.
  std::deque<std::string> deletions_;
  std::size_t deletion_bytes_ = 0;
  std::uint64_t deletions_forgotten_ = 0;
};

}  // namespace tandem::broker
