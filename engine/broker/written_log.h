// How long messages took that were written to connections in the present turn.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/clock.h"
#include "engine/metrics/broker_metrics.h"

namespace tandem::broker {

// One per shard. Counts what goes out while a message is being routed; what has waited in a queue
// was its subscriber's time, not the broker's, and does not count.
class WrittenLog {
 public:
  // While it lives, a message is routed that was read at `read_at` and came by `path`.
  class Routing {
   public:
    Routing(WrittenLog& log, MonoNs read_at, metrics::DeliveryPath path) : log_(log) {
      log_.Begin(read_at, path);
    }
    Routing(const Routing&) = delete;
    Routing& operator=(const Routing&) = delete;
    ~Routing() { log_.routing_ = false; }

   private:
    WrittenLog& log_;
  };

  void Add() noexcept {
    if (routing_) ++entries_.back().count;
  }

  // The bytes are with the kernel at `now`.
  void Flush(MonoNs now, metrics::BrokerMetrics& metrics) {
    for (const Entry& entry : entries_) {
      if (entry.count != 0) metrics.DeliveryTook(entry.path, now - entry.read_at, entry.count);
    }
    entries_.clear();
  }

 private:
  // Messages of one turn mostly have the same.
  struct Entry {
    MonoNs read_at = 0;
    metrics::DeliveryPath path{};
    std::uint64_t count = 0;
  };

  void Begin(MonoNs read_at, metrics::DeliveryPath path) {
    routing_ = true;
    if (!entries_.empty() && entries_.back().read_at == read_at && entries_.back().path == path)
      return;
    entries_.push_back({read_at, path});
  }

  std::vector<Entry> entries_;
  bool routing_ = false;
};

}  // namespace tandem::broker
