// How much of its time this program had something to do.
#pragma once

#include <algorithm>

#include "engine/base/clock.h"

namespace tandem::bench {

// Near a deadline the program turns without sleeping, so its CPU time says nothing about how close
// to its limit it is; the time of the turns that did something does.
class BusyMeter {
 public:
  void Begin(MonoNs now) noexcept {
    began_ = now;
    busy_ns_ = 0;
  }
  void Turn(MonoNs began, MonoNs ended, bool was_busy) noexcept {
    if (was_busy) busy_ns_ += ended - std::max(began, began_);
  }
  // 0..1, from Begin() to `now`.
  double Share(MonoNs now) const noexcept {
    const MonoNs whole = now - began_;
    return whole > 0 ? static_cast<double>(busy_ns_) / static_cast<double>(whole) : 0;
  }

 private:
  MonoNs began_ = 0;
  MonoNs busy_ns_ = 0;
};

}  // namespace tandem::bench
