#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures connecting, and leaves the connections standing for a look at the broker's memory.
LoadPlan PlanConnections(const Options& options) {
  LoadPlan plan;
  for (std::uint32_t i = 0; i < options.count; ++i) plan.AddIdle(options);
  return plan;
}

}  // namespace tandem::bench
