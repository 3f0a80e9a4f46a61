#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures receiving alone, or feeds subscribers of another program.
LoadPlan PlanPublishers(const Options& options) {
  LoadPlan plan;
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddPublisher(options, NumberedTopic(options.topic, i));
  }
  return plan;
}

}  // namespace tandem::bench
