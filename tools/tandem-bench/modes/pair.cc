#include "absl/strings/str_cat.h"
#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures the path of one message: nothing is shared, nothing is matched twice.
LoadPlan PlanPairs(const Options& options) {
  LoadPlan plan{.copies = 1};
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddSubscriber(options, {absl::StrCat(options.topic, "/", i), i, 1});
  }
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddPublisher(options, absl::StrCat(options.topic, "/", i));
  }
  return plan;
}

}  // namespace tandem::bench
