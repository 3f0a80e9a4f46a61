// Reads back the numbers of a result that tandem-bench wrote as JSON.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tandem::bench {

// Every number of a JSON object by its path ("latency_us.p99"). Elements of arrays, texts, true,
// false and null are read and left out. InvalidArgument: no JSON object, with the offset where it
// ends to be one.
absl::StatusOr<std::map<std::string, double, std::less<>>> JsonNumbers(std::string_view json);

}  // namespace tandem::bench
