#include "tools/tandem-bench/flow_checker.h"

#include <iterator>

namespace tandem::bench {

bool FlowChecker::ObserveOutOfTurn(std::uint64_t sequence, mqtt::QoS qos, bool dup) {
  if (sequence > next_) {
    missing_.emplace(next_, sequence);
    next_ = sequence + 1;
    ++counts_.delivered;
    return true;
  }
  if (FillGap(sequence)) {
    ++counts_.delivered;
    ++counts_.reordered;
    return true;
  }
  if (qos == mqtt::QoS::kAtLeastOnce && dup) {
    ++counts_.allowed_duplicates;
  } else {
    ++counts_.duplicates;
  }
  return false;
}

bool FlowChecker::FillGap(std::uint64_t sequence) {
  auto gap = missing_.upper_bound(sequence);
  if (gap == missing_.begin()) return false;
  gap = std::prev(gap);
  const auto [first, end] = *gap;
  if (sequence >= end) return false;
  missing_.erase(gap);
  if (first < sequence) missing_.emplace(first, sequence);
  if (sequence + 1 < end) missing_.emplace(sequence + 1, end);
  return true;
}

}  // namespace tandem::bench
