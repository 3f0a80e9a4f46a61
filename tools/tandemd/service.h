// A running node with all that an operator sees of it: engine, cluster, admin endpoint.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "cluster/cluster.h"
#include "cluster/epoch_store.h"
#include "engine/broker/system_topics.h"
#include "engine/metrics/node_metrics.h"
#include "engine/metrics/registry.h"
#include "engine/node/admin/admin_server.h"
#include "engine/node/config/config.h"
#include "engine/node/node.h"
#include "tools/tandemd/drain.h"
#include "tools/tandemd/exposure_watch.h"
#include "tools/tandemd/signals.h"
#include "tools/tandemd/supervisor.h"

namespace tandem::tandemd {

class Service {
 public:
  // Starts everything, or says why it can't and leaves nothing behind.
  static absl::StatusOr<std::unique_ptr<Service>> Start(const config::Config& config);
  ~Service();

  // Until SIGTERM or SIGINT; SIGHUP opens the log files anew. Then stops in order: clients are
  // moved to the partner if that takes them (a second signal cuts this short), the rest are told,
  // the partner hears goodbye. True if the node ended by itself, to be started anew: the partner
  // holds what counts, and what is here must not be mixed with it.
  bool Serve(const SignalQueue& signals, Supervisor& supervisor);

 private:
  explicit Service(const config::Config& config);
  absl::Status StartAll();
  absl::Status StartAdmin();
  void RegisterMetrics();
  // Lets clients in as soon as the cluster says that this node may serve, and says so when it may
  // not any more. False if it is to start anew.
  bool FollowReadiness();
  void SetState(NodeState state);
  // SIGHUP is done with; whether to stop for another one.
  static bool Answer(int signal);
  // Moves the clients away until none is left, time is up or another signal comes.
  void DrainBeforeStop(const SignalQueue& signals, Supervisor& supervisor);
  // That this node is well, or the log what hangs; and its state.
  void TellSupervisor(Supervisor& supervisor);
  // Carries out what the drain's next step is.
  void TurnDrain();
  // Says in the log when there is a single copy of something, and when no longer.
  void TurnExposure();
  // Counts for the partner, and now and then for the topics below $SYS.
  void TurnFigures();
  void PublishFigures(broker::Figures here);
  std::string_view PeerState(const cluster::ClusterStatus& seen) const;
  DrainView LookAtDrain() const;
  void ServeAgain();

  // For the admin server's thread.
  std::string Scrape();
  admin::NodeStatus NodeStatus() const;
  admin::ClusterStatus ClusterStatus() const;
  admin::Merges Merges() const;
  std::string WhyNotAlive() const;
  std::string WhyNotStop(const node::NodeTotals& totals) const;
  admin::Outcome BeginDrain(bool force);
  admin::Outcome EndDrain();
  admin::Outcome ForceServe();

  const config::Config config_;
  const MonoNs started_at_;
  std::atomic<NodeState> state_{NodeState::kStarting};
  mutable std::mutex drain_mutex_;
  Drain drain_;  // under drain_mutex_
  ExposureWatch exposure_watch_;
  bool hangs_ = false;
  broker::SystemTopics system_topics_;
  MonoNs figures_told_at_ = 0;
  MonoNs figures_published_at_ = 0;
  metrics::NodeMetrics node_metrics_;
  metrics::ProcessMetrics process_metrics_;
  metrics::Registry registry_;
  // In the order of their lives: the links of the cores may outlive the cluster and tell of epochs,
  // the admin server asks all of them.
  std::unique_ptr<cluster::EpochStore> epoch_store_;
  std::unique_ptr<cluster::Cluster> cluster_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<admin::AdminServer> admin_;
};

}  // namespace tandem::tandemd
