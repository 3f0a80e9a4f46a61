#include "tools/tandem-bench/pacer.h"

#include "engine/base/check.h"

namespace tandem::bench {

Pacer Pacer::Closed(std::uint32_t window, std::uint32_t copies, bool is_acknowledged) {
  TANDEM_CHECK(window > 0);
  Pacer pacer;
  pacer.window_ = window;
  pacer.copies_ = copies;
  pacer.is_acknowledged_ = is_acknowledged;
  return pacer;
}

Pacer Pacer::Unanswered(std::uint32_t window) {
  TANDEM_CHECK(window > 0);
  Pacer pacer;
  pacer.window_ = window;
  pacer.is_answered_ = false;
  return pacer;
}

Pacer Pacer::Open(MonoNs start, MonoNs interval_ns) {
  TANDEM_CHECK(interval_ns > 0);
  Pacer pacer;
  pacer.interval_ns_ = interval_ns;
  pacer.due_ = start;
  return pacer;
}

bool Pacer::IsDue(MonoNs now, MonoNs& planned) const noexcept {
  if (interval_ns_ > 0) {
    planned = due_;
    return now >= due_;
  }
  planned = now;
  if (!is_answered_) return unwritten_ < window_;
  const std::uint64_t room = std::uint64_t{window_} * copies_;
  return unacknowledged_ < window_ && copies_outstanding_ + copies_ <= room;
}

void Pacer::OnPublished() noexcept {
  due_ += interval_ns_;
  copies_outstanding_ += copies_;
  ++unwritten_;
  if (is_acknowledged_) ++unacknowledged_;
}

void Pacer::OnDelivered() noexcept {
  moved_ = true;
  if (copies_outstanding_ > 0) --copies_outstanding_;
}

void Pacer::OnAcknowledged() noexcept {
  moved_ = true;
  if (unacknowledged_ > 0) --unacknowledged_;
}

std::uint64_t Pacer::GiveUpStalled() noexcept {
  MonoNs planned;
  const bool stalled = interval_ns_ == 0 && is_answered_ && !moved_ && !IsDue(0, planned);
  moved_ = false;
  if (!stalled) return 0;
  const std::uint64_t given_up = copies_outstanding_;
  copies_outstanding_ = 0;
  return given_up;
}

}  // namespace tandem::bench
