// The retained messages (3.3.1.3) whose topics have their home on this core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/base/clock.h"
#include "engine/broker/message.h"

namespace tandem::broker {

// One per core. The last write by hybrid clock wins, then the higher message identity; a deletion
// (empty payload) is a write, kept as a tombstone for a while so that an older value from the other
// node cannot bring the topic back (P9).
class RetainedStore {
 public:
  enum class SetResult : std::uint8_t { kStored, kDeleted, kOlder };
  // Takes `message` as the value of its topic, unless a newer one is there.
  SetResult Set(MessagePtr message, MonoNs now);

  // The value of `topic` if there is one that has not expired.
  MessagePtr Get(std::string_view topic, MonoNs now) const;

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

 private:
  struct Value {
    MessagePtr message;
    MonoNs written_at = 0;
  };
  using Map = absl::btree_map<std::string, Value>;

  static bool IsLive(const Value& value, MonoNs now) noexcept {
    return !value.message->payload().empty() && value.message->expires_at() > now;
  }
  void Forget(const Value& value) noexcept;

  Map topics_;
  std::string swept_;  // the last topic that Sweep looked at
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tandem::broker
