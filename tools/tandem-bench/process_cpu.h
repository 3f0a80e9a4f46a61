// CPU time of another process.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

namespace tandem::bench {

// Nanoseconds that all present threads of `pid` have run so far, by the scheduler's own count
// (/proc/PID/task/*/schedstat), which unlike utime is not sampled by ticks. Threads that have ended
// do not count, so compare two readings between which none ends. NotFound: no such process.
absl::StatusOr<std::uint64_t> ProcessCpuNs(int pid);

}  // namespace tandem::bench
