// Subscribes through the balancer at QoS 1 with a session that survives its connection, and enters
// what arrives into the ledger. Reconnects when the connection breaks, as any client would.
#pragma once

#include <cstdint>
#include <stop_token>
#include <thread>

#include "tools/tandem-demo/mqtt_client.h"
#include "tools/tandem-demo/traffic.h"

namespace tandem::demo {

// Runs a thread of its own from construction to Stop() or destruction.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, Traffic& traffic);

  // Unsubscribes and disconnects.
  void Stop();

 private:
  void Run(std::stop_token stop);
  void Serve(MqttClient& client, std::stop_token stop);
  void Leave(MqttClient& client);
  void Received(std::string_view payload);

  std::uint16_t port_;
  Traffic& traffic_;
  bool unsubscribed_ = false;  // of the thread
  std::jthread thread_;
};

}  // namespace tandem::demo
