// What one core's sockets count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/metrics/counter.h"
#include "engine/metrics/exposition.h"

namespace tandem::metrics {

// One per core, written by that core alone. Connections are counted per listener; a connection may
// be opened on one core and closed on another (its session's home), the sum over the cores is
// right.
class alignas(kCacheLineBytes) NetMetrics {
 public:
  // `listener_names` in the order of the configuration; later calls name a listener by its index.
  explicit NetMetrics(const std::vector<std::string>& listener_names);

  void ConnectionOpened(std::size_t listener) noexcept {
    listeners_[listener].opened.Add();
    listeners_[listener].open.Add(1);
  }
  void ConnectionClosed(std::size_t listener) noexcept { listeners_[listener].open.Add(-1); }
  void BytesReceived(std::uint64_t bytes) noexcept { received_bytes_.Add(bytes); }
  void BytesSent(std::uint64_t bytes) noexcept { sent_bytes_.Add(bytes); }
  // Taking a connection failed (descriptors, memory) and the listener paused.
  void AcceptFailed() noexcept { accept_failures_.Add(); }

  void Collect(Exposition& out) const;

  // Open connections by this core's count (see above: only the sum over cores has a meaning).
  std::int64_t connections() const noexcept;
  std::uint64_t connections_opened() const noexcept;
  std::uint64_t received_bytes() const noexcept { return received_bytes_.value(); }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_.value(); }

 private:
  struct Listener {
    std::string name;
    Counter opened;
    Gauge open;
  };
  std::vector<Listener> listeners_;  // sized once, never grows
  Counter received_bytes_;
  Counter sent_bytes_;
  Counter accept_failures_;
};

}  // namespace tandem::metrics
