#include "engine/metrics/cluster_metrics.h"

#include <utility>

namespace tandem::metrics {
namespace {

constexpr Family kPeerUp = {"tandem_cluster_peer_up", Kind::kGauge, Unit::kPlain,
                            "1 while the peer counts as alive."};
constexpr Family kLinkUp = {"tandem_cluster_link_up", Kind::kGauge, Unit::kPlain,
                            "1 while the link works."};
constexpr Family kLinkRtt = {"tandem_cluster_link_rtt_seconds", Kind::kGauge, Unit::kNanoseconds,
                             "Round trip of the last heartbeat."};
constexpr Family kInStep = {"tandem_cluster_in_step", Kind::kGauge, Unit::kPlain,
                            "1 while both nodes hold the same sessions, subscriptions and queues."};
constexpr Family kEpoch = {"tandem_cluster_epoch", Kind::kGauge, Unit::kPlain,
                           "Number of the membership view; rises with each change of the pair."};
constexpr Family kFailovers = {"tandem_cluster_failovers_total", Kind::kCounter, Unit::kPlain,
                               "Times this node took over the peer's clients."};
constexpr Family kCatchUp = {"tandem_cluster_catch_up_seconds", Kind::kGauge, Unit::kNanoseconds,
                             "Length of the last catch-up."};
constexpr Family kBacklogMessages = {"tandem_cluster_backlog_messages", Kind::kGauge, Unit::kPlain,
                                     "Messages sent to the peer and not yet confirmed."};
constexpr Family kBacklogBytes = {"tandem_cluster_backlog_bytes", Kind::kGauge, Unit::kPlain,
                                  "Bytes sent to the peer and not yet confirmed."};
constexpr Family kForwarded = {"tandem_cluster_forwarded_total", Kind::kCounter, Unit::kPlain,
                               "Messages forwarded over the link."};

}  // namespace

ClusterMetrics::ClusterMetrics(std::string peer, const std::vector<std::string>& links)
    : peer_(std::move(peer)), links_(links.size()) {
  for (std::size_t i = 0; i < links_.size(); ++i) links_[i].address = links[i];
}

void ClusterMetrics::Collect(Exposition& out) const {
  out.Add(kPeerUp, {{"peer", peer_}}, peer_up_);
  for (const Link& link : links_) {
    out.Add(kLinkUp, {{"peer", peer_}, {"link", link.address}}, link.up);
    out.Add(kLinkRtt, {{"peer", peer_}, {"link", link.address}}, link.rtt_ns);
  }
  out.Add(kInStep, {{"peer", peer_}}, in_step_);
  out.Add(kEpoch, {}, epoch_);
  out.Add(kFailovers, "cause", failovers_);
  out.Add(kCatchUp, {}, catch_up_ns_);
}

void LaneMetrics::Collect(Exposition& out) const {
  out.Add(kBacklogMessages, {{"peer", peer_}}, backlog_messages_);
  out.Add(kBacklogBytes, {{"peer", peer_}}, backlog_bytes_);
  forwarded_.ForEach([&](std::string_view direction, const Counter& messages) {
    out.Add(kForwarded, {{"peer", peer_}, {"direction", direction}}, messages);
  });
}

}  // namespace tandem::metrics
