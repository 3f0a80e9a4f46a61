// The submission and completion queues of one core, and nothing about sockets.
#pragma once

#include <liburing.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/reactor/uring_features.h"

namespace tandem::reactor {

// What a completion belongs to; comes back in user_data.
enum class UringTag : std::uint8_t {
  kNothing,   // a cancel or close: its end tells nothing that the cancelled operation does not tell
  kWake,      // the armed read of this core's eventfd
  kDoorbell,  // a message from another core's ring: it made us look, that is all
  kDoorbellSent,  // the sender's side of it
  kAccept,
  kConnect,
  kReceive,
  kPoll,  // readability, where the kernel has no multishot receive
  kSend,
};

// user_data: tag 8 | generation 24 | slot 32.
struct UringMark {
  UringTag tag = UringTag::kNothing;
  std::uint32_t generation = 0;  // the low 24 bits count
  std::uint32_t slot = 0;

  static constexpr std::uint32_t kGenerationMask = (1u << 24) - 1;

  std::uint64_t Pack() const noexcept {
    return std::uint64_t{static_cast<std::uint8_t>(tag)} << 56 |
           std::uint64_t{generation & kGenerationMask} << 32 | slot;
  }
  static UringMark Unpack(std::uint64_t word) noexcept {
    return {static_cast<UringTag>(word >> 56),
            static_cast<std::uint32_t>(word >> 32) & kGenerationMask,
            static_cast<std::uint32_t>(word)};
  }
};

struct UringCompletion {
  UringMark mark;
  std::int32_t result = 0;
  std::uint32_t flags = 0;

  bool has_more() const noexcept { return (flags & IORING_CQE_F_MORE) != 0; }
  bool has_buffer() const noexcept { return (flags & IORING_CQE_F_BUFFER) != 0; }
  std::uint16_t buffer_id() const noexcept {
    return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
  }
};

struct UringRingCounters {
  std::uint64_t enters = 0;       // io_uring_enter calls
  std::uint64_t waits = 0;        // of those, the ones that slept
  std::uint64_t submissions = 0;  // requests handed to the kernel
  std::uint64_t completions = 0;  // CQEs reaped
  std::uint64_t overflows =
      0;  // turns that found the completion queue overflowed (nothing is lost, it is slower)
  std::uint64_t early_submits = 0;  // submission queue full in the middle of a turn
};

// Makes a prepared send quiet: it is executed while it is submitted or not at all, and completes
// only if it did not take all.
inline void MakeQuiet(io_uring_sqe* send) noexcept {
  send->msg_flags |= MSG_DONTWAIT | MSG_WAITALL;
  send->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

// Lives and dies on the thread that created it (SINGLE_ISSUER). Its owner waits for all completions
// before it dies: the kernel writes into requests' memory until then.
class UringRing {
 public:
  // `queue`: requests of one turn. The completion queue has 16 times as many places, because one
  // multishot request completes any number of times. Features outside `allowed` are not used (for
  // tests of the fallbacks). FailedPrecondition, PermissionDenied or ResourceExhausted with cause
  // and remedy in words.
  static absl::StatusOr<std::unique_ptr<UringRing>> Create(std::uint32_t queue,
                                                           const UringFeatures& allowed);
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;
  ~UringRing();

  const UringFeatures& features() const noexcept { return features_; }
  const UringRingCounters& counters() const noexcept { return counters_; }
  io_uring* get() noexcept { return &ring_; }
  int fd() const noexcept { return ring_.ring_fd; }

  // A request to fill by io_uring_prep_*; then Mark() it. Submits what is queued when the queue is
  // full.
  io_uring_sqe* Prepare();
  static void Mark(io_uring_sqe* request, UringMark mark) noexcept {
    io_uring_sqe_set_data64(request, mark.Pack());
  }

  // Takes the oldest completion. False: none in memory (the kernel may have more, see Submit).
  bool Take(UringCompletion& completion) noexcept;
  bool HasCompletions() const noexcept { return io_uring_cq_ready(&ring_) != 0; }
  // How many completions there were, those that were not taken yet included. Nothing if the kernel
  // may have executed requests without showing their completions: some are not submitted, or the
  // queue overflowed.
  std::optional<std::uint64_t> CompletionsSoFar() const noexcept;

  // Hands queued requests to the kernel and collects completions; no system call if there is
  // nothing to do.
  void Submit();
  // Submits, then sleeps until a completion is there or `timeout_ns` (> 0; kNever: no limit) is
  // over.
  void SubmitAndWait(MonoNs timeout_ns);

 private:
  UringRing() = default;
  // Finds out by doing it what has no feature bit.
  void Probe();
  bool ProbeRingMessage();
  bool ProbeMultishotAccept();
  bool ProbeBufferRing();
  bool ProbeMultishotReceive();
  bool ProbeQuietSend();
  // Submits and waits for one completion for at most a second; false if none came.
  bool Await(UringCompletion& completion);
  void CheckEnter(int result);

  io_uring ring_{};
  bool created_ = false;
  UringFeatures features_;
  UringRingCounters counters_;
};

}  // namespace tandem::reactor
