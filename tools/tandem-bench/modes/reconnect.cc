#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Measures what a connection costs that says no more than CONNECT and DISCONNECT.
LoadPlan PlanReconnects(const Options& options) {
  LoadPlan plan{.reconnects = true};
  for (std::uint32_t i = 0; i < options.count; ++i) plan.AddIdle(options);
  return plan;
}

}  // namespace tandem::bench
