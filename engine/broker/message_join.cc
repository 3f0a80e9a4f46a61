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

bool IsSameOrigin(const MessageId& a, const MessageId& b) noexcept {
  return a.node == b.node && a.core == b.core && a.incarnation == b.incarnation;
}

}  // namespace

void MessageJoin::Add(Unplaced unplaced) {
  const MessageId& id = unplaced.message->id();
  // Places of one origin come in the order of its numbers: its last one tells.
  const auto last = std::find_if(unfilled_.rbegin(), unfilled_.rend(), [&](const Unfilled& u) {
    return !u.by_spare && IsSameOrigin(u.message, id);
  });
  if (last != unfilled_.rend() && last->message.number > id.number) return;
  unplaced_.push_back(std::move(unplaced));
}

std::optional<MessageJoin::Unplaced> MessageJoin::TakeMessage(const MessageId& id) {
  // The owner routes what one core took from publishers in the order of its numbers: what came
  // before this one and has no place will never get one.
  const auto is_passed_over = [&](const Unplaced& u) {
    return IsSameOrigin(u.message->id(), id) && u.message->id().number < id.number;
  };
  std::optional<Unplaced> taken;
  for (auto it = unplaced_.begin(); it != unplaced_.end() && !taken;) {
    if (it->message->id() == id) taken = std::move(*it);
    it = taken || is_passed_over(*it) ? unplaced_.erase(it) : it + 1;
  }
  return taken;
}

std::optional<MessageJoin::Unfilled> MessageJoin::TakePlace(const MessageId& id) {
  return TakeFirst(unfilled_, [&](const Unfilled& u) { return !u.by_spare && u.message == id; });
}

std::optional<MessageJoin::Unfilled> MessageJoin::TakePlace(std::uint64_t number) {
  return TakeFirst(unfilled_, [&](const Unfilled& u) { return u.number == number; });
}

bool MessageJoin::IsAsked(std::uint64_t number) const noexcept {
  return std::any_of(unfilled_.begin(), unfilled_.end(),
                     [&](const Unfilled& u) { return u.number == number && u.asked; });
}

void MessageJoin::Expect(const MessageId& id, MonoNs now) {
  if (expected_.insert(id).second) expected_since_.push_back({id, now});
}

bool MessageJoin::TakeExpected(const MessageId& id) { return expected_.erase(id) != 0; }

std::size_t MessageJoin::Forget(MonoNs since) {
  for (; !expected_since_.empty() && expected_since_.front().since < since;
       expected_since_.pop_front()) {
    expected_.erase(expected_since_.front().message);
  }
  std::size_t count = 0;
  for (; !unplaced_.empty() && unplaced_.front().since < since; ++count) unplaced_.pop_front();
  return count;
}

}  // namespace tandem::broker
