#include "tools/tandem-demo/publisher.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "tools/tandem-demo/mqtt_client.h"

namespace tandem::demo {
namespace {

// A broker that has not acknowledged by then has lost the connection in a way that TCP does not
// tell.
constexpr std::chrono::seconds kAttemptTimeout{2};
// Between two attempts, where nobody takes connections.
constexpr std::chrono::milliseconds kPauseAfterFailure{20};
constexpr std::chrono::milliseconds kTurn{100};

// Until `wake`, or until stopped.
void SleepUntil(TimePoint wake, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, wake, [] { return false; });
}

}  // namespace

Publisher::Publisher(std::uint16_t port, unsigned messages_per_second, Traffic& traffic)
    : port_(port),
      period_(std::chrono::nanoseconds(std::chrono::seconds(1)) / messages_per_second),
      traffic_(traffic),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

void Publisher::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Publisher::Run(std::stop_token stop) {
  TimePoint next = Clock::now();
  while (!stop.stop_requested()) {
    Sequence sequence = 0;
    traffic_.Change([&](TrafficState& state) { sequence = state.ledger.Begin(); });
    PublishUntilAcknowledged(sequence, stop);
    next = std::max(next + period_, Clock::now());  // what a pause cost is not made up for
    SleepUntil(next, stop);
  }
}

void Publisher::PublishUntilAcknowledged(Sequence sequence, std::stop_token stop) {
  std::optional<TimePoint> give_up;
  for (std::uint64_t number = 1;; ++number) {
    traffic_.Change([&](TrafficState& state) { state.ledger.Attempted(sequence); });
    if (PublishOnce({sequence, number}))
      return traffic_.Change([&](TrafficState& state) { state.ledger.Acknowledged(sequence); });
    if (stop.stop_requested() && !give_up) give_up = Clock::now() + kLastMessage;
    if (give_up && Clock::now() >= *give_up) return;
    SleepUntil(Clock::now() + kPauseAfterFailure, {});
  }
}

bool Publisher::PublishOnce(Attempt attempt) {
  bool connected = false;
  bool acknowledged = false;
  MqttClient client(
      PublisherId(attempt), /*clean_session=*/true,
      {.connected = [&] { connected = true; }, .published = [&] { acknowledged = true; }});
  const TimePoint deadline = Clock::now() + kAttemptTimeout;
  if (!client.Connect(port_).ok()) return false;
  while (!connected)
    if (!client.Turn(kTurn).ok() || Clock::now() > deadline) return false;
  if (!client.Publish(kTopic, std::to_string(attempt.sequence)).ok()) return false;
  while (!acknowledged)
    if (!client.Turn(kTurn).ok() || Clock::now() > deadline) return false;
  client.Disconnect();
  return true;
}

}  // namespace tandem::demo
