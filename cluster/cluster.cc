#include "cluster/cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/cluster_state.h"
#include "cluster/core_link.h"
#include "engine/base/check.h"

namespace tandem::cluster {
namespace {

using metrics::Family;
using metrics::Kind;
using metrics::Unit;

constexpr Family kPeerUp = {"tandem_cluster_peer_up", Kind::kGauge, Unit::kPlain,
                            "1 while the peer counts as alive."};
constexpr Family kLinkUp = {"tandem_cluster_link_up", Kind::kGauge, Unit::kPlain,
                            "1 while the link works."};
constexpr Family kLinkRtt = {"tandem_cluster_link_rtt_seconds", Kind::kGauge, Unit::kNanoseconds,
                             "Round trip of the last heartbeat."};
constexpr Family kInStep = {"tandem_cluster_in_step", Kind::kGauge, Unit::kPlain,
                            "1 while both nodes hold the same sessions, subscriptions and queues."};
constexpr Family kEpoch = {"tandem_cluster_epoch", Kind::kGauge, Unit::kPlain,
                           "Number of the present epoch of the pair; 0 while alone."};
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
constexpr Family kRefused = {
    "tandem_cluster_links_refused_total", Kind::kCounter, Unit::kPlain,
    "Handshakes between nodes that failed: wrong secret, cluster, name or version."};
constexpr Family kStanding = {"tandem_cluster_standing", Kind::kGauge, Unit::kPlain,
                              "1 for how this node stands to its partner: starting, paired, "
                              "deciding, severed, alone."};
constexpr Family kWitnessUp = {"tandem_cluster_witness_up", Kind::kGauge, Unit::kPlain,
                               "1 while the witness answers; absent without a witness."};
constexpr Family kDecisions = {"tandem_cluster_witness_decisions_total", Kind::kCounter,
                               Unit::kPlain,
                               "Answers that decided whether this node may serve, by result."};
constexpr Family kLanes = {"tandem_cluster_lanes_up", Kind::kGauge, Unit::kPlain,
                           "Connections between the cores of both nodes that work."};

// The label of tandem_cluster_failovers_total.
std::string_view Cause(DownReason reason) noexcept {
  switch (reason) {
    case DownReason::kSilent:
    case DownReason::kDropped:
    case DownReason::kOutlived:
      return "peer_silent";
    case DownReason::kLagging:
      return "peer_lagging";
    case DownReason::kGoodbye:
      return "peer_drained";
    default:
      return "peer_dead";
  }
}

// The labels of tandem_cluster_standing and tandem_cluster_witness_decisions_total.
constexpr Standing::State kStates[] = {Standing::State::kStarting, Standing::State::kPaired,
                                       Standing::State::kDeciding, Standing::State::kSevered,
                                       Standing::State::kAlone};
constexpr std::string_view kDecisionNames[Standing::kDecisions] = {"won", "lost", "unreachable"};

void CollectStanding(const ClusterStatus& now, metrics::Exposition& out) {
  for (const Standing::State state : kStates)
    out.Add(kStanding, {{"state", Name(state)}}, now.standing == state ? 1 : 0);
  if (!now.has_witness) return;
  out.Add(kWitnessUp, {}, now.witness_reached.value_or(false) ? 1 : 0);
  for (std::size_t i = 0; i < Standing::kDecisions; ++i) {
    out.Add(kDecisions, {{"result", kDecisionNames[i]}},
            static_cast<std::int64_t>(now.decisions[i]));
  }
}

std::int64_t ToInt(std::uint64_t value) noexcept { return static_cast<std::int64_t>(value); }

absl::Status Check(const ClusterOptions& options) {
  if (options.identity.node.empty()) return absl::InvalidArgumentError("the node has no name");
  std::size_t others = 0;
  bool self = false;
  for (const ClusterMember& member : options.members) {
    if (member.name == options.identity.node) {
      self = true;
    } else {
      ++others;
    }
    if (member.links.empty() && options.discovery == DiscoveryKind::kStatic) {
      return absl::InvalidArgumentError(
          absl::StrCat("cluster member \"", member.name, "\" has no links"));
    }
  }
  if (others > 1) return absl::InvalidArgumentError("a cluster has two members");
  if (options.discovery == DiscoveryKind::kStatic && (!self || others != 1)) {
    return absl::InvalidArgumentError(absl::StrCat("the cluster members must be \"",
                                                   options.identity.node, "\" and one other node"));
  }
  if (options.on_partition == PartitionRule::kWitness && !options.witness)
    return absl::InvalidArgumentError("cluster.on_partition = \"witness\" needs a witness");
  if (options.failure_after < 2 * options.heartbeat_every) {
    return absl::InvalidArgumentError(
        "cluster.failure_after must be at least two heartbeats (200 ms)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Create(ClusterOptions options) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  return std::unique_ptr<Cluster>(new Cluster(std::make_shared<ClusterState>(std::move(options))));
}

Cluster::Cluster(std::shared_ptr<ClusterState> state) : state_(std::move(state)) {}
Cluster::~Cluster() = default;

std::unique_ptr<node::PartnerLink> Cluster::MakeLink(CoreId core) {
  TANDEM_CHECK(Index(core) < kCoresMax);
  return std::make_unique<CoreLink>(state_, core);
}

void Cluster::SetDraining(bool draining) {
  state_->draining.store(draining, std::memory_order_relaxed);
}

absl::Status Cluster::ForceServe() {
  const ClusterStatus now = state_->Snapshot();
  if (now.ready) return absl::FailedPreconditionError("this node serves already");
  if (now.standing == Standing::State::kPaired) {
    return absl::FailedPreconditionError(
        "the partner is here: this node serves as soon as it is in step");
  }
  state_->forced.store(true, std::memory_order_relaxed);
  return absl::OkStatus();
}

void Cluster::SetFigures(std::vector<std::int64_t> figures) {
  state_->SetFigures(std::move(figures));
}

ClusterStatus Cluster::status() const {
  ClusterStatus status = state_->Snapshot();
  for (const LaneCounters& core : state_->counters) {
    status.lanes += static_cast<std::size_t>(core.lanes.value());
    status.lanes_up += static_cast<std::size_t>(core.lanes_up.value());
    status.backlog_records += static_cast<std::uint64_t>(core.backlog_records.value());
    status.backlog_bytes += static_cast<std::uint64_t>(core.backlog_bytes.value());
    status.records_out += core.records_out.value();
    status.records_in += core.records_in.value();
    status.publishes_out += core.publishes_out.value();
    status.publishes_in += core.publishes_in.value();
    status.records_resent += core.records_resent.value();
    status.bytes_copied_out += core.bytes_copied_out.value();
    status.bytes_gathered_out += core.bytes_gathered_out.value();
  }
  return status;
}

void Cluster::Collect(metrics::Exposition& out) const {
  const ClusterStatus now = status();
  const std::string& peer = now.peer;
  out.Add(kPeerUp, {{"peer", peer}}, now.epoch != 0 ? 1 : 0);
  for (const LinkStatus& link : now.links) {
    out.Add(kLinkUp, {{"peer", peer}, {"link", link.address}}, link.up ? 1 : 0);
    out.Add(kLinkRtt, {{"peer", peer}, {"link", link.address}}, link.rtt_ns);
  }
  out.Add(kLanes, {{"peer", peer}}, ToInt(now.lanes_up));
  out.Add(kInStep, {{"peer", peer}}, now.in_step ? 1 : 0);
  out.Add(kEpoch, {}, ToInt(now.epoch));
  out.Add(kCatchUp, {}, now.catch_up_ns);
  out.Add(kBacklogMessages, {{"peer", peer}}, ToInt(now.backlog_records));
  out.Add(kBacklogBytes, {{"peer", peer}}, ToInt(now.backlog_bytes));
  out.Add(kForwarded, {{"peer", peer}, {"direction", "out"}}, ToInt(now.publishes_out));
  out.Add(kForwarded, {{"peer", peer}, {"direction", "in"}}, ToInt(now.publishes_in));
  out.Add(kRefused, {}, ToInt(now.refused));
  CollectStanding(now, out);
  for (std::size_t i = 0; i < kDownReasons; ++i) {
    const auto reason = static_cast<DownReason>(i);
    if (reason != DownReason::kStopping)
      out.Add(kFailovers, {{"cause", Cause(reason)}}, ToInt(now.downs[i]));
  }
}

}  // namespace tandem::cluster
