// A node: its cores on their threads, from start to stop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/broker/figures.h"
#include "engine/broker/system_topics.h"
#include "engine/metrics/registry.h"
#include "engine/node/connection_limits.h"
#include "engine/node/core.h"
#include "engine/node/core_counters.h"
#include "engine/node/inbox.h"
#include "engine/node/merge_history.h"
#include "engine/node/partner_link.h"
#include "engine/reactor/transport.h"
#include "engine/reactor/uring_transport.h"

namespace tandem::node {

struct NodeOptions {
  std::vector<unsigned> cpus;  // one engine core on each; at least one
  bool pin = true;
  std::vector<std::string> listener_names;
  std::vector<reactor::ListenOptions> listeners;
  std::vector<ConnectionLimitOptions> connection_limits;  // by listener; missing: none
  broker::BrokerConfig broker;
  broker::ShardOptions shard;  // core and cores are filled in
  reactor::UringOptions uring;
  MonoNs spin_ns = 0;
  // Makes the link of one core to the other node; empty for a node that serves alone.
  std::function<std::unique_ptr<PartnerLink>(CoreId)> make_link;
  bool serving = true;  // whether clients are welcome from the start
};

// Sums over the cores, for the admin API.
struct NodeTotals {
  std::int64_t connections = 0;
  std::int64_t sessions_online = 0;
  std::int64_t sessions_offline = 0;
  std::int64_t subscriptions = 0;
  std::int64_t retained_messages = 0;
  std::int64_t queued_messages = 0;
  std::uint64_t publish_received = 0;
  std::uint64_t publish_delivered = 0;
  std::uint64_t publish_dropped = 0;
  std::int64_t exposed_messages = 0;  // acknowledged, and only here while the partner is away
  MonoNs exposed_since = 0;           // the first of them; 0: there is none
  MonoNs ExposedFor(MonoNs now) const noexcept {
    return exposed_since == 0 ? 0 : now - exposed_since;
  }
};

// A core and for how long it has not turned; one that works, or sleeps, turns every second.
struct CoreSilence {
  CoreId core{};
  MonoNs ns = 0;
};

// Thread-safe but for Start and the destructor.
class Node {
 public:
  // Starts all cores; when it returns they listen. On an error nothing is left running.
  static absl::StatusOr<std::unique_ptr<Node>> Start(NodeOptions options);
  ~Node();

  // Whether CONNECT is answered with yes.
  void SetServing(bool serving);
  // Moves the clients to the other node, `clients_per_s` of them over all cores, and turns new ones
  // away; EndDrain takes clients again. totals().connections tells how many are left.
  void BeginDrain(double clients_per_s);
  void EndDrain();
  // Ends in order: no new clients, those that are here are told, the other node hears goodbye.
  // Returns when all is done, or when `patience_ns` is over. Idempotent.
  void Stop(MonoNs patience_ns);

  // Adds what the cores count; the node must outlive the registry.
  void RegisterMetrics(metrics::Registry& registry) const;
  NodeTotals totals() const;
  // The same for the figures of the cluster, but for what the cores cannot know.
  broker::Figures figures() const;
  // Of the core that has not turned for longest; cores that have been stopped aside.
  CoreSilence longest_silence() const;
  // What came of it when this node and its partner met that had both served, the last first.
  std::vector<broker::MergeReport> merges() const { return merges_.Last(); }
  // Tells every core of new values below $SYS.
  void PublishSystem(std::vector<broker::SystemTopic> topics);
  std::uint16_t cores() const noexcept { return static_cast<std::uint16_t>(workers_.size()); }
  // Where listener `index` of the configuration really listens (port 0 is replaced).
  const std::vector<reactor::Endpoint>& endpoints() const noexcept { return endpoints_; }
  // The features that the transport found, one per line, for the log.
  const std::string& transport_features() const noexcept { return features_; }

 private:
  struct Worker;

  void CollectExposure(metrics::Exposition& out) const;

  explicit Node(NodeOptions options);
  void Run(Worker& worker);
  void PostToAll(const std::function<void(Worker&)>& task);

  NodeOptions options_;
  MailGrid mail_;
  MergeHistory merges_;
  std::vector<std::unique_ptr<ConnectionLimits>> limits_;  // by listener, shared by the cores
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<reactor::Endpoint> endpoints_;
  std::string features_;
};

}  // namespace tandem::node
