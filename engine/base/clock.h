// Time as the broker sees it. Logic never reads a clock: the caller passes `Now`, taken once per
// turn of a core's loop, so that the simulator can pass any time it likes.
#pragma once

#include <cstdint>

namespace tandem {

// Nanoseconds on the monotonic clock; the origin is arbitrary.
using MonoNs = std::int64_t;
// Milliseconds since the Unix epoch, as the wall clock tells.
using WallMs = std::int64_t;

inline constexpr MonoNs kNanosecondsPerMillisecond = 1'000'000;
inline constexpr MonoNs kNanosecondsPerSecond = 1'000'000'000;
inline constexpr MonoNs kNever = INT64_MAX;

struct Now {
  MonoNs mono_ns = 0;
  WallMs wall_ms = 0;
  std::uint16_t wall_fraction = 0;  // of the millisecond, in 65,536ths (15 ns)
};

// Hybrid logical clock: wall time, and one more than the last time where that stands, so that two
// writes on different nodes have one order that respects causality as far as the nodes have talked.
// Ties between nodes are broken by the node id beside it. Layout: milliseconds << 16 | fraction, so
// plain integer order is the order of time. The fraction is for the cores of one host: what is
// written on one after another one's write was acknowledged, without their having talked, is later
// by microseconds.
using Hlc = std::uint64_t;

// Issues and merges hybrid logical timestamps. One per core; not thread-safe.
class HybridClock {
 public:
  // A timestamp later than all that were issued or observed before.
  Hlc Issue(WallMs wall_ms, std::uint16_t wall_fraction = 0) noexcept {
    const Hlc physical = static_cast<Hlc>(wall_ms) << 16 | wall_fraction;
    last_ = physical > last_ ? physical : last_ + 1;
    return last_;
  }
  // Takes note of a timestamp from elsewhere. One that is more than `kMaxAheadMs` ahead of the
  // local wall clock does not move this clock (one broken clock must not poison the others for
  // good); returns false then.
  bool Observe(Hlc remote, WallMs wall_ms) noexcept {
    if (static_cast<WallMs>(remote >> 16) > wall_ms + kMaxAheadMs) return false;
    if (remote > last_) last_ = remote;
    return true;
  }
  static constexpr WallMs kMaxAheadMs = 10'000;

 private:
  Hlc last_ = 0;
};

}  // namespace tandem
