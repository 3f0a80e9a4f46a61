// A result beside that of an earlier run.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tandem::bench {

// One line per figure that both have: before, now, and the change in percent. Both are JSON as
// Json() writes it. InvalidArgument: one of them is not, or they loaded the broker differently
// (then no figure means anything beside the other).
absl::StatusOr<std::string> CompareWithBaseline(std::string_view json, std::string_view baseline);

}  // namespace tandem::bench
