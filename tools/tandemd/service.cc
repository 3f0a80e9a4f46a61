#include "tools/tandemd/service.h"

#include <csignal>
#include <utility>

#include "absl/strings/str_split.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/node/clock.h"
#include "tools/tandemd/broker_settings.h"
#include "tools/tandemd/cluster_settings.h"
#include "tools/tandemd/host.h"
#include "tools/tandemd/version.h"

namespace tandem::tandemd {
namespace {

// How long clients and the partner get to hear that this node stops.
constexpr MonoNs kStopPatienceNs = 10 * kNanosecondsPerSecond;

// Descriptors below this make a broker that refuses clients under the first load.
constexpr std::uint64_t kDescriptorsWanted = 4096;

// How often the cluster is asked whether this node may serve.
constexpr int kReadinessMs = 20;

std::string_view Role(const cluster::ClusterStatus& status) noexcept {
  switch (status.state) {
    case cluster::Pair::State::kAlone:
      return "alone";
    case cluster::Pair::State::kLinking:
    case cluster::Pair::State::kArming:
      return "syncing";
    case cluster::Pair::State::kPaired:
      return status.in_step ? "paired" : "syncing";
  }
  return "";
}

}  // namespace

Service::Service(const config::Config& config)
    : config_(config),
      started_at_(node::ReadClocks().mono_ns),
      node_metrics_(kVersion, kRevision) {}

Service::~Service() = default;

absl::StatusOr<std::unique_ptr<Service>> Service::Start(const config::Config& config) {
  std::unique_ptr<Service> service(new Service(config));
  TANDEM_RETURN_IF_ERROR(service->StartAll());
  return service;
}

absl::Status Service::StartAll() {
  const std::uint64_t descriptors = RaiseDescriptorLimit();
  if (descriptors < kDescriptorsWanted) {
    Log(LogLevel::kWarn, "few descriptors: raise LimitNOFILE or ulimit -n",
        {{"limit", descriptors}});
  }
  Incarnation incarnation{};
  TANDEM_RETURN_IF_ERROR(DrawIncarnation(incarnation));
  node::NodeOptions options = MakeNodeOptions(config_, incarnation);
  if (HasPartner(config_)) {
    TANDEM_ASSIGN_OR_RETURN(cluster::ClusterOptions cluster,
                            MakeClusterOptions(config_, incarnation));
    TANDEM_ASSIGN_OR_RETURN(cluster_, cluster::Cluster::Create(std::move(cluster)));
    options.make_link = [this](CoreId core) { return cluster_->MakeLink(core); };
    options.serving = false;
    SetState(NodeState::kCatchingUp);
  } else {
    SetState(NodeState::kServing);
  }
  TANDEM_ASSIGN_OR_RETURN(node_, node::Node::Start(std::move(options)));
  for (const absl::string_view line :
       absl::StrSplit(node_->transport_features(), '\n', absl::SkipEmpty())) {
    Log(LogLevel::kInfo, FromAbsl(line));
  }
  for (std::size_t i = 0; i < node_->endpoints().size(); ++i) {
    Log(LogLevel::kInfo, "listening",
        {{"listener", config_.listeners[i].name},
         {"address", reactor::ToString(node_->endpoints()[i])}});
  }
  RegisterMetrics();
  return StartAdmin();
}

void Service::RegisterMetrics() {
  registry_.Add(node_metrics_);
  node_->RegisterMetrics(registry_);
  if (cluster_) registry_.Add(*cluster_);
  registry_.Add(process_metrics_);
}

absl::Status Service::StartAdmin() {
  TANDEM_ASSIGN_OR_RETURN(
      admin_, admin::AdminServer::Start({.address = config_.admin.address},
                                        {.metrics = [this] { return registry_.Scrape(); },
                                         .node = [this] { return NodeStatus(); },
                                         .cluster = [this] { return ClusterStatus(); }}));
  Log(LogLevel::kInfo, "admin endpoint",
      {{"address", config_.admin.address.ip}, {"port", admin_->port()}});
  return absl::OkStatus();
}

void Service::SetState(NodeState state) {
  state_.store(state);
  node_metrics_.SetState(state);
  Log(LogLevel::kInfo, "node state", {{"state", Name(state)}});
}

void Service::FollowReadiness() {
  if (state_.load() != NodeState::kCatchingUp || !cluster_->status().ready) return;
  node_->SetServing(true);
  SetState(NodeState::kServing);
}

void Service::Serve(const SignalQueue& signals) {
  while (true) {
    FollowReadiness();
    const int signal = signals.Next(state_.load() == NodeState::kCatchingUp ? kReadinessMs : 1000);
    if (signal == SIGHUP) {
      if (const absl::Status status = ReopenLog(); !status.ok()) {
        Log(LogLevel::kWarn, "cannot open the log anew",
            {{"error", std::string(status.message())}});
      }
    } else if (signal != 0) {
      Log(LogLevel::kInfo, "stopping", {{"signal", signal}});
      break;
    }
  }
  SetState(NodeState::kDraining);
  node_->Stop(kStopPatienceNs);
}

admin::NodeStatus Service::NodeStatus() const {
  admin::NodeStatus status;
  status.name = config_.node.name;
  status.version = kVersion;
  status.revision = kRevision;
  status.state = state_.load();
  if (status.state == NodeState::kCatchingUp)
    status.not_ready_because = "not in step with the partner yet";
  status.uptime_ns = node::ReadClocks().mono_ns - started_at_;
  status.cores = node_->cores();
  const node::NodeTotals totals = node_->totals();
  status.connections = totals.connections;
  status.sessions_online = totals.sessions_online;
  status.sessions_offline = totals.sessions_offline;
  status.subscriptions = totals.subscriptions;
  status.retained_messages = totals.retained_messages;
  status.queued_messages = totals.queued_messages;
  status.publish_received = totals.publish_received;
  status.publish_delivered = totals.publish_delivered;
  status.publish_dropped = totals.publish_dropped;
  // Sessions are not mirrored: what is here alone is lost with this process.
  if (totals.sessions_online + totals.sessions_offline != 0) {
    status.unsafe_because = "sessions live on this node only";
  } else {
    status.safe_to_stop = true;
  }
  return status;
}

admin::ClusterStatus Service::ClusterStatus() const {
  admin::ClusterStatus status;
  status.name = config_.cluster.name;
  status.role = "single";
  if (!cluster_) return status;
  const cluster::ClusterStatus seen = cluster_->status();
  status.role = Role(seen);
  status.epoch = seen.epoch;
  admin::PeerStatus& peer = status.peer.emplace();
  peer.name = seen.peer;
  peer.up = seen.epoch != 0;
  peer.in_step = seen.in_step;
  if (peer.up) {
    peer.state = seen.peer_draining ? NodeState::kDraining
                 : seen.peer_ready  ? NodeState::kServing
                                    : NodeState::kCatchingUp;
  }
  peer.version = seen.peer_release;
  for (const cluster::LinkStatus& link : seen.links) {
    peer.links.push_back({.address = link.address, .up = link.up, .round_trip_ns = link.rtt_ns});
  }
  peer.backlog_messages = static_cast<std::int64_t>(seen.backlog_records);
  peer.backlog_bytes = static_cast<std::int64_t>(seen.backlog_bytes);
  return status;
}

}  // namespace tandem::tandemd
