#include "tools/tandem-demo/preflight.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tandem::demo {
namespace {

// Two nodes, an HAProxy for 200 connections (two descriptors each) and what they all have besides.
constexpr rlim_t kDescriptorsNeeded = 1'024;

}  // namespace

absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& remedy) {
  std::vector<std::string> candidates;
  if (name.find('/') != std::string::npos) {
    candidates.push_back(name);
  } else {
    const char* const path = std::getenv("PATH");
    for (const auto& directory : absl::StrSplit(path == nullptr ? "" : path, ':'))
      candidates.push_back(absl::StrCat(directory, "/", name));
    candidates.push_back("/usr/sbin/" + name);  // not in the PATH of every user
    candidates.push_back("/sbin/" + name);
  }
  for (const std::string& candidate : candidates)
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  return absl::NotFoundError(absl::StrCat("there is no program ", name, "; ", remedy));
}

absl::Status EnsureDescriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= kDescriptorsNeeded) return absl::OkStatus();
  if (limit.rlim_max >= kDescriptorsNeeded) {
    limit.rlim_cur = kDescriptorsNeeded;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("too few file descriptors: the hard limit is ", limit.rlim_max, ", needed are ",
                   kDescriptorsNeeded, "; as root: ulimit -n ", kDescriptorsNeeded));
}

}  // namespace tandem::demo
