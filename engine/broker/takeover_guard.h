// Clients that fight over one client id, each coming back as soon as the other has thrown it out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "engine/base/pace.h"
#include "engine/base/strings.h"

namespace tandem::broker {

// One per shard: counts the takeovers of each client id, so many a minute and as many at once. Both
// nodes of a pair count what happens to their own connections.
class TakeoverGuard {
 public:
  // 0: no limit.
  explicit TakeoverGuard(std::size_t per_minute_max) noexcept : per_minute_max_(per_minute_max) {}

  // A connection was ended for a newer one of its client id.
  void Note(std::string_view client_id, MonoNs now) {
    if (per_minute_max_ == 0) return;
    auto it = paces_.find(client_id);
    if (it == paces_.end()) {
      if (paces_.size() >= kWatchedTakeoversMax) return;  // until the next Sweep
      it = paces_.try_emplace(std::string(client_id)).first;
    }
    it->second.Spend(now, interval_ns());
  }
  // Whether the next one has to wait.
  bool IsStorm(std::string_view client_id, MonoNs now) const {
    if (paces_.empty()) return false;
    const auto it = paces_.find(client_id);
    return it != paces_.end() &&
           !it->second.HasTokens(now, interval_ns(), static_cast<std::int64_t>(per_minute_max_));
  }
  // Forgets what has long been over.
  void Sweep(MonoNs now) {
    absl::erase_if(paces_, [now](const auto& entry) { return entry.second.IsFull(now); });
  }
  std::size_t watched() const noexcept { return paces_.size(); }

 private:
  MonoNs interval_ns() const noexcept {
    return 60 * kNanosecondsPerSecond / static_cast<MonoNs>(per_minute_max_);
  }

  std::size_t per_minute_max_;
  StringMap<Pace> paces_;
};

}  // namespace tandem::broker
