// Time in the demo: the monotonic clock, passed in where logic needs it so that tests can make it
// up.
#pragma once

#include <chrono>

namespace tandem::demo {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

inline double Seconds(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace tandem::demo
