// One core under load, as in hot_path.h, whose sessions have their copies on a core of another
// node: for counting what a message costs either of them.
#pragma once

#include <cstdint>
#include <memory>

#include "cluster/cluster.h"
#include "tests/cluster/support/memory_net.h"
#include "tests/support/hot_path.h"

namespace tandem::node {

// Two nodes of one core with the link of production between them, over a network in memory and in
// time that goes on by a step per turn, so that nothing depends on how long a turn takes. All
// clients are on the first one, the owner.
class PairedPath {
 public:
  explicit PairedPath(const bench::Options& options);
  ~PairedPath();

  // As HotPathOver::Run; each step is a turn of the owner, then one of its partner.
  template <class OwnerTurn, class PartnerTurn>
  void Run(std::uint64_t messages, OwnerTurn owner_turn, PartnerTurn partner_turn) {
    owner_.path->Run(messages, [&](auto&) { Step(owner_turn, partner_turn); });
  }
  const bench::Load& load() const noexcept { return owner_.path->load(); }

 private:
  class Link;
  struct Side {
    std::unique_ptr<cluster::testing::MemoryPort> port;
    std::unique_ptr<cluster::Cluster> cluster;
    std::unique_ptr<HotPath> path;
  };

  Side MakeSide(const char* name, std::size_t host, bench::Options options);
  void Pass();

  template <class OwnerTurn, class PartnerTurn>
  void Step(OwnerTurn& owner_turn, PartnerTurn& partner_turn) {
    Pass();
    owner_.port->Poll();
    owner_turn(owner_.path->core());
    partner_.port->Poll();
    partner_turn(partner_.path->core());
  }

  cluster::testing::MemoryNet net_{1};
  Now now_;
  Side owner_;
  Side partner_;
};

}  // namespace tandem::node
