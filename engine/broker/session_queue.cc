#include "engine/broker/session_queue.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/planted_bug.h"

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
  while (cursor_ < sent_.size() && sent_[cursor_].message.is_over()) ++cursor_;
  if (cursor_ < sent_.size()) return &sent_[cursor_].message;
  if (queued_.empty() || queued_.front().number - first_number() >= kPacketIds) return nullptr;
  OutboundMessage& next = queued_.front().message;
  return next.message || next.state == OutboundState::kReleased ? &next : nullptr;
}

mqtt::PacketId SessionQueue::next_packet_id() const noexcept {
  return PacketIdOf(cursor_ < sent_.size() ? sent_[cursor_].number : queued_.front().number);
}

void SessionQueue::MarkSent() {
  if (cursor_ == sent_.size()) {
    Slot slot = std::move(queued_.front());
    queued_.pop_front();
    if (slot.message.state == OutboundState::kQueued) slot.message.state = OutboundState::kSent;
    sent_.push_back(std::move(slot));
  }
  ++in_flight_;
  ++cursor_;
}

void SessionQueue::DropNext() {
  if (cursor_ < sent_.size()) {
    Finish(sent_[cursor_++]);
  } else {
    Finish(queued_.front());
    queued_.pop_front();
  }
  TrimFront();
}

void SessionQueue::Rewind() noexcept {
  cursor_ = 0;
  in_flight_ = 0;
  if (std::exchange(taken_, 0) != 0) {
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      if (sent_[i].message.is_over()) sent_[i].message.state = OutboundState::kDone;
    }
    TrimFront();
  }
  if (waiting_ == 0) ReleaseMemory(0);
}

