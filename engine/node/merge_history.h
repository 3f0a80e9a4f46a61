// The last merges of a node: what its cores have noted, put together.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "engine/broker/merge_report.h"
#include "engine/metrics/exposition.h"

namespace tandem::node {

// One per node; any core adds, anybody reads. A line in the log for each merge.
class MergeHistory {
 public:
  explicit MergeHistory(std::uint16_t cores) noexcept : cores_(cores) {}

  // One core's part. A merge is complete when it is there from every core; if a part of a newer one
  // comes first, it stays as it is.
  void Add(broker::MergeReport part);

  // Those in which both nodes had served, the newest first.
  std::vector<broker::MergeReport> Last() const;
  // Of those, since start.
  void Collect(metrics::Exposition& out) const;

 private:
  void Finish();

  const std::uint16_t cores_;
  mutable std::mutex mutex_;  // of all below
  broker::MergeReport pending_;
  std::uint16_t parts_ = 0;  // in it
  std::vector<broker::MergeReport> last_;
  std::uint64_t merges_ = 0;
  std::array<std::uint64_t, broker::MergeReport::kCounts> counts_{};
};

}  // namespace tandem::node
