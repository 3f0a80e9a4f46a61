#include "tools/tandemd/service.h"

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
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

// How old the partner's picture of this node's figures may be.
constexpr MonoNs kFiguresEveryNs = kNanosecondsPerSecond;

// A core that has not turned for so long hangs: its turns are milliseconds, its sleep a second.
constexpr MonoNs kHangsAfterNs = 5 * kNanosecondsPerSecond;

// How often this thread looks whether this node may serve, or how its drain goes; and for wishes.
constexpr int kReadinessMs = 20;
constexpr int kWishesMs = 200;

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

admin::MergeStatus ToStatus(broker::MergeReport merge) {
  admin::MergeStatus status{.epoch = merge.epoch,
                            .parted_at_ms = merge.parted_at,
                            .met_at_ms = merge.met_at,
                            .whole = merge.whole,
                            .conflicts_forgotten = merge.conflicts_forgotten};
  for (std::size_t i = 0; i < broker::MergeReport::kCounts; ++i)
    status.counts.emplace_back(broker::kMergeCountNames[i], merge.counts[i]);
  for (broker::MergeConflict& conflict : merge.conflicts) {
    status.conflicts.push_back(
        {.kind = broker::MergeConflict::kNames[static_cast<std::size_t>(conflict.kind)],
         .key = std::move(conflict.key),
         .filter = std::move(conflict.filter),
         .won_here = conflict.won_here,
         .here_at_ms = conflict.here_at,
         .there_at_ms = conflict.there_at});
  }
  return status;
}

}  // namespace

Service::Service(const config::Config& config)
    : config_(config),
      started_at_(node::ReadClocks().mono_ns),
      drain_(config.cluster.drain_notice_ns),
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
    TANDEM_ASSIGN_OR_RETURN(epoch_store_, cluster::EpochStore::Open(config_.node.data_dir));
    cluster.epoch_max = epoch_store_->epoch_max();
    cluster.on_epoch = [store = epoch_store_.get()](std::uint64_t epoch) { store->Began(epoch); };
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
  if (epoch_store_) registry_.Add(*epoch_store_);
  registry_.Add(process_metrics_);
}

absl::Status Service::StartAdmin() {
  TANDEM_ASSIGN_OR_RETURN(
      admin_, admin::AdminServer::Start({.address = config_.admin.address, .control = true},
                                        {.metrics = [this] { return Scrape(); },
                                         .node = [this] { return NodeStatus(); },
                                         .cluster = [this] { return ClusterStatus(); },
                                         .drain = [this](bool force) { return BeginDrain(force); },
                                         .resume = [this] { return EndDrain(); },
                                         .merges = [this] { return Merges(); },
                                         .force_serve = [this] { return ForceServe(); }}));
  Log(LogLevel::kInfo, "admin endpoint",
      {{"address", config_.admin.address.ip}, {"port", admin_->port()}});
  return absl::OkStatus();
}

void Service::SetState(NodeState state) {
  state_.store(state);
  node_metrics_.SetState(state);
  Log(LogLevel::kInfo, "node state", {{"state", Name(state)}});
}

bool Service::FollowReadiness() {
  if (!cluster_) return true;
  const cluster::ClusterStatus seen = cluster_->status();
  const std::lock_guard lock(drain_mutex_);
  if (state_.load() == NodeState::kCatchingUp && seen.ready) {
    node_->SetServing(true);
    SetState(NodeState::kServing);
  } else if (state_.load() == NodeState::kServing && !seen.ready) {
    SetState(NodeState::kCatchingUp);
  }
  return !seen.start_anew;
}

bool Service::Serve(const SignalQueue& signals, Supervisor& supervisor) {
  while (true) {
    if (!FollowReadiness()) {
      SetState(NodeState::kStarting);
      node_->Stop(kStopPatienceNs);
      return true;
    }
    TurnDrain();
    TurnExposure();
    TurnFigures();
    TellSupervisor(supervisor);
    const bool soon = state_.load() != NodeState::kServing;
    if (Answer(signals.Next(soon ? kReadinessMs : kWishesMs))) break;
  }
  supervisor.Stopping();
  DrainBeforeStop(signals, supervisor);
  SetState(NodeState::kDraining);
  node_->Stop(kStopPatienceNs);
  return false;
}

bool Service::Answer(int signal) {
  if (signal == 0) return false;
  if (signal != SIGHUP) {
    Log(LogLevel::kInfo, "stopping", {{"signal", signal}});
    return true;
  }
  if (const absl::Status status = ReopenLog(); !status.ok()) {
    Log(LogLevel::kWarn, "cannot open the log anew", {{"error", std::string(status.message())}});
  }
  return false;
}

