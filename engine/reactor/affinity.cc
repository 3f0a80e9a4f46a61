#include "engine/reactor/affinity.h"

#include <pthread.h>
#include <sched.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tandem::reactor {

std::vector<unsigned> AvailableCpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

absl::Status PinThread(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  if (cpu >= CPU_SETSIZE || pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot run on CPU ", cpu,
                                                   " (engine.cores); this process may use ",
                                                   absl::StrJoin(AvailableCpus(), ",")));
  }
  return absl::OkStatus();
}

void NameThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace tandem::reactor
