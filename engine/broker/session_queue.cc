#include "engine/broker/session_queue.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace tandem::broker {

mqtt::PacketId SessionQueue::PacketIdOf(std::uint64_t number) noexcept {
  return static_cast<mqtt::PacketId>(1 + number % kPacketIds);
}

void SessionQueue::Push(OutboundMessage message) {
  TANDEM_DCHECK(message.state == OutboundState::kQueued);
  ++queued_;
  ++waiting_;
  waiting_bytes_ += message.bytes();
  messages_.push_back(std::move(message));
}

OutboundMessage* SessionQueue::Next() noexcept {
  while (cursor_ < messages_.size() && messages_[cursor_].state == OutboundState::kDone) ++cursor_;
  if (cursor_ >= messages_.size() || cursor_ >= kPacketIds) return nullptr;
  return &messages_[cursor_];
}

void SessionQueue::MarkSent() {
  OutboundMessage& message = messages_[cursor_];
  if (message.state == OutboundState::kQueued) {
    message.state = OutboundState::kSent;
    --queued_;
  }
  ++in_flight_;
  ++cursor_;
}

void SessionQueue::DropNext() {
  const std::size_t index = cursor_++;
  Finish(index);
}

void SessionQueue::Rewind() noexcept {
  cursor_ = 0;
  in_flight_ = 0;
}

std::optional<std::size_t> SessionQueue::IndexOf(mqtt::PacketId id) const noexcept {
  if (id == mqtt::kNoPacketId) return std::nullopt;
  const std::uint64_t wanted = static_cast<std::uint64_t>(id) - 1;
  const std::size_t index =
      static_cast<std::size_t>((wanted + kPacketIds - first_number_ % kPacketIds) % kPacketIds);
  if (index >= cursor_ || index >= messages_.size())
    return std::nullopt;  // never sent on this connection
  return index;
}

std::optional<OutboundMessage> SessionQueue::Acknowledge(mqtt::PacketId id, mqtt::QoS qos) {
  const auto index = IndexOf(id);
  if (!index || messages_[*index].state != OutboundState::kSent || messages_[*index].qos != qos)
    return std::nullopt;
  OutboundMessage done = std::move(messages_[*index]);
  waiting_bytes_ -= done.bytes();
  messages_[*index].state = OutboundState::kSent;
  messages_[*index].message = MessagePtr();
  --in_flight_;
  Finish(*index);
  TrimFront();
  return done;
}

SessionQueue::ReceivedResult SessionQueue::Received(mqtt::PacketId id) {
  const auto index = IndexOf(id);
  if (!index) return ReceivedResult::kUnknown;
  OutboundMessage& message = messages_[*index];
  if (message.qos != mqtt::QoS::kExactlyOnce) return ReceivedResult::kUnknown;
  if (message.state == OutboundState::kReleased) return ReceivedResult::kRepeated;
  if (message.state != OutboundState::kSent) return ReceivedResult::kUnknown;
  waiting_bytes_ -= message.bytes();
  message.message = MessagePtr();
  message.group = IntrusivePtr<SharedKey>();
  message.state = OutboundState::kReleased;
  return ReceivedResult::kReleased;
}

bool SessionQueue::Complete(mqtt::PacketId id) {
  const auto index = IndexOf(id);
  if (!index || messages_[*index].state != OutboundState::kReleased) return false;
  --in_flight_;
  Finish(*index);
  TrimFront();
  return true;
}

std::optional<OutboundMessage> SessionQueue::DropOldestQueued() {
  if (queued_ == 0) return std::nullopt;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].state != OutboundState::kQueued) continue;
    OutboundMessage dropped = std::move(messages_[i]);
    waiting_bytes_ -= dropped.bytes();
    messages_[i] = OutboundMessage();
    Finish(i);
    TrimFront();
    return dropped;
  }
  TANDEM_CHECK_MSG(false, "queued_ does not agree with the messages");
  return std::nullopt;
}

void SessionQueue::Discard(std::uint64_t number) {
  const auto index = static_cast<std::size_t>(number - first_number_);
  OutboundMessage& message = messages_[index];
  const bool was_in_flight = index < cursor_ && message.state != OutboundState::kQueued;
  if (was_in_flight) --in_flight_;
  Finish(index);
}

// Turns the message into a gap. Quotas are the caller's.
void SessionQueue::Finish(std::size_t index) {
  OutboundMessage& message = messages_[index];
  if (message.state == OutboundState::kQueued) --queued_;
  waiting_bytes_ -= message.bytes();
  message = OutboundMessage();
  message.state = OutboundState::kDone;
  --waiting_;
}

void SessionQueue::TrimFront() {
  while (!messages_.empty() && messages_.front().state == OutboundState::kDone) {
    messages_.pop_front();
    ++first_number_;
    if (cursor_ > 0) --cursor_;
  }
  messages_.ReleaseIfEmpty();
}

void SessionQueue::StartAt(std::uint64_t number) {
  TANDEM_CHECK(messages_.empty());
  first_number_ = number;
}

void SessionQueue::Restore(std::uint64_t number, OutboundMessage message) {
  TANDEM_CHECK(number >= next_number());
  while (next_number() < number) {
    OutboundMessage gap;
    gap.state = OutboundState::kDone;
    messages_.push_back(std::move(gap));
  }
  ++waiting_;
  if (message.state == OutboundState::kQueued) ++queued_;
  waiting_bytes_ += message.bytes();
  messages_.push_back(std::move(message));
}

}  // namespace tandem::broker
