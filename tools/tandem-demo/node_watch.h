// Watches one node from outside, as an operator's tools do: health, metrics and access log, five
// times a second.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "tools/tandem-demo/access_log.h"
#include "tools/tandem-demo/clock.h"
#include "tools/tandem-demo/metrics_text.h"
#include "tools/tandem-demo/rate_meter.h"
#include "tools/tandem-demo/traffic.h"

namespace tandem::demo {

struct NodeStatus {
  TimePoint asked_at{};              // when this reading began
  int ready_code = 0;                // of GET /health/ready; 0: nobody answers
  std::optional<std::string> state;  // as the node calls it
  std::optional<double> connections;
  std::optional<bool> in_step;      // with the other node
  double received_per_second = 0;   // PUBLISH packets from clients
  double delivered_per_second = 0;  // PUBLISH packets to subscribers
};

// Runs a thread of its own from construction to destruction. Enters what the access log says into
// `traffic`.
class NodeWatch {
 public:
  NodeWatch(NodeIndex node, std::uint16_t admin_port, std::string access_log, Traffic& traffic);

  NodeStatus status() const;

 private:
  void Run(std::stop_token stop);
  void ReadAccessLog();
  NodeStatus ReadStatus();
  void EnterMetrics(const MetricsText& metrics, NodeStatus& status);

  NodeIndex node_;
  std::uint16_t admin_port_;
  Traffic& traffic_;
  // Of the thread.
  AccessLogFollower access_log_;
  RateMeter received_;
  RateMeter delivered_;

  mutable std::mutex mutex_;
  NodeStatus status_;
  std::jthread thread_;
};

}  // namespace tandem::demo
