// When a publisher sends its next message.
#pragma once

#include <cstdint>

#include "engine/base/clock.h"

namespace tandem::bench {

// Closed loop (interval 0): as fast as the window lets it. A message leaves the window when all its
// copies have been received and, from QoS 1 on, its acknowledgement too; so no queue in the
// generator, the broker or the kernel ever holds more than the window.
// Open loop: at fixed times, whatever comes back. Latency counts from those times, so a broker that
// stalls pays for every message that had to wait (no coordinated omission).
class Pacer {
 public:
  // `window` in messages, `copies`: subscribers of each message.
  static Pacer Closed(std::uint32_t window, std::uint32_t copies, bool is_acknowledged);
  // Nothing comes back: a window is published, and the next when the connection has taken it.
  static Pacer Unanswered(std::uint32_t window);
  // First message at `start`.
  static Pacer Open(MonoNs start, MonoNs interval_ns);

  // Whether a message is to be published at `now`; `planned` is the time it carries.
  bool IsDue(MonoNs now, MonoNs& planned) const noexcept;
  // When IsDue() may become true without an event; kNever in the closed loop.
  MonoNs NextDeadline() const noexcept { return interval_ns_ > 0 ? due_ : kNever; }

  void OnPublished() noexcept;
  void OnDelivered() noexcept;  // one copy, for the first time
  void OnAcknowledged() noexcept;
  void OnWritten() noexcept { unwritten_ = 0; }  // all that was published so far

  // Call it once per second. A closed window from which nothing returned since the last call is
  // taken for lost and opened again, so that a broker that drops messages goes on being measured.
  // Returns the copies given up.
  std::uint64_t GiveUpStalled() noexcept;

 private:
  MonoNs interval_ns_ = 0;
  MonoNs due_ = 0;
  std::uint32_t window_ = 0;
  std::uint32_t copies_ = 0;
  bool is_acknowledged_ = false;
  bool is_answered_ = true;
  std::uint64_t unwritten_ = 0;
  std::uint64_t unacknowledged_ = 0;
  std::uint64_t copies_outstanding_ = 0;
  bool moved_ = false;  // something came back since GiveUpStalled()
};

}  // namespace tandem::bench
