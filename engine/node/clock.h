// The clocks of the host.
#pragma once

#include <ctime>

#include "engine/base/clock.h"

namespace tandem::node {

inline Now ReadClocks() noexcept {
  timespec mono{};
  timespec wall{};
  clock_gettime(CLOCK_MONOTONIC, &mono);
  clock_gettime(CLOCK_REALTIME, &wall);
  return {.mono_ns = static_cast<MonoNs>(mono.tv_sec) * kNanosecondsPerSecond + mono.tv_nsec,
          .wall_ms =
              static_cast<WallMs>(wall.tv_sec) * 1000 + wall.tv_nsec / kNanosecondsPerMillisecond,
          .wall_fraction = static_cast<std::uint16_t>(
              ((wall.tv_nsec % kNanosecondsPerMillisecond) << 16) / kNanosecondsPerMillisecond)};
}

}  // namespace tandem::node
