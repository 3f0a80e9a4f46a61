#include "tools/tandem-demo/preflight.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::demo {
namespace {

// Two nodes, an HAProxy for 200 connections (two descriptors each) and what they all have besides.
constexpr rlim_t kDescriptorsNeeded = 1'024;

// Layout of struct io_uring_params, of which only the size and the flags matter here.
struct UringParameters {
  unsigned sq_entries, cq_entries, flags;
  unsigned rest[27];
};
static_assert(sizeof(UringParameters) == 120);
constexpr unsigned kSingleIssuer = 1U << 12;  // IORING_SETUP_SINGLE_ISSUER, Linux 6.0
constexpr unsigned kDeferTaskrun = 1U << 13;  // IORING_SETUP_DEFER_TASKRUN, Linux 6.1

// 0, or the errno of io_uring_setup(2).
int TryUring(unsigned flags) {
  UringParameters parameters{};
  parameters.flags = flags;
  const reactor::OwnedFd ring(static_cast<int>(syscall(SYS_io_uring_setup, 4, &parameters)));
  return ring.valid() ? 0 : errno;
}

std::string Kernel() {
  utsname name{};
  uname(&name);
  return name.release;
}

std::optional<int> UringDisabled() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  int value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

std::string UringRefused(int error) {
  if (const auto disabled = UringDisabled(); disabled.value_or(0) != 0)
    return absl::StrCat("io_uring is switched off on this host (kernel.io_uring_disabled = ",
                        *disabled, "); as root: sysctl kernel.io_uring_disabled=0");
  switch (error) {
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here, as container run-times do by default; for docker or "
             "podman: "
             "--security-opt seccomp=unconfined, or a seccomp profile that allows io_uring_setup, "
             "io_uring_enter and io_uring_register";
    case ENOSYS:
      return absl::StrCat("kernel ", Kernel(),
                          " has no io_uring, or a container hides it; needed is Linux 6.1 "
                          "(Debian 12) or newer, on the host itself, not in gVisor or WSL 1");
    case ENOMEM:
      return "io_uring got no memory: the limit of locked memory is too low; raise it with ulimit "
             "-l unlimited";
    default:
      return absl::StrCat("io_uring does not work here: ", std::strerror(error));
  }
}

std::optional<std::string> UringProblem() {
  if (const int error = TryUring(0); error != 0) return UringRefused(error);
  if (TryUring(kSingleIssuer | kDeferTaskrun) != 0)
    return absl::StrCat("the io_uring of kernel ", Kernel(),
                        " is too old; needed is Linux 6.1 (Debian 12) or newer");
  return std::nullopt;
}

std::optional<std::string> DescriptorProblem() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= kDescriptorsNeeded) return std::nullopt;
  if (limit.rlim_max >= kDescriptorsNeeded) {
    limit.rlim_cur = kDescriptorsNeeded;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return std::nullopt;
  }
  return absl::StrCat("too few file descriptors: the hard limit is ", limit.rlim_max,
                      ", needed are ", kDescriptorsNeeded, "; as root: ulimit -Hn ",
                      kDescriptorsNeeded);
}

}  // namespace

absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& remedy) {
  std::vector<std::string> candidates;
  if (name.find('/') != std::string::npos) {
    candidates.push_back(name);
  } else {
    const char* const path = std::getenv("PATH");
    for (const auto& directory : absl::StrSplit(path == nullptr ? "" : path, ':'))
      candidates.push_back(absl::StrCat(directory, "/", name));
    candidates.push_back("/usr/sbin/" + name);
    candidates.push_back("/sbin/" + name);
  }
  for (const std::string& candidate : candidates)
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  return absl::NotFoundError(absl::StrCat("there is no program ", name, "; ", remedy));
}

std::vector<std::string> HostProblems() {
  std::vector<std::string> problems;
  for (auto& problem : {UringProblem(), DescriptorProblem()})
    if (problem) problems.push_back(*problem);
  return problems;
}

}  // namespace tandem::demo
