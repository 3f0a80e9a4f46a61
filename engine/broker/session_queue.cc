#include "engine/broker/session_queue.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace tandem::broker {
namespace {

// A queue that is empty for a moment keeps a ring this small, so that traffic one by one does not
// allocate each time.
constexpr std::size_t kSlotsKept = 4;

}  // namespace

mqtt::PacketId SessionQueue::PacketIdOf(std::uint64_t number) noexcept {
  return static_cast<mqtt::PacketId>(1 + number % kPacketIds);
}

std::uint64_t SessionQueue::first_number() const noexcept {
  if (!sent_.empty()) return sent_.front().number;
  return queued_.empty() ? next_number_ : queued_.front().number;
}

void SessionQueue::Push(OutboundMessage message) {
  TANDEM_DCHECK(message.state == OutboundState::kQueued);
  ++waiting_;
  waiting_bytes_ += message.bytes();
  queued_.push_back({next_number_++, std::move(message)});
}

OutboundMessage* SessionQueue::Next() noexcept {
  while (cursor_ < sent_.size() && sent_[cursor_].message.state == OutboundState::kDone) ++cursor_;
  if (cursor_ < sent_.size()) return &sent_[cursor_].message;
  if (queued_.empty() || queued_.front().number - first_number() >= kPacketIds) return nullptr;
  return &queued_.front().message;
}

mqtt::PacketId SessionQueue::next_packet_id() const noexcept {
  return PacketIdOf(cursor_ < sent_.size() ? sent_[cursor_].number : queued_.front().number);
}

void SessionQueue::MarkSent() {
  if (cursor_ == sent_.size()) {
    Slot slot = std::move(queued_.front());
    queued_.pop_front();
    slot.message.state = OutboundState::kSent;
    sent_.push_back(std::move(slot));
  }
  ++in_flight_;
  ++cursor_;
}

void SessionQueue::DropNext() {
  if (cursor_ < sent_.size()) {
    Finish(sent_[cursor_++].message);
  } else {
    Finish(queued_.front().message);
    queued_.pop_front();
  }
  TrimFront();
}

void SessionQueue::Rewind() noexcept {
  cursor_ = 0;
  in_flight_ = 0;
  if (waiting_ == 0) ReleaseMemory(0);
}

// Numbers rise along a ring, mostly by one.
std::optional<std::size_t> SessionQueue::Find(const RingQueue<Slot>& ring, std::uint64_t number) {
  if (ring.empty() || number < ring.front().number) return std::nullopt;
  const std::uint64_t distance = number - ring.front().number;
  std::size_t low = 0;
  std::size_t high = distance < ring.size() ? static_cast<std::size_t>(distance) : ring.size() - 1;
  if (ring[high].number == number) return high;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (ring[middle].number < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (ring[low].number != number) return std::nullopt;
  return low;
}

std::optional<std::size_t> SessionQueue::IndexOf(mqtt::PacketId id) const {
  if (id == mqtt::kNoPacketId || sent_.empty()) return std::nullopt;
  const std::uint64_t first = sent_.front().number;
  const std::uint64_t wanted = static_cast<std::uint64_t>(id) - 1;
  const auto index = Find(sent_, first + (wanted + kPacketIds - first % kPacketIds) % kPacketIds);
  if (index && *index >= cursor_) return std::nullopt;
  return index;
}

std::optional<OutboundMessage> SessionQueue::Acknowledge(mqtt::PacketId id, mqtt::QoS qos) {
  const auto index = IndexOf(id);
  if (!index) return std::nullopt;
  OutboundMessage& message = sent_[*index].message;
  if (message.state != OutboundState::kSent || message.qos != qos) return std::nullopt;
  waiting_bytes_ -= message.bytes();
  OutboundMessage done = std::move(message);
  message = OutboundMessage();
  --in_flight_;
  Finish(message);
  TrimFront();
  return done;
}

SessionQueue::ReceivedResult SessionQueue::Received(mqtt::PacketId id) {
  const auto index = IndexOf(id);
  if (!index) return ReceivedResult::kUnknown;
  OutboundMessage& message = sent_[*index].message;
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
  if (!index || sent_[*index].message.state != OutboundState::kReleased) return false;
  --in_flight_;
  Finish(sent_[*index].message);
  TrimFront();
  return true;
}

std::optional<OutboundMessage> SessionQueue::DropOldestQueued() {
  if (queued_.empty()) return std::nullopt;
  OutboundMessage dropped = std::move(queued_.front().message);
  queued_.pop_front();
  --waiting_;
  waiting_bytes_ -= dropped.bytes();
  return dropped;
}

void SessionQueue::Discard(std::uint64_t number) {
  if (const auto index = Find(sent_, number)) {
    if (*index < cursor_) --in_flight_;
    Finish(sent_[*index].message);
  } else if (const auto queued = Find(queued_, number)) {
    Finish(queued_[*queued].message);
    discarded_ = true;
  }
}

// Its state and its bytes; quotas are the caller's.
void SessionQueue::Finish(OutboundMessage& message) noexcept {
  waiting_bytes_ -= message.bytes();
  message = OutboundMessage();
  message.state = OutboundState::kDone;
  --waiting_;
}

void SessionQueue::TrimFront() {
  while (!sent_.empty() && sent_.front().message.state == OutboundState::kDone) {
    sent_.pop_front();
    if (cursor_ > 0) --cursor_;
  }
  if (waiting_ == 0) ReleaseMemory(kSlotsKept);
}

void SessionQueue::RemoveDiscarded() {
  if (std::exchange(discarded_, false)) {
    RingQueue<Slot> left;
    for (std::size_t i = 0; i < queued_.size(); ++i) {
      if (queued_[i].message.state == OutboundState::kQueued) left.push_back(std::move(queued_[i]));
    }
    queued_ = std::move(left);
  }
  TrimFront();
}

void SessionQueue::ReleaseMemory(std::size_t slots_kept) {
  if (sent_.capacity() > slots_kept) sent_.ReleaseIfEmpty();
  if (queued_.capacity() > slots_kept) queued_.ReleaseIfEmpty();
}

void SessionQueue::StartAt(std::uint64_t number) {
  TANDEM_CHECK(waiting_ == 0);
  next_number_ = number;
}

bool SessionQueue::Restore(std::uint64_t number, OutboundMessage message) {
  const bool was_sent = message.state != OutboundState::kQueued;
  if (number < next_number_ || (was_sent && !queued_.empty())) return false;
  next_number_ = number + 1;
  ++waiting_;
  waiting_bytes_ += message.bytes();
  (was_sent ? sent_ : queued_).push_back({number, std::move(message)});
  return true;
}

}  // namespace tandem::broker
