// Whether the demo can work on this host. Each problem is told with its cause and a remedy.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tandem::demo {

// Path of a program: `name` itself if it has a slash, else the first one in PATH, /usr/sbin or
// /sbin. NotFound with `remedy`.
absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& remedy);

// Problems with what the host gives: io_uring, descriptors. Raises the soft limit of descriptors
// where that is all that is needed. Empty: none.
std::vector<std::string> HostProblems();

}  // namespace tandem::demo
