// The one place where a loop reads the time. Logic gets it as an argument.
#pragma once

#include <ctime>

#include "engine/base/clock.h"

namespace tandem::reactor {

// CLOCK_MONOTONIC; about 25 ns, so once per turn.
inline MonoNs MonotonicNow() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<MonoNs>(now.tv_sec) * kNanosecondsPerSecond + now.tv_nsec;
}

}  // namespace tandem::reactor
