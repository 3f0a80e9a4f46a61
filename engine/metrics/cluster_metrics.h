// What the cluster counts: one struct for the node's view of its peer, one per core for the traffic
// with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/metrics/broker_metrics.h"
#include "engine/metrics/counter.h"
#include "engine/metrics/exposition.h"

namespace tandem::metrics {

// Why this node took over the peer's clients.
enum class FailoverCause : std::uint8_t {
  kPeerDead,     // its process ended: links refused
  kPeerSilent,   // nothing heard for cluster.failure_after
  kPeerLagging,  // alive, but behind by more than cluster.max_lag
  kPeerDrained,  // it said goodbye
};
template <>
inline constexpr std::array<std::string_view, 4> kLabelValues<FailoverCause> = {
    "peer_dead", "peer_silent", "peer_lagging", "peer_drained"};

// One per node, written by the core that holds the control connection.
class alignas(kCacheLineBytes) ClusterMetrics {
 public:
  // `links` are the addresses of the paths to the peer, in the order of the configuration.
  ClusterMetrics(std::string peer, const std::vector<std::string>& links);

  void PeerUp(bool up) noexcept { peer_up_.Set(up); }
  void InStep(bool in_step) noexcept { in_step_.Set(in_step); }
  void LinkUp(std::size_t link, bool up) noexcept { links_[link].up.Set(up); }
  void LinkRtt(std::size_t link, std::int64_t round_trip_ns) noexcept {
    links_[link].rtt_ns.Set(round_trip_ns);
  }
  void FailedOver(FailoverCause cause) noexcept { failovers_[cause].Add(); }
  void CaughtUp(std::int64_t duration_ns) noexcept { catch_up_ns_.Set(duration_ns); }
  // The number of the membership view; rises with each change of the pair.
  void Epoch(std::int64_t epoch) noexcept { epoch_.Set(epoch); }

  void Collect(Exposition& out) const;

  const std::string& peer() const noexcept { return peer_; }
  bool peer_up() const noexcept { return peer_up_.value() != 0; }
  bool in_step() const noexcept { return in_step_.value() != 0; }

 private:
  struct Link {
    std::string address;
    Gauge up;
    Gauge rtt_ns;
  };
  std::string peer_;
  std::vector<Link> links_;  // sized once, never grows
  Gauge peer_up_;
  Gauge in_step_;
  Gauge epoch_;
  ByLabel<Counter, FailoverCause> failovers_;
  Gauge catch_up_ns_;
};

// One per core, written by that core alone.
class alignas(kCacheLineBytes) LaneMetrics {
 public:
  explicit LaneMetrics(std::string peer) : peer_(std::move(peer)) {}

  // Sent to the peer and not yet confirmed.
  void BacklogChanged(std::int64_t messages_delta, std::int64_t bytes_delta) noexcept {
    backlog_messages_.Add(messages_delta);
    backlog_bytes_.Add(bytes_delta);
  }
  // in = from the peer, out = to the peer.
  void Forwarded(Direction direction, std::uint64_t messages) noexcept {
    forwarded_[direction].Add(messages);
  }

  void Collect(Exposition& out) const;

  std::int64_t backlog_messages() const noexcept { return backlog_messages_.value(); }
  std::int64_t backlog_bytes() const noexcept { return backlog_bytes_.value(); }

 private:
  std::string peer_;
  Gauge backlog_messages_;
  Gauge backlog_bytes_;
  ByLabel<Counter, Direction> forwarded_;
};

}  // namespace tandem::metrics
