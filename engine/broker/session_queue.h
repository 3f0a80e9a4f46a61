// The messages on their way to one subscriber: queued, in flight, acknowledged; and their packet
// identifiers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/intrusive_ptr.h"
#include "engine/base/ring_queue.h"
#include "engine/broker/message.h"
#include "engine/broker/shared_group.h"
#include "engine/broker/subscription.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// The way of a message to its subscriber. Only ever moves down this list.
enum class OutboundState : std::uint8_t {
  kQueued,    // not sent yet
  kSent,      // PUBLISH sent, waiting for PUBACK or PUBREC
  kReleased,  // PUBREC received, PUBREL sent, waiting for PUBCOMP
  kTaken,     // done with, but its client has it and will acknowledge it; until then it keeps its
              // packet id
  kDone,      // acknowledged, dropped or expired: a gap
};

// A message's place in the queue of one session.
struct OutboundMessage {
  MessagePtr message;             // null once the payload is no longer needed
  IntrusivePtr<SharedKey> group;  // the shared group that chose this session, if any
  std::unique_ptr<std::vector<std::uint32_t>>
      more_identifiers;          // when several subscriptions matched
  std::uint32_t identifier = 0;  // Subscription Identifier, 0 = none
  mqtt::QoS qos{};
  bool retain = false;  // the RETAIN flag to send
  OutboundState state = OutboundState::kQueued;
  // The record of this core's stream that the other node must have applied before the next packet
  // of a QoS 2 flow may leave: its place, later its release. 0: none.
  std::uint64_t record = 0;
  // The core of the other node that keeps a copy of a shared group's message until it is done with
  // here, plus one; 0: none.
  std::uint16_t lender = 0;

  std::size_t bytes() const noexcept { return message ? message->bytes() : 0; }
  // No message any longer.
  bool is_over() const noexcept { return state >= OutboundState::kTaken; }
};

// A message that the other node's core `lender` - 1 keeps a copy of is done with here.
struct ReturnedMessage {
  std::uint16_t lender = 0;
  MessageId message;
  IntrusivePtr<SharedKey> group;
};

// Queue numbers that are done with, for the copy of the queue on the other node.
struct FinishedRange {
  SubscriberId session = kNoSubscriber;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// One per session with QoS 1 or 2 traffic; belongs to the session's core.
//
// Messages are numbered 0, 1, 2, ... in the order of queueing, and the packet identifier of a
// message is 1 + number mod 65535: a pure function of the number, so that a second copy of the
// queue assigns the same without asking. At most 65535 numbers lie between the oldest message in
// flight and the next one to send, so no two in flight share one. A message that is dropped takes
// its number along.
//
// Two rings: what was sent and is not done, in front of what was never sent. So a message leaves
// the unsent end at no cost, and whatever is dropped there leaves nothing behind, however long the
// oldest in flight stays. Among the sent ones, `cursor` separates what has been sent on the present
// connection from what has not: after a reconnect it starts again at the oldest, and what had been
// sent before goes out again, in order, with DUP (4.4).
class SessionQueue {
 public:
  // Of the oldest that is not done; next_number() if there is none.
  std::uint64_t first_number() const noexcept;
  std::uint64_t next_number() const noexcept { return next_number_; }
  // Sent on this connection, not yet acknowledged; what Receive Maximum limits.
  std::uint32_t in_flight() const noexcept { return in_flight_; }
  std::size_t queued_messages() const noexcept { return queued_.size(); }  // never sent
  std::size_t waiting_messages() const noexcept { return waiting_; }       // not done
  std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
  bool empty() const noexcept { return waiting_ == 0; }
  // No message of this number or above was ever sent.
  std::uint64_t unsent_number() const noexcept {
    const std::uint64_t unsent = queued_.empty() ? next_number_ : queued_.front().number;
    return unsent > maybe_sent_below_ ? unsent : maybe_sent_below_;
  }
  // The next message may have been sent by an owner who could not say so any more: it goes out with
  // DUP, and does not expire.
  bool next_maybe_sent() const noexcept {
    return cursor_ == sent_.size() && !queued_.empty() &&
           queued_.front().number < maybe_sent_below_;
  }
  // Of one place in the rings.
  static constexpr std::size_t kSlotBytes = sizeof(std::uint64_t) + sizeof(OutboundMessage);
  // Messages that there is memory for.
  std::size_t slots() const noexcept { return sent_.capacity() + queued_.capacity(); }

  // Writes the numbers that are done from now on into `log` too, as those of `session`; null ends
  // that. `log` outlives this object, or the calls.
  void LogFinished(std::vector<FinishedRange>* log, SubscriberId session) noexcept {
    finished_ = log;
    session_ = session;
  }

  // The same for messages with a lender.
  void LogReturned(std::vector<ReturnedMessage>* log) noexcept { returned_ = log; }

  void Push(OutboundMessage message);
  // The one pushed last, as long as it was not sent.
  OutboundMessage& newest() noexcept { return queued_.back().message; }

  // The next message to put on the wire, if the window of numbers allows one; skips gaps. Its state
  // tells what to send: a kQueued one for the first time, a kSent one again with DUP, a kReleased
  // one as PUBREL. Follow with MarkSent or DropNext. Null also while the next one's message is not
  // there yet (Fill).
  OutboundMessage* Next() noexcept;
  mqtt::PacketId next_packet_id() const noexcept;
  void MarkSent();
  // Instead of sending it: too large for the client, expired.
  void DropNext();

  // A new connection, or none: everything unacknowledged has to be sent again.
  void Rewind() noexcept;

