// What the demo needs of its host. Whether the host can run tandemd at all is ci/check_host's
// business, and tandemd's own.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tandem::demo {

// Path of a program: `name` itself if it has a slash, else the first one in PATH, /usr/sbin or
// /sbin. NotFound with `remedy`.
absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& remedy);

// Raises the soft limit of descriptors, which the nodes and HAProxy inherit, to what they need.
// Fails if the hard limit is too low.
absl::Status EnsureDescriptors();

}  // namespace tandem::demo
