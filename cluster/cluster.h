// The two-node cluster as the rest of the program sees it: links for the cores of this node, and a
// status.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/cluster_options.h"
#include "cluster/cluster_status.h"
#include "engine/base/ids.h"
#include "engine/metrics/exposition.h"
#include "engine/node/partner_link.h"

namespace tandem::cluster {

class ClusterState;

// One per node. MakeLink is called once for each core before the cores run; the links may outlive
// this object. The rest may be called from any thread at any time.
class Cluster {
 public:
  // An error if the options contradict each other.
  static absl::StatusOr<std::unique_ptr<Cluster>> Create(ClusterOptions options);
  ~Cluster();

  std::unique_ptr<node::PartnerLink> MakeLink(CoreId core);

  ClusterStatus status() const;
  // This node moves its clients away; the partner is told so.
  void SetDraining(bool draining);
  // The operator wants a severed node to serve with what it holds. An error if it serves already.
  absl::Status ForceServe();
  // What the broker of this node counts; the partner sees it as peer_figures within a heartbeat.
  void SetFigures(std::vector<std::int64_t> figures);
  // tandem_cluster_*, as in metrics-proposed.txt.
  void Collect(metrics::Exposition& out) const;

 private:
  explicit Cluster(std::shared_ptr<ClusterState> state);
  std::shared_ptr<ClusterState> state_;
};

}  // namespace tandem::cluster