  // PUBACK, or PUBREC with an error: done. The bytes of the message that this completes, or nothing
  // if `id` is not in flight in that way (unknown ids are ignored, and change no quota).
  std::optional<std::size_t> Acknowledge(mqtt::PacketId id, mqtt::QoS qos);
  // PUBREC: drops the payload and waits for PUBCOMP. `repeated` if it was released already.
  enum class ReceivedResult : std::uint8_t { kReleased, kRepeated, kUnknown };
  ReceivedResult Received(mqtt::PacketId id);
  // The place of what is in flight under `id`, if anything is.
  struct InFlight {
    std::uint64_t number = 0;
    OutboundMessage* message = nullptr;
  };
  std::optional<InFlight> FindInFlight(mqtt::PacketId id);
  // PUBCOMP. False if unknown.
  bool Complete(mqtt::PacketId id);
  // PUBACK, PUBCOMP, or PUBREC with an error, for what was discarded in flight: its packet id and
  // its share of Receive Maximum are free. False if unknown.
  bool Settle(mqtt::PacketId id, mqtt::QoS qos);

  // Takes out the oldest message that was never sent, to make room; nothing if all were sent.
  std::optional<OutboundMessage> DropOldestQueued();
  // Takes back the message that was pushed last and not sent yet; its number is not used again.
  OutboundMessage DropNewestQueued();

  // All that is not done, oldest first: fn(number, OutboundMessage&). For moving the session and
  // for shared groups that want theirs back; `fn` may take the message out by Discard(number) for
  // the number it was given.
  template <class Fn>
  void ForEach(Fn&& fn) {
    for (RingQueue<Slot>* const ring : {&sent_, &queued_}) {
      for (std::size_t i = 0; i < ring->size(); ++i) {
        Slot& slot = (*ring)[i];
        if (!slot.message.is_over()) fn(slot.number, slot.message);
      }
    }
    RemoveDiscarded();
  }
  // What is in flight stays so, without its message, until the client answers (Settle) or has left:
  // it counts for Receive Maximum [MQTT-3.3.4-9], and its packet id is in use [MQTT-2.2.1-4].
  void Discard(std::uint64_t number);
  // Only to look, at numbers from `first` on and below `last`: fn(number, const OutboundMessage&).
  template <class Fn>
  void ForEachIn(std::uint64_t first, std::uint64_t last, Fn&& fn) const {
    for (const RingQueue<Slot>* const ring : {&sent_, &queued_}) {
      for (std::size_t i = LowerBound(*ring, first); i < ring->size(); ++i) {
        const Slot& slot = (*ring)[i];
        if (slot.number >= last) break;
        if (!slot.message.is_over()) fn(slot.number, slot.message);
      }
    }
  }
  // So that there are at most `places` from `first` on and below it; UINT64_MAX if no more are
  // there.
  std::uint64_t NumberBehind(std::uint64_t first, std::size_t places) const;

  // For a session that comes from elsewhere: an empty queue goes on at `number`. `next`: of a copy,
  // what its owner would give next. The numbers before it have been used, also those of which
  // nothing is told because they are done with.
  void StartAt(std::uint64_t number, std::uint64_t next = 0);
  // Numbers below `number` are not used from now on.
  void SkipTo(std::uint64_t number) noexcept { next_number_ = std::max(next_number_, number); }

  // The copy of a queue whose owner is elsewhere. Nothing is sent from it; it only follows.
  // Places come in the order of their numbers; false, and nothing happens, if one does not. A
  // kQueued place may come without its message, which Fill brings (false if the place is gone).
  bool Place(std::uint64_t number, OutboundMessage message);
  // Whether its owner had given the number when this copy was told: it is here, or done.
  bool IsOld(std::uint64_t number) const noexcept { return number < told_below_; }
  bool Fill(std::uint64_t number, MessagePtr message);
  // Unknown numbers are done, or will never come: nothing happens.
  void FollowDone(std::uint64_t first, std::uint64_t last);
  void FollowReleased(std::uint64_t number);
  // The copy becomes the queue itself: what is below `unsent_number` counts as sent.
  // `others_maybe`: so may be what is above.
  void Activate(std::uint64_t unsent_number, bool others_maybe);
  // And the other way round.
  void Deactivate();
  bool Contains(std::uint64_t number) const;
  // Of the place `number`, if it is not done.
  OutboundMessage* Find(std::uint64_t number) noexcept;

  static mqtt::PacketId PacketIdOf(std::uint64_t number) noexcept;

 private:
  struct Slot {
    std::uint64_t number = 0;
    OutboundMessage message;
  };

  static std::size_t LowerBound(const RingQueue<Slot>& ring, std::uint64_t number);
  static std::optional<std::size_t> IndexIn(const RingQueue<Slot>& ring, std::uint64_t number);
  // Among those sent on this connection.
  std::optional<std::size_t> IndexOf(mqtt::PacketId id) const;
  void Finish(Slot& slot);
  void LogDone(std::uint64_t number);
  void GiveBack(OutboundMessage& message);
  void TrimFront();
  void RemoveDiscarded();
  void ReleaseMemory(std::size_t slots_kept);

  RingQueue<Slot> sent_;    // kSent, kReleased, and kDone behind an older one that is not
  RingQueue<Slot> queued_;  // kQueued
  std::uint64_t next_number_ = 0;
  std::uint64_t used_below_ = 0;  // by this queue or its owner: never given again
  std::uint64_t told_below_ = 0;  // of a copy: its owner's next number when it was told
  std::uint64_t maybe_sent_below_ = 0;
  std::size_t cursor_ = 0;  // index in sent_ of the next to send again on this connection
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint32_t taken_ = 0;  // of those in flight
  bool discarded_ = false;   // among queued_
  SubscriberId session_ = kNoSubscriber;
  std::vector<FinishedRange>* finished_ = nullptr;
  std::vector<ReturnedMessage>* returned_ = nullptr;
};

}  // namespace tandem::broker
