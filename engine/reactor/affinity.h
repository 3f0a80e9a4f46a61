// Which CPUs this process may use, and binding a thread to one of them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace tandem::reactor {

// The CPUs of this thread's affinity mask (cpusets and taskset included), ascending; never empty.
std::vector<unsigned> AvailableCpus();

// Binds the calling thread to `cpu`. InvalidArgument, with what is allowed, if it may not run
// there.
absl::Status PinThread(unsigned cpu);

// The calling thread's name as ps and gdb show it; cut at 15 bytes.
void NameThread(const std::string& name);

}  // namespace tandem::reactor
