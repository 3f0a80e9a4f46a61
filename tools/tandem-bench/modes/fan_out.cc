#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures what one more subscriber costs.
LoadPlan PlanFanOut(const Options& options) {
  LoadPlan plan{.copies = options.count};
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddSubscriber(options, {options.topic, 0, 1});
  }
  plan.AddPublisher(options, options.topic);
  return plan;
}

}  // namespace tandem::bench