// The first slot of `number` or above. Numbers rise along a ring, mostly by one.
std::size_t SessionQueue::LowerBound(const RingQueue<Slot>& ring, std::uint64_t number) {
  if (ring.empty() || number <= ring.front().number) return 0;
  const std::uint64_t distance = number - ring.front().number;
  std::size_t low = 0;
  std::size_t high = distance < ring.size() ? static_cast<std::size_t>(distance) : ring.size();
  if (high < ring.size() && ring[high].number == number) return high;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (ring[middle].number < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<std::size_t> SessionQueue::IndexIn(const RingQueue<Slot>& ring,
                                                 std::uint64_t number) {
  const std::size_t index = LowerBound(ring, number);
  if (index == ring.size() || ring[index].number != number) return std::nullopt;
  return index;
}

std::optional<std::size_t> SessionQueue::IndexOf(mqtt::PacketId id) const {
  if (id == mqtt::kNoPacketId || sent_.empty()) return std::nullopt;
  const std::uint64_t first = sent_.front().number;
  const std::uint64_t wanted = static_cast<std::uint64_t>(id) - 1;
  const auto index =
      IndexIn(sent_, first + (wanted + kPacketIds - first % kPacketIds) % kPacketIds);
  if (index && *index >= cursor_) return std::nullopt;
  return index;
}

std::optional<std::size_t> SessionQueue::Acknowledge(mqtt::PacketId id, mqtt::QoS qos) {
  const auto index = IndexOf(id);
  if (!index) return std::nullopt;
  OutboundMessage& message = sent_[*index].message;
  if (message.state != OutboundState::kSent || message.qos != qos) return std::nullopt;
  const std::size_t bytes = message.bytes();
  --in_flight_;
  Finish(sent_[*index]);
  TrimFront();
  return bytes;
}

SessionQueue::ReceivedResult SessionQueue::Received(mqtt::PacketId id) {
  const auto index = IndexOf(id);
  if (!index) return ReceivedResult::kUnknown;
  OutboundMessage& message = sent_[*index].message;
  if (message.qos != mqtt::QoS::kExactlyOnce) return ReceivedResult::kUnknown;
  if (message.state == OutboundState::kReleased) return ReceivedResult::kRepeated;
  if (message.state != OutboundState::kSent) return ReceivedResult::kUnknown;
  waiting_bytes_ -= message.bytes();
  GiveBack(message);
  message.message = MessagePtr();
  message.group = IntrusivePtr<SharedKey>();
  message.state = OutboundState::kReleased;
  return ReceivedResult::kReleased;
}

std::optional<SessionQueue::InFlight> SessionQueue::FindInFlight(mqtt::PacketId id) {
  const auto index = IndexOf(id);
  if (!index || sent_[*index].message.is_over()) return std::nullopt;
  return InFlight{.number = sent_[*index].number, .message = &sent_[*index].message};
}

bool SessionQueue::Complete(mqtt::PacketId id) {
  const auto index = IndexOf(id);
  if (!index || sent_[*index].message.state != OutboundState::kReleased) return false;
  --in_flight_;
  Finish(sent_[*index]);
  TrimFront();
  return true;
}

bool SessionQueue::Settle(mqtt::PacketId id, mqtt::QoS qos) {
  const auto index = IndexOf(id);
  if (!index) return false;
  OutboundMessage& message = sent_[*index].message;
  if (message.state != OutboundState::kTaken || message.qos != qos) return false;
  message.state = OutboundState::kDone;
  --in_flight_;
  --taken_;
  TrimFront();
  return true;
}

std::optional<OutboundMessage> SessionQueue::DropOldestQueued() {
  if (queued_.empty()) return std::nullopt;
  OutboundMessage dropped = std::move(queued_.front().message);
  LogDone(queued_.front().number);
  GiveBack(dropped);
  queued_.pop_front();
  --waiting_;
  waiting_bytes_ -= dropped.bytes();
  return dropped;
}

OutboundMessage SessionQueue::DropNewestQueued() {
  TANDEM_CHECK(!queued_.empty());
  OutboundMessage dropped = std::move(queued_.back().message);
  LogDone(queued_.back().number);
  GiveBack(dropped);
  queued_.pop_back();
  --waiting_;
  waiting_bytes_ -= dropped.bytes();
  return dropped;
}

void SessionQueue::Discard(std::uint64_t number) {
  if (const auto index = IndexIn(sent_, number)) {
    Slot& slot = sent_[*index];
    const mqtt::QoS qos = slot.message.qos;
    Finish(slot);
    if (*index >= cursor_) return;
    slot.message.state = OutboundState::kTaken;
    slot.message.qos = qos;
    ++taken_;
  } else if (const auto queued = IndexIn(queued_, number)) {
    Finish(queued_[*queued]);
    discarded_ = true;
  }
}

// Its state and its bytes; quotas are the caller's.
void SessionQueue::Finish(Slot& slot) {
  waiting_bytes_ -= slot.message.bytes();
  GiveBack(slot.message);
  slot.message = OutboundMessage();
  slot.message.state = OutboundState::kDone;
  --waiting_;
  LogDone(slot.number);
}

// Mostly a client acknowledges in order, and many at once.
void SessionQueue::LogDone(std::uint64_t number) {
  if (finished_ == nullptr) return;
  if (!finished_->empty()) {
    FinishedRange& range = finished_->back();
    if (range.session == session_ && range.last + 1 == number) {
      range.last = number;
      return;
    }
  }
  finished_->push_back({.session = session_, .first = number, .last = number});
}

void SessionQueue::GiveBack(OutboundMessage& message) {
  if (message.lender == 0 || !message.message || returned_ == nullptr) return;
  returned_->push_back(
      {std::exchange(message.lender, std::uint16_t{0}), message.message->id(), message.group});
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
      if (queued_[i].message.state != OutboundState::kDone) left.push_back(std::move(queued_[i]));
    }
    queued_ = std::move(left);
  }
  TrimFront();
}

void SessionQueue::ReleaseMemory(std::size_t slots_kept) {
  if (sent_.capacity() > slots_kept) sent_.ReleaseIfEmpty();
  if (queued_.capacity() > slots_kept) queued_.ReleaseIfEmpty();
}

void SessionQueue::StartAt(std::uint64_t number, std::uint64_t next) {
  TANDEM_CHECK(waiting_ == 0);
  next_number_ = number;
  used_below_ = told_below_ = next;
}

bool SessionQueue::Place(std::uint64_t number, OutboundMessage message) {
  TANDEM_DCHECK(sent_.empty());
  if (number < next_number_) return false;
  next_number_ = number + 1;
  ++waiting_;
  waiting_bytes_ += message.bytes();
  queued_.push_back({number, std::move(message)});
  return true;
}

OutboundMessage* SessionQueue::Find(std::uint64_t number) noexcept {
  for (RingQueue<Slot>* const ring : {&queued_, &sent_}) {
    if (const auto index = IndexIn(*ring, number)) {
      OutboundMessage& message = (*ring)[*index].message;
      return message.is_over() ? nullptr : &message;
    }
  }
  return nullptr;
}

