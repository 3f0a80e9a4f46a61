#include "tools/tandem-bench/find_max.h"

#include "engine/base/check.h"

namespace tandem::bench {
namespace {

// A broker that does not keep up with one message per second is taken for one that does not work.
constexpr double kRateMin = 1;

}  // namespace

RateSearch::RateSearch(double first, double precision) : precision_(precision), rate_(first) {
  TANDEM_CHECK(first > 0 && precision > 0);
}

std::optional<double> RateSearch::next() const noexcept {
  return is_done_ ? std::nullopt : std::optional<double>(rate_);
}

void RateSearch::Report(bool kept_up) noexcept {
  (kept_up ? kept_up_ : too_much_) = rate_;
  rate_ = too_much_ > 0 ? (kept_up_ + too_much_) / 2 : 2 * kept_up_;
  is_done_ = (too_much_ > 0 && too_much_ - kept_up_ <= precision_ * too_much_) || rate_ < kRateMin;
}

}  // namespace tandem::bench
