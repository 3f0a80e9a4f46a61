// Publishes numbered messages at a steady pace, each over a new connection through the balancer, at
// QoS 1. A message whose PUBACK does not come is sent again over the next connection until it is
// acknowledged; only then the next begins.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <thread>

#include "tools/tandem-demo/traffic.h"

namespace tandem::demo {

// Runs a thread of its own from construction to Stop() or destruction.
class Publisher {
 public:
  Publisher(std::uint16_t port, unsigned messages_per_second, Traffic& traffic);

  // Begins no further message, and waits until the one at hand is acknowledged, or kLastMessage has
  // passed.
  void Stop();

 private:
  static constexpr std::chrono::seconds kLastMessage{5};

  void Run(std::stop_token stop);
  void PublishUntilAcknowledged(Sequence sequence, std::stop_token stop);
  bool PublishOnce(Attempt attempt);

  std::uint16_t port_;
  std::chrono::nanoseconds period_;
  Traffic& traffic_;
  std::jthread thread_;
};

}  // namespace tandem::demo