std::uint64_t SessionQueue::NumberBehind(std::uint64_t first, std::size_t places) const {
  for (const RingQueue<Slot>* const ring : {&sent_, &queued_}) {
    const std::size_t index = LowerBound(*ring, first);
    if (places < ring->size() - index) return (*ring)[index + places].number;
    places -= ring->size() - index;
  }
  return UINT64_MAX;
}

bool SessionQueue::Contains(std::uint64_t number) const {
  return const_cast<SessionQueue*>(this)->Find(number) != nullptr;
}

bool SessionQueue::Fill(std::uint64_t number, MessagePtr message) {
  OutboundMessage* const place = Find(number);
  if (place == nullptr || place->message || place->state == OutboundState::kReleased) return false;
  place->message = std::move(message);
  waiting_bytes_ += place->bytes();
  return true;
}

void SessionQueue::FollowDone(std::uint64_t first, std::uint64_t last) {
  // Mostly the oldest ones.
  while (!queued_.empty() && queued_.front().number <= last && queued_.front().number >= first) {
    if (queued_.front().message.state != OutboundState::kDone) Finish(queued_.front());
    queued_.pop_front();
  }
  // And some in the middle.
  for (std::size_t i = LowerBound(queued_, first); i < queued_.size(); ++i) {
    if (queued_[i].number > last) break;
    if (queued_[i].message.state != OutboundState::kDone) Finish(queued_[i]);
  }
  while (!queued_.empty() && queued_.front().message.state == OutboundState::kDone) {
    queued_.pop_front();
  }
  if (waiting_ == 0) ReleaseMemory(kSlotsKept);
}

void SessionQueue::FollowReleased(std::uint64_t number) {
  OutboundMessage* const message = Find(number);
  if (message == nullptr) return;
  waiting_bytes_ -= message->bytes();
  message->message = MessagePtr();
  message->group = IntrusivePtr<SharedKey>();
  message->state = OutboundState::kReleased;
}

void SessionQueue::Activate(std::uint64_t unsent_number, bool others_maybe) {
  TANDEM_CHECK(sent_.empty());
  RingQueue<Slot> copy = std::exchange(queued_, {});
  // PUBREC came for what was sent, and all before it was sent as well.
  for (std::size_t i = copy.size(); i > 0; --i) {
    if (copy[i - 1].message.state != OutboundState::kReleased) continue;
    unsent_number = std::max(unsent_number, copy[i - 1].number + 1);
    break;
  }
  while (!copy.empty()) {
    Slot slot = std::move(copy.front());
    copy.pop_front();
    OutboundMessage& message = slot.message;
    if (message.is_over()) continue;
    const bool sent = slot.number < unsent_number &&
                      (message.message || message.state == OutboundState::kReleased);
    if (sent && queued_.empty()) {
      if (message.state == OutboundState::kQueued) message.state = OutboundState::kSent;
      sent_.push_back(std::move(slot));
    } else {
      // Behind one whose message has not come: sent it may have been all the same.
      if (slot.number < unsent_number) maybe_sent_below_ = unsent_number;
      queued_.push_back(std::move(slot));
    }
  }
  next_number_ = std::max(next_number_, used_below_);
  if (others_maybe) maybe_sent_below_ = next_number_;
  cursor_ = 0;
  in_flight_ = 0;
  if (IsPlanted(PlantedBug::kPacketIdByNode)) {
    // As an allocator of its own would: the copy counts anew.
    for (RingQueue<Slot>* const ring : {&sent_, &queued_}) {
      for (std::size_t i = 0; i < ring->size(); ++i) (*ring)[i].number += 1;
    }
    next_number_ += 1;
  }
}

void SessionQueue::Deactivate() {
  RingQueue<Slot> unsent = std::exchange(queued_, {});
  while (!sent_.empty()) {
    Slot slot = std::move(sent_.front());
    sent_.pop_front();
    if (slot.message.is_over()) continue;
    if (slot.message.state == OutboundState::kSent) slot.message.state = OutboundState::kQueued;
    slot.message.record = 0;
    queued_.push_back(std::move(slot));
  }
  while (!unsent.empty()) {
    if (unsent.front().message.state != OutboundState::kDone) {
      unsent.front().message.record = 0;
      queued_.push_back(std::move(unsent.front()));
    }
    unsent.pop_front();
  }
  // The new owner says how it goes on.
  used_below_ = std::max(used_below_, next_number_);
  told_below_ = 0;
  next_number_ = queued_.empty() ? 0 : queued_.back().number + 1;
  cursor_ = 0;
  in_flight_ = 0;
  taken_ = 0;
}

}  // namespace tandem::broker
