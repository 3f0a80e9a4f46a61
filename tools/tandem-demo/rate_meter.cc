#include "tools/tandem-demo/rate_meter.h"

namespace tandem::demo {

void RateMeter::Read(double value, TimePoint now) {
  if (!readings_.empty() && value < readings_.back().value) readings_.clear();
  readings_.push_back({value, now});
  while (readings_.size() > 2 && now - readings_.front().time > kWindow) readings_.pop_front();
}

double RateMeter::per_second() const {
  if (readings_.size() < 2) return 0;
  const double seconds = Seconds(readings_.back().time - readings_.front().time);
  return seconds <= 0 ? 0 : (readings_.back().value - readings_.front().value) / seconds;
}

}  // namespace tandem::demo
