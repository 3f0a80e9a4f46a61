// How much room the retained messages of a node have left, over all its cores.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tandem::broker {

// Taken out of the budget for a message that will be stored: so many messages and bytes more.
struct RetainedRoom {
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
};

// One per node, shared by the stores of its cores and by those who take messages from clients. Both
// nodes of a pair hold the same retained messages, so each one's own count is the cluster's.
class RetainedBudget {
 public:
  // 0: no limit.
  RetainedBudget(std::size_t messages_max, std::size_t bytes_max) noexcept
      : messages_max_(LimitOf(messages_max)), bytes_max_(LimitOf(bytes_max)) {}

  // A store has so many messages and bytes more, or fewer.
  void Changed(std::int64_t messages, std::int64_t bytes) noexcept {
    messages_.fetch_add(messages, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  // Whether a change keeps within the limits. One that makes nothing larger always does.
  bool HasRoom(std::int64_t messages, std::int64_t bytes) const noexcept {
    return (messages <= 0 || this->messages() + messages <= messages_max_) &&
           (bytes <= 0 || this->bytes() + bytes <= bytes_max_);
  }
  // Takes `room`, neither part of it below 0, if that keeps within the limits. Of cores that want
  // the last place at once one gets it at the most; all may be refused.
  bool Reserve(const RetainedRoom& room) noexcept {
    const std::int64_t messages =
        messages_.fetch_add(room.messages, std::memory_order_relaxed) + room.messages;
    const std::int64_t bytes = bytes_.fetch_add(room.bytes, std::memory_order_relaxed) + room.bytes;
    if ((room.messages == 0 || messages <= messages_max_) &&
        (room.bytes == 0 || bytes <= bytes_max_))
      return true;
    Release(room);
    return false;
  }
  // By whoever has stored the message, since the store counts on its own, or will not.
  void Release(const RetainedRoom& room) noexcept { Changed(-room.messages, -room.bytes); }
  // Whether a new message of `bytes` fits even if all that may be on its way between cores comes
  // first: then its home need not be asked.
  bool HasAmpleRoom(std::int64_t bytes) const noexcept {
    return HasRoom(kMarginMessages, bytes + kMarginBytes);
  }

  std::int64_t messages() const noexcept { return messages_.load(std::memory_order_relaxed); }
  std::int64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t kMarginMessages = 4'096;
  static constexpr std::int64_t kMarginBytes = 16 << 20;
  static std::int64_t LimitOf(std::size_t value) noexcept {
    return value == 0 ? INT64_MAX / 2 : static_cast<std::int64_t>(value);
  }

  const std::int64_t messages_max_;
  const std::int64_t bytes_max_;
  std::atomic<std::int64_t> messages_{0};
  std::atomic<std::int64_t> bytes_{0};
};

}  // namespace tandem::broker
