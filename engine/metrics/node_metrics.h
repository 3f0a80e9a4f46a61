// What a node says about itself as a whole, and what the kernel says about its process.
#pragma once

#include <atomic>
#include <string>

#include "engine/base/node_state.h"
#include "engine/metrics/exposition.h"

namespace tandem::metrics {

// One per node. State is set by the node's control thread and read by any.
class NodeMetrics {
 public:
  NodeMetrics(std::string version, std::string revision)
      : version_(std::move(version)), revision_(std::move(revision)) {}

  void SetState(NodeState state) noexcept { state_.store(state, std::memory_order_relaxed); }
  void SetSafeToStop(bool safe) noexcept { safe_to_stop_.store(safe, std::memory_order_relaxed); }

  void Collect(Exposition& out) const;

 private:
  std::string version_;
  std::string revision_;
  std::atomic<NodeState> state_{NodeState::kStarting};
  std::atomic<bool> safe_to_stop_{false};
};

// process_*: read from /proc/self at each scrape. Values that cannot be read are left out.
class ProcessMetrics {
 public:
  void Collect(Exposition& out) const;
};

}  // namespace tandem::metrics
