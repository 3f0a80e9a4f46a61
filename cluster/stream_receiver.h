// The receiving end of one of the other node's streams: what comes twice is skipped, a gap is
// refused, and what this node has applied is reported back. Sans-I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"

namespace tandem::cluster {

// Lives on the core that the stream's lane ends at, for one epoch, across lanes.
class StreamReceiver {
 public:
  // Records first .. first + count - 1 have come. Yields how many of them, from the front, are
  // known already; the caller delivers the others in order, calling Delivered() before each. An
  // error if there is a gap before them.
  absl::StatusOr<std::size_t> Accept(std::uint64_t first, std::size_t count) const;
  // The next record is about to be handed over; yields its number.
  std::uint64_t Delivered() noexcept { return ++received_; }

  // This node has applied all up to `number`. Cumulative; going back does nothing; beyond
  // received() is a bug.
  void Applied(std::uint64_t number);
  // The acknowledgement that the sender does not have yet, if any; calling this counts as sending
  // it.
  std::optional<std::uint64_t> TakeAck() noexcept;
  bool HasAck() const noexcept { return open_ && applied_ > reported_; }

  // A lane is open; what an earlier one may have lost is reported again.
  void Resume() noexcept;
  void Suspend() noexcept { open_ = false; }

  std::uint64_t received() const noexcept { return received_; }
  std::uint64_t applied() const noexcept { return applied_; }

 private:
  std::uint64_t received_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t reported_ = 0;  // on the present lane
  bool open_ = false;
};

}  // namespace tandem::cluster
