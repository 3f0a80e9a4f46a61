// What publisher, subscriber and the watchers of the nodes know, in one place behind one lock.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "tools/tandem-demo/ledger.h"
#include "tools/tandem-demo/pulse.h"
#include "tools/tandem-demo/routes.h"

namespace tandem::demo {

inline constexpr char kTopic[] = "tandem/demo";
inline constexpr char kSubscriberId[] = "demo-subscriber";

// Where the access logs last saw the subscriber connect.
struct SubscriberPlace {
  std::string time;  // of the log line
  NodeIndex node = 0;
};

struct TrafficState {
  Ledger ledger;
  Routes routes;
  bool subscribed = false;              // SUBACK came on the connection that is open now
  unsigned subscriber_connections = 0;  // since the start
  std::optional<SubscriberPlace> subscriber_place;
};

// Thread-safe. Each change beats the pulse.
class Traffic {
 public:
  explicit Traffic(Pulse& pulse) : pulse_(pulse) {}

  template <class Function>
  void Change(Function&& change) {
    {
      const std::lock_guard lock(mutex_);
      std::forward<Function>(change)(state_);
    }
    pulse_.Beat();
  }
  // What `look` returns must not refer to the state.
  template <class Function>
  auto Look(Function&& look) const {
    const std::lock_guard lock(mutex_);
    return std::forward<Function>(look)(state_);
  }

 private:
  Pulse& pulse_;
  mutable std::mutex mutex_;
  TrafficState state_;
};

}  // namespace tandem::demo
