// What the process asks of its host before it starts.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "engine/base/ids.h"

namespace tandem::tandemd {

// Raises the limit of open files as far as the host allows; yields what it is now.
std::uint64_t RaiseDescriptorLimit();

// Random, so that no two runs of a node are taken for the same one.
absl::Status DrawIncarnation(Incarnation& incarnation);

}  // namespace tandem::tandemd
