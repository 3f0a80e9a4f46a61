#include "tools/tandem-bench/modes.h"

namespace tandem::bench {

// Takes what others publish; of another tandem-bench on this host it can tell the latency too.
LoadPlan PlanSubscribers(const Options& options) {
  LoadPlan plan{.is_foreign = true};
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddSubscriber(options, {NumberedTopic(options.topic, i)});
  }
  return plan;
}

}  // namespace tandem::bench
