#include "engine/broker/message_join.h"

#include <algorithm>
#include <utility>

namespace tandem::broker {
namespace {

template <class Queue, class Is>
auto TakeFirst(Queue& queue, Is is) -> std::optional<typename Queue::value_type> {
  const auto it = std::find_if(queue.begin(), queue.end(), is);
  if (it == queue.end()) return std::nullopt;
  std::optional<typename Queue::value_type> taken = std::move(*it);
  queue.erase(it);
  return taken;
}

}  // namespace

std::optional<MessageJoin::Unplaced> MessageJoin::TakeMessage(const MessageId& id) {
  return TakeFirst(unplaced_, [&](const Unplaced& u) { return u.message->id() == id; });
}

std::optional<MessageJoin::Unfilled> MessageJoin::TakePlace(const MessageId& id) {
  return TakeFirst(unfilled_, [&](const Unfilled& u) { return u.message == id; });
}

std::optional<MessageJoin::Unfilled> MessageJoin::TakePlace(std::uint64_t number) {
  return TakeFirst(unfilled_, [&](const Unfilled& u) { return u.number == number; });
}

bool MessageJoin::IsAsked(std::uint64_t number) const noexcept {
  return std::any_of(unfilled_.begin(), unfilled_.end(),
                     [&](const Unfilled& u) { return u.number == number && u.asked; });
}

void MessageJoin::Expect(const MessageId& id, MonoNs now) { expected_.push_back({id, now}); }

bool MessageJoin::TakeExpected(const MessageId& id) {
  return TakeFirst(expected_, [&](const Expected& e) { return e.message == id; }).has_value();
}

std::size_t MessageJoin::Forget(MonoNs since) {
  while (!expected_.empty() && expected_.front().since < since) expected_.pop_front();
  std::size_t count = 0;
  for (; !unplaced_.empty() && unplaced_.front().since < since; ++count) unplaced_.pop_front();
  return count;
}

}  // namespace tandem::broker