void Service::TellSupervisor(Supervisor& supervisor) {
  const admin::NodeStatus status = NodeStatus();
  const bool hangs = !status.not_alive_because.empty();
  if (!hangs) supervisor.Alive(node::ReadClocks().mono_ns);
  if (std::exchange(hangs_, hangs) != hangs) {
    Log(hangs ? LogLevel::kError : LogLevel::kInfo,
        hangs ? "a core hangs" : "no core hangs any more", {{"why", status.not_alive_because}});
  }
  std::string words(Name(status.state));
  if (!status.not_ready_because.empty()) absl::StrAppend(&words, ": ", status.not_ready_because);
  supervisor.State(words);
}

void Service::DrainBeforeStop(const SignalQueue& signals, Supervisor& supervisor) {
  BeginDrain(false);
  const MonoNs deadline = node::ReadClocks().mono_ns + config_.cluster.drain_timeout_ns;
  const auto is_under_way = [this] {
    const std::lock_guard lock(drain_mutex_);
    return drain_.phase() == Drain::Phase::kNotice || drain_.phase() == Drain::Phase::kMoving;
  };
  for (TurnDrain(); is_under_way() && node::ReadClocks().mono_ns < deadline; TurnDrain()) {
    TellSupervisor(supervisor);
    if (Answer(signals.Next(kReadinessMs))) return;
  }
}

// Readiness is 404 from this moment; the main thread does the rest.
admin::Outcome Service::BeginDrain(bool force) {
  const DrainView view = LookAtDrain();
  const std::lock_guard lock(drain_mutex_);
  const bool begins = drain_.phase() == Drain::Phase::kNone;
  if (state_.load() == NodeState::kCatchingUp)
    return {.words = "this node does not serve yet: it is not in step with its partner"};
  if (const absl::Status status = drain_.Begin(view, force); !status.ok())
    return {.words = std::string(status.message())};
  if (begins) {
    SetState(NodeState::kDraining);
    if (cluster_) cluster_->SetDraining(true);
  }
  if (drain_.phase() == Drain::Phase::kDone)
    return {.done = true, .words = "drained: safe to stop"};
  return {.words = "draining: " + std::to_string(view.clients) +
                   (view.clients == 1 ? " client is" : " clients are") + " still here"};
}

admin::Outcome Service::EndDrain() {
  const std::lock_guard lock(drain_mutex_);
  if (!drain_.Cancel()) return {.words = "this node is not being drained"};
  ServeAgain();
  return {.done = true, .words = "serving"};
}

admin::Outcome Service::ForceServe() {
  if (!cluster_) return {.words = "this node has no partner, and serves"};
  if (const absl::Status status = cluster_->ForceServe(); !status.ok())
    return {.words = std::string(status.message())};
  return {.done = true,
          .words =
              "this node serves with what it has. What the partner acknowledged since the nodes "
              "were last in step is missing here, and if it serves now, too, what QoS 2, order "
              "and wills promise is lost between the two; when they meet, both merge"};
}

void Service::ServeAgain() {
  if (cluster_) cluster_->SetDraining(false);
  node_->EndDrain();
  SetState(NodeState::kServing);
}

DrainView Service::LookAtDrain() const {
  DrainView view{.now = node::ReadClocks().mono_ns, .clients = node_->totals().sessions_online};
  if (!cluster_) return view;
  const cluster::ClusterStatus seen = cluster_->status();
  view.partner_takes_over = seen.in_step && !seen.peer_draining;
  view.backlog = seen.backlog_records;
  return view;
}

void Service::TurnDrain() {
  const DrainView view = LookAtDrain();
  const std::lock_guard lock(drain_mutex_);
  switch (drain_.Turn(view)) {
    case Drain::Step::kNothing:
      break;
    case Drain::Step::kMoveClients:
      Log(LogLevel::kInfo, "moving clients to the partner", {{"clients", view.clients}});
      node_->BeginDrain(static_cast<double>(config_.cluster.drain_rate));
      break;
    case Drain::Step::kFinished:
      Log(LogLevel::kInfo, "drained: no client is here, and nothing is owed", {});
      break;
    case Drain::Step::kServeAgain:
      Log(LogLevel::kWarn, "the partner takes no clients any more: the drain ends", {});
      ServeAgain();
      break;
  }
}

void Service::TurnExposure() {
  const node::NodeTotals totals = node_->totals();
  switch (exposure_watch_.Turn(totals.exposed_messages,
                               totals.ExposedFor(node::ReadClocks().mono_ns))) {
    case ExposureWatch::Step::kNothing:
      break;
    case ExposureWatch::Step::kBegins:
      Log(LogLevel::kWarn, "exposed: what is acknowledged from now on has a single copy",
          {{"messages", totals.exposed_messages}});
      break;
    case ExposureWatch::Step::kEnds:
      Log(LogLevel::kInfo, "no longer exposed: the partner has a copy of everything",
          {{"messages", exposure_watch_.ended_messages()},
           {"seconds", static_cast<double>(exposure_watch_.ended_after()) /
                           static_cast<double>(kNanosecondsPerSecond)}});
      break;
  }
}

