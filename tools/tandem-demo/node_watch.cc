#include "tools/tandem-demo/node_watch.h"

#include <chrono>
#include <condition_variable>

#include "tools/support/http_client.h"

namespace tandem::demo {
namespace {

using tools::HttpGet;

constexpr std::chrono::milliseconds kPeriod{200};
constexpr std::chrono::milliseconds kTimeout{500};

void EnterConnect(NodeIndex node, const AccessLine& line, TrafficState& state) {
  if (const auto attempt = ParsePublisherId(line.client)) {
    state.routes.Connected(node, *attempt);
  } else if (line.client == kSubscriberId &&
             (!state.subscriber_place || state.subscriber_place->time <= line.time)) {
    state.subscriber_place = SubscriberPlace{line.time, node};
  }
}

}  // namespace

NodeWatch::NodeWatch(NodeIndex node, std::uint16_t admin_port, std::string access_log,
                     Traffic& traffic)
    : node_(node),
      admin_port_(admin_port),
      traffic_(traffic),
      access_log_(std::move(access_log)),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

NodeStatus NodeWatch::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void NodeWatch::Run(std::stop_token stop) {
  std::condition_variable_any never;
  std::mutex mutex;
  while (!stop.stop_requested()) {
    NodeStatus status = ReadStatus();
    {
      const std::lock_guard lock(mutex_);
      status_ = std::move(status);
    }
    ReadAccessLog();  // beats the pulse
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kPeriod, [] { return false; });
  }
}

void NodeWatch::ReadAccessLog() {
  const auto lines = access_log_.Read();
  traffic_.Change([&](TrafficState& state) {
    for (const AccessLine& line : lines)
      if (line.event == "connect") EnterConnect(node_, line, state);
  });
}

NodeStatus NodeWatch::ReadStatus() {
  NodeStatus status{.asked_at = Clock::now()};
  if (const auto ready = HttpGet(admin_port_, "/health/ready", kTimeout); ready.ok())
    status.ready_code = ready->status;
  const auto metrics = HttpGet(admin_port_, "/metrics", kTimeout);
  if (metrics.ok() && metrics->status == 200) {
    EnterMetrics(MetricsText(metrics->body), status);
  } else {
    received_.Forget();
    delivered_.Forget();
  }
  return status;
}

void NodeWatch::EnterMetrics(const MetricsText& metrics, NodeStatus& status) {
  const TimePoint now = Clock::now();
  status.state = metrics.Chosen("tandem_node_state", "state");
  status.connections = metrics.Sum("tandem_connections");
  if (const auto in_step = metrics.Sum("tandem_cluster_in_step")) status.in_step = *in_step == 1;
  received_.Read(metrics.Sum("tandem_publish_received_total").value_or(0), now);
  delivered_.Read(metrics.Sum("tandem_publish_delivered_total").value_or(0), now);
  status.received_per_second = received_.per_second();
  status.delivered_per_second = delivered_.per_second();
}

}  // namespace tandem::demo
