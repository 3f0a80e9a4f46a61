#include "tools/tandem-demo/subscriber.h"

#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tandem::demo {
namespace {

constexpr std::chrono::milliseconds kTurn{100};
constexpr std::chrono::milliseconds kPauseBeforeReconnect{50};
constexpr std::chrono::seconds kGoodbye{1};

}  // namespace

Subscriber::Subscriber(std::uint16_t port, Traffic& traffic)
    : port_(port), traffic_(traffic), thread_([this](std::stop_token stop) { Run(stop); }) {}

void Subscriber::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Subscriber::Run(std::stop_token stop) {
  MqttClient* self = nullptr;
  MqttClient client(
      kSubscriberId, /*clean_session=*/false,
      {.connected =
           [&] {
             traffic_.Change([](TrafficState& state) {
               state.ledger.SubscriberConnected();
               ++state.subscriber_connections;
             });
             self->Subscribe(kTopic).IgnoreError();  // a broken connection shows in the next turn
           },
       .subscribed =
           [this] { traffic_.Change([](TrafficState& state) { state.subscribed = true; }); },
       .unsubscribed = [this] { unsubscribed_ = true; },
       .message = [this](std::string_view payload) { Received(payload); }});
  self = &client;

  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    if (client.Connect(port_).ok()) Serve(client, stop);
    traffic_.Change([](TrafficState& state) { state.subscribed = false; });
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kPauseBeforeReconnect, [] { return false; });
  }
}

void Subscriber::Serve(MqttClient& client, std::stop_token stop) {
  while (!stop.stop_requested())
    if (!client.Turn(kTurn).ok()) return;
  Leave(client);
}

void Subscriber::Leave(MqttClient& client) {
  const TimePoint deadline = Clock::now() + kGoodbye;
  if (!client.Unsubscribe(kTopic).ok()) return;
  while (!unsubscribed_ && Clock::now() < deadline)
    if (!client.Turn(kTurn).ok()) return;
  client.Disconnect();
}

void Subscriber::Received(std::string_view payload) {
  Sequence sequence = 0;  // what is no number is entered as unknown
  const auto [end, error] =
      std::from_chars(payload.data(), payload.data() + payload.size(), sequence);
  if (error != std::errc{} || end != payload.data() + payload.size()) sequence = 0;
  traffic_.Change([&](TrafficState& state) { state.ledger.Received(sequence, Clock::now()); });
}

}  // namespace tandem::demo
