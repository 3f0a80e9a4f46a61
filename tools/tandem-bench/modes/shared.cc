#include "absl/strings/str_cat.h"
#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures how a group divides its work. Any member may get any message, but each only one.
LoadPlan PlanShared(const Options& options) {
  LoadPlan plan{.copies = 1, .is_shared = true};
  const std::string filter =
      absl::StrCat("$share/", options.client_prefix, "/", options.topic, "/+");
  for (std::uint32_t i = 0; i < options.members; ++i) {
    plan.AddSubscriber(options, {filter, 0, options.count});
  }
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddPublisher(options, absl::StrCat(options.topic, "/", i));
  }
  return plan;
}

}  // namespace tandem::bench
