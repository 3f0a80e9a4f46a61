// Turns the readings of a counter into a rate over the last second or so.
#pragma once

#include <deque>

#include "tools/tandem-demo/clock.h"

namespace tandem::demo {

class RateMeter {
 public:
  // A reading. One that is lower than the last means that the counter began anew: the old readings
  // are forgotten.
  void Read(double value, TimePoint now);
  void Forget() { readings_.clear(); }
  // Per second, between the newest reading and the oldest within the window; 0 with fewer than two.
  double per_second() const;

 private:
  static constexpr Duration kWindow = std::chrono::milliseconds(1'500);
  struct Reading {
    double value;
    TimePoint time;
  };
  std::deque<Reading> readings_;
};

}  // namespace tandem::demo