void Service::TurnFigures() {
  if (config_.mqtt.sys_interval_ns == 0) return;
  const MonoNs now = node::ReadClocks().mono_ns;
  const bool publishes =
      figures_published_at_ == 0 || now - figures_published_at_ >= config_.mqtt.sys_interval_ns;
  if (!publishes && now - figures_told_at_ < kFiguresEveryNs) return;
  figures_told_at_ = now;
  broker::Figures here = node_->figures();
  here[broker::Figure::kUptimeS] = (now - started_at_) / kNanosecondsPerSecond;
  system_topics_.AddMaxima(here);
  if (cluster_) cluster_->SetFigures(here.ToList());
  if (!publishes) return;
  figures_published_at_ = now;
  PublishFigures(here);
}

void Service::PublishFigures(broker::Figures here) {
  broker::SystemView view{.now = figures_published_at_,
                          .version = kVersion,
                          .here = here,
                          .there = std::nullopt,
                          .states = {{config_.node.name, Name(state_.load())}}};
  cluster::ClusterStatus seen;
  if (cluster_) {
    seen = cluster_->status();
    if (seen.epoch != 0 && !seen.peer_figures.empty())
      view.there = broker::Figures::FromList(seen.peer_figures);
    if (!seen.peer.empty()) view.states.emplace_back(seen.peer, PeerState(seen));
  }
  node_->PublishSystem(system_topics_.Update(view));
}

std::string_view Service::PeerState(const cluster::ClusterStatus& seen) const {
  if (seen.epoch == 0) return "away";
  return Name(seen.peer_draining ? NodeState::kDraining
              : seen.peer_ready  ? NodeState::kServing
                                 : NodeState::kCatchingUp);
}

std::string Service::Scrape() {
  node_metrics_.SetSafeToStop(WhyNotStop(node_->totals()).empty());
  return registry_.Scrape();
}

admin::NodeStatus Service::NodeStatus() const {
  admin::NodeStatus status;
  status.name = config_.node.name;
  status.version = kVersion;
  status.revision = kRevision;
  status.state = state_.load();
  if (cluster_) {
    const cluster::ClusterStatus seen = cluster_->status();
    // The main thread may not have seen yet that this node is severed; the balancer should.
    if (status.state == NodeState::kServing && !seen.ready) status.state = NodeState::kCatchingUp;
    status.not_ready_because = seen.not_ready_because;
  }
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
  status.not_alive_because = WhyNotAlive();
  status.unsafe_because = WhyNotStop(totals);
  status.safe_to_stop = status.unsafe_because.empty();
  return status;
}

// What hangs; "" if nothing does.
std::string Service::WhyNotAlive() const {
  const node::CoreSilence silence = node_->longest_silence();
  if (silence.ns < kHangsAfterNs) return "";
  return absl::StrCat("core ", Index(silence.core), " has not turned for ",
                      silence.ns / kNanosecondsPerSecond, " s");
}

// What would be lost or interrupted if this process ended now; "" if nothing.
std::string Service::WhyNotStop(const node::NodeTotals& totals) const {
  if (totals.sessions_online != 0) return "clients are connected: drain this node first";
  const DrainView view = LookAtDrain();
  const bool has_state = totals.sessions_offline != 0 || totals.retained_messages != 0;
  if (has_state && !view.partner_takes_over) return "sessions or retained messages are here only";
  if (view.backlog != 0) return "the partner has not confirmed everything yet";
  return "";
}

admin::ClusterStatus Service::ClusterStatus() const {
  admin::ClusterStatus status;
  status.name = config_.cluster.name;
  status.role = "single";
  if (!cluster_) return status;
  const cluster::ClusterStatus seen = cluster_->status();
  status.role = Role(seen);
  status.epoch = seen.epoch;
  const node::NodeTotals totals = node_->totals();
  status.exposed_messages = totals.exposed_messages;
  status.exposed_ns = totals.ExposedFor(node::ReadClocks().mono_ns);
  status.standing = Name(seen.standing);
  status.standing_because = seen.not_ready_because;
  if (seen.has_witness) {
    const auto decisions = [&seen](cluster::Standing::Decision decision) {
      return seen.decisions[static_cast<std::size_t>(decision)];
    };
    status.witness = {.reachable = seen.witness_reached,
                      .error = seen.witness_error,
                      .won = decisions(cluster::Standing::Decision::kWon),
                      .lost = decisions(cluster::Standing::Decision::kLost),
                      .unreachable = decisions(cluster::Standing::Decision::kUnreachable)};
  }
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

admin::Merges Service::Merges() const {
  admin::Merges merges{.node = config_.node.name};
  if (cluster_) merges.partner = cluster_->status().peer;
  for (broker::MergeReport& merge : node_->merges())
    merges.merges.push_back(ToStatus(std::move(merge)));
  return merges;
}

}  // namespace tandem::tandemd
