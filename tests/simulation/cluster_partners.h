// Two whole cluster::Cluster objects, as nodes have them, between the shards of a simulated world:
// over a network in memory with two paths, and with a witness in memory.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/cluster.h"
#include "tests/cluster/support/memory_net.h"
#include "tests/cluster/support/memory_witness.h"
#include "tests/support/world_partners.h"

namespace tandem::testing {

struct PartnersOptions {
  std::uint64_t seed = 1;  // of how bytes are cut into pieces
  cluster::PartitionRule rule = cluster::PartitionRule::kServe;
  std::size_t preferred = 0;  // kPrefer: the node
  bool refuse_alone = false;
};

class ClusterPartners final : public WorldPartners {
 public:
  static constexpr std::size_t kPaths = 2;

  explicit ClusterPartners(const PartnersOptions& options);
  ~ClusterPartners() override;

  // The network. A connection over a path that is cut one way still carries the other way.
  void Cut(std::size_t path, std::size_t from);
  void Mend();
  bool cut() const { return !net_.blocked.empty(); }
  // Whether some path carries both ways.
  bool Connected() const;
  // All connections between the nodes are reset, as by a switch that starts anew.
  void BreakConnections(std::size_t node);
  // The witness.
  void SetWitnessReached(std::size_t node, bool reached);
  void MendWitness();

  // What an operator sees of a living node.
  cluster::ClusterStatus StatusOf(std::size_t node) const { return nodes_[node].cluster->status(); }
  bool InStep() const;
  // Since when all cores of the node go on without a partner; kNever if one does not. In the
  // node's own time.
  MonoNs AloneSince(std::size_t node) const;

  void Start(std::size_t node, Incarnation incarnation,
             const std::vector<broker::ReplicatorEvents*>& cores, const Post& post,
             const Now& now) override;
  void Kill(std::size_t node) override;
  void BeginTurn(std::size_t node, std::size_t core, const Now& now) override;
  void Turn(std::size_t node, std::size_t core, const Now& now) override;
  bool HasWork(std::size_t node, std::size_t core, const Now& now) const override;
  MonoNs NextDeadline(std::size_t node, std::size_t core) const override;
  void Append(std::size_t node, std::size_t core, std::uint64_t number,
              broker::PeerRecord record) override;
  void Acknowledge(std::size_t node, std::size_t core, CoreId stream,
                   std::uint64_t number) override;

 private:
  class Tap;
  struct Core {
    std::unique_ptr<cluster::testing::MemoryPort> port;  // outlives the link
    std::unique_ptr<Tap> events;
    std::unique_ptr<node::PartnerLink> link;
    std::uint64_t seen = 0;  // of the network's activity
    bool busy = false;
  };
  struct Node {
    std::unique_ptr<cluster::Cluster> cluster;  // none: dead
    std::deque<Core> cores;
  };

  cluster::ClusterOptions OptionsOf(std::size_t node, Incarnation incarnation);

  const PartnersOptions options_;
  cluster::testing::MemoryNet net_;
  cluster::testing::MemoryRegister register_;
  std::array<Node, 2> nodes_;
};

}  // namespace tandem::testing
