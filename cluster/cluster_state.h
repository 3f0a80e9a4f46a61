// What the links of one node's cores share: the options, where to find each other, and figures for
// the outside.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cluster/cluster_options.h"
#include "cluster/cluster_status.h"
#include "engine/base/limits.h"
#include "engine/metrics/counter.h"

namespace tandem::cluster {

class CoreLink;

// Written by its core alone, read by anybody.
struct alignas(metrics::kCacheLineBytes) LaneCounters {
  metrics::Gauge backlog_records;
  metrics::Gauge backlog_bytes;
  metrics::Gauge lanes;
  metrics::Gauge lanes_up;
  metrics::Counter records_out;
  metrics::Counter records_in;
  metrics::Counter publishes_out;
  metrics::Counter publishes_in;
  metrics::Counter records_resent;
  metrics::Counter bytes_copied_out;
  metrics::Counter bytes_gathered_out;
};

// One per node, shared by Cluster and its links.
class ClusterState {
 public:
  explicit ClusterState(ClusterOptions cluster_options) : options(std::move(cluster_options)) {}

  const ClusterOptions options;

  // The link of each core, while it lives. Set before the cores run; a task posted to a core looks
  // its link up here.
  std::array<std::atomic<CoreLink*>, kCoresMax> links{};
  std::array<LaneCounters, kCoresMax> counters;

  // The partner, as configured or discovered. Written on core 0 before an epoch with it begins.
  struct Peer {
    std::string name;
    std::vector<reactor::Endpoint> links;  // by path
  };
  Peer peer() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return peer_;
  }
  void SetPeer(Peer peer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    peer_ = std::move(peer);
  }
  // Bit p: path p is confirmed. Written by core 0; where lanes are dialed.
  std::atomic<std::uint64_t> paths_up{0};
  // Set by whoever drains this node; told to the partner with each heartbeat.
  std::atomic<bool> draining{false};

  // Set by an operator: serve with what is here.
  std::atomic<bool> forced{false};

  // What this node's broker counts, to be told with each heartbeat.
  std::vector<std::int64_t> figures() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return figures_;
  }
  void SetFigures(std::vector<std::int64_t> figures) {
    const std::lock_guard<std::mutex> lock(mutex_);
    figures_ = std::move(figures);
  }

  // The part of the status that core 0 writes.
  void Publish(const ClusterStatus& status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_ = status;
  }
  ClusterStatus Snapshot() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;  // of all below
  ClusterStatus status_;
  Peer peer_;
  std::vector<std::int64_t> figures_;
};

}  // namespace tandem::cluster
