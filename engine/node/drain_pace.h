// At what pace clients are moved away.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/clock.h"

namespace tandem::node {

// One per core. So many clients a second, evenly: a burst would be a storm for the other node.
class DrainPace {
 public:
  void Begin(MonoNs now, double clients_per_s) noexcept {
    per_ns_ = clients_per_s / static_cast<double>(kNanosecondsPerSecond);
    credit_ = 1;
    counted_at_ = now;
  }
  // How many more may go now.
  std::size_t Take(MonoNs now) noexcept {
    credit_ = std::min(credit_ + static_cast<double>(now - counted_at_) * per_ns_, kBurst);
    counted_at_ = now;
    const auto whole = static_cast<std::size_t>(credit_);
    credit_ -= static_cast<double>(whole);
    return whole;
  }
  // When the next one may go.
  MonoNs NextAt() const noexcept {
    return counted_at_ + static_cast<MonoNs>((1 - credit_) / per_ns_) + 1;
  }

 private:
  static constexpr double kBurst = 64;  // after a turn that took long

  double per_ns_ = 0;
  double credit_ = 0;
  MonoNs counted_at_ = 0;
};

}  // namespace tandem::node
