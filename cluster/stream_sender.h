// The sending end of one core's stream of records: numbers, what is kept for a resend, what goes
// into the next batch, and how much may be under way. Sans-I/O: time is an argument, batches are
// taken out, confirmations are fed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/base/ring_queue.h"
#include "engine/broker/peer_record.h"

namespace tandem::cluster {

// Lives on its core, for one epoch. A record passes three positions:
//   appended -> sent on the present lane -> applied by the other node, which alone lets go of it.
// If the lane breaks, everything behind the last one that the other node has received is sent again
// on the next.
class StreamSender {
 public:
  struct Limits {
    std::size_t batch_records = 256;
    std::size_t batch_bytes = 128 * 1024;  // a single larger record makes a batch of its own
    std::size_t window_bytes =
        1024 * 1024;  // sent and not yet received by the other node; one batch may overshoot
  };
  // A run of records to send now; record() yields each until it is applied.
  struct Batch {
    std::uint64_t first = 0;
    std::size_t count = 0;
    std::size_t bytes = 0;
    std::uint64_t last() const noexcept { return first + count - 1; }
  };

  StreamSender() = default;
  explicit StreamSender(const Limits& limits) noexcept : limits_(limits) {}

  // `number` is last() + 1; anything else is a bug of the caller.
  void Append(std::uint64_t number, broker::PeerRecord&& record);
  // Once per turn: what was appended since the last call counts as appended now. (Between turns
  // nobody knows the time.)
  void MarkTime(MonoNs now);

  // A lane is open, and the other node has `received` records of this stream. An error if that
  // cannot be: the epoch is lost.
  absl::Status Resume(std::uint64_t received);
  // The lane is gone; nothing is under way any longer.
  void Suspend() noexcept;
  bool open() const noexcept { return open_; }

  // Cuts the next batch; nothing if no lane is open, nothing waits, or the window is full.
  std::optional<Batch> NextBatch();
  bool HasBatch() const noexcept {
    return open_ && sent_ < last_ && in_flight_bytes_ < limits_.window_bytes;
  }
  const broker::PeerRecord& record(std::uint64_t number) const;

  // The other node has received all up to `number`, which opens the window. An error if that never
  // was sent.
  absl::Status OnReceived(std::uint64_t number);
  // Something was sent on the present lane that the other node has not said to have received.
  bool awaits_receipt() const noexcept { return !in_flight_.empty(); }
  // It has applied all up to `number`. False if this is no news; an error if it never was sent.
  absl::StatusOr<bool> OnApplied(std::uint64_t number);

  std::uint64_t last() const noexcept { return last_; }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t applied() const noexcept { return applied_; }
  std::size_t in_flight_bytes() const noexcept { return in_flight_bytes_; }
  std::size_t backlog_records() const noexcept { return entries_.size(); }
  std::size_t backlog_bytes() const noexcept { return backlog_bytes_; }
  std::uint64_t resent() const noexcept { return resent_; }
  // How long the oldest record that is not applied has been waiting; 0 if there is none.
  MonoNs OldestAge(MonoNs now) const noexcept;
  // This node stood still for so long, which says nothing of the other one.
  void Forgive(MonoNs gap) noexcept;

 private:
  struct Entry {
    std::optional<broker::PeerRecord> record;  // null only in what is not in use
    std::size_t bytes = 0;
  };
  // A batch on the present lane that the other node has not said to have received.
  struct InFlight {
    std::uint64_t last = 0;
    std::size_t bytes = 0;
  };
  // Records up to `last` were appended at `time` or before.
  struct Mark {
    std::uint64_t last;
    MonoNs time;
  };
  const Entry& At(std::uint64_t number) const;

  Limits limits_;
  RingQueue<Entry> entries_;  // numbers applied_ + 1 .. last_
  std::deque<Mark> marks_;    // of records not yet applied, rising
  std::uint64_t last_ = 0;
  std::uint64_t sent_ = 0;  // on the present lane
  std::uint64_t applied_ = 0;
  std::uint64_t highest_sent_ = 0;  // on any lane
  std::uint64_t resent_ = 0;
  std::size_t backlog_bytes_ = 0;
  RingQueue<InFlight> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  bool open_ = false;
};

}  // namespace tandem::cluster
