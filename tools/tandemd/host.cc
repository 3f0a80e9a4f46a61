#include "tools/tandemd/host.h"

#include <sys/random.h>
#include <sys/resource.h>

#include <cerrno>

namespace tandem::tandemd {

std::uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

absl::Status DrawIncarnation(Incarnation& incarnation) {
  std::uint64_t number = 0;
  // Up to 256 bytes come whole or not at all.
  if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    return absl::ErrnoToStatus(errno, "cannot draw random numbers");
  }
  incarnation = Incarnation{number == 0 ? 1 : number};
  return absl::OkStatus();
}

}  // namespace tandem::tandemd
