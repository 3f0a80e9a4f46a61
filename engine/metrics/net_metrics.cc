#include "engine/metrics/net_metrics.h"

namespace tandem::metrics {
namespace {

constexpr Family kConnections = {"tandem_connections", Kind::kGauge, Unit::kPlain,
                                 "Open client connections."};
constexpr Family kOpened = {"tandem_connections_opened_total", Kind::kCounter, Unit::kPlain,
                            "Connections taken."};
constexpr Family kReceivedBytes = {"tandem_network_received_bytes_total", Kind::kCounter,
                                   Unit::kPlain, "Bytes read from clients."};
constexpr Family kSentBytes = {"tandem_network_sent_bytes_total", Kind::kCounter, Unit::kPlain,
                               "Bytes written to clients."};
constexpr Family kAcceptFailures = {
    "tandem_accept_failures_total", Kind::kCounter, Unit::kPlain,
    "Connections that could not be taken: no descriptor or memory left."};

}  // namespace

NetMetrics::NetMetrics(const std::vector<std::string>& listener_names)
    : listeners_(listener_names.size()) {
  for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i].name = listener_names[i];
}

void NetMetrics::Collect(Exposition& out) const {
  for (const Listener& listener : listeners_) {
    out.Add(kConnections, {{"listener", listener.name}}, listener.open);
    out.Add(kOpened, {{"listener", listener.name}}, listener.opened);
  }
  out.Add(kReceivedBytes, {}, received_bytes_);
  out.Add(kSentBytes, {}, sent_bytes_);
  out.Add(kAcceptFailures, {}, accept_failures_);
}

std::int64_t NetMetrics::connections() const noexcept {
  std::int64_t open = 0;
  for (const Listener& listener : listeners_) open += listener.open.value();
  return open;
}

std::uint64_t NetMetrics::connections_opened() const noexcept {
  std::uint64_t opened = 0;
  for (const Listener& listener : listeners_) opened += listener.opened.value();
  return opened;
}

}  // namespace tandem::metrics
