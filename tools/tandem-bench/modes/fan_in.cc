#include "absl/strings/str_cat.h"
#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures how many publishers one subscriber keeps up with.
LoadPlan PlanFanIn(const Options& options) {
  LoadPlan plan{.copies = 1};
  plan.AddSubscriber(options, {absl::StrCat(options.topic, "/+"), 0, options.count});
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddPublisher(options, absl::StrCat(options.topic, "/", i));
  }
  return plan;
}

}  // namespace tandem::bench
