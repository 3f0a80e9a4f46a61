// How often something may happen: so many times at once, and then at a rate.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "engine/base/clock.h"

namespace tandem {

// A token bucket in one number: the time at which it is full again. `burst` tokens fit; each comes
// back after `interval_ns`.
class Pace {
 public:
  // Takes a token if there is one.
  bool Take(MonoNs now, MonoNs interval_ns, std::int64_t burst) noexcept {
    if (!HasTokens(now, interval_ns, burst)) return false;
    Spend(now, interval_ns);
    return true;
  }
  bool HasTokens(MonoNs now, MonoNs interval_ns, std::int64_t burst) const noexcept {
    return full_at_ - now <= interval_ns * (burst - 1);
  }
  // Takes one in any case.
  void Spend(MonoNs now, MonoNs interval_ns) noexcept {
    full_at_ = (full_at_ > now ? full_at_ : now) + interval_ns;
  }
  bool IsFull(MonoNs now) const noexcept { return full_at_ <= now; }

 private:
  MonoNs full_at_ = 0;
};

// For lines about what may happen any number of times: one in `interval_ns`, with the number of
// those before it that were left out.
class LinePace {
 public:
  explicit LinePace(MonoNs interval_ns) noexcept : interval_ns_(interval_ns) {}

  // One more happened. How many there were since the last line if another one is due, this one
  // included.
  std::optional<std::uint64_t> Due(MonoNs now) noexcept {
    ++count_;
    if (!pace_.Take(now, interval_ns_, 1)) return std::nullopt;
    return std::exchange(count_, 0);
  }

 private:
  MonoNs interval_ns_;
  Pace pace_;
  std::uint64_t count_ = 0;
};

}  // namespace tandem
