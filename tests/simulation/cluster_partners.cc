#include "tests/simulation/cluster_partners.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace tandem::testing {
namespace {

using cluster::testing::MemoryPort;
using cluster::testing::MemoryWitness;

constexpr std::uint16_t kPort = 7883;
constexpr const char* kNames[] = {"alpha", "beta"};

std::string HostOf(std::size_t path, std::size_t node) {
  return absl::StrCat("10.", path, ".0.", node + 1);
}

}  // namespace

// Between a link and its broker: notes since when that one goes on without a partner.
class ClusterPartners::Tap final : public broker::ReplicatorEvents {
 public:
  explicit Tap(broker::ReplicatorEvents& broker) : broker_(broker) {}

  void OnPeerUp(const broker::PeerEpoch& epoch) override {
    alone_since = kNever;
    broker_.OnPeerUp(epoch);
  }
  void OnPeerDown() override {
    alone_since = now;
    broker_.OnPeerDown();
  }
  void OnPeerHeld() override { broker_.OnPeerHeld(); }
  void OnClientsWait(bool wait) override { broker_.OnClientsWait(wait); }
  void OnClientsTaken(bool taken) override { broker_.OnClientsTaken(taken); }
  void OnPeerRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) override {
    broker_.OnPeerRecord(stream, number, std::move(record));
  }
  void OnPeerApplied(std::uint64_t number) override { broker_.OnPeerApplied(number); }

  MonoNs now = 0;
  MonoNs alone_since = kNever;

 private:
  broker::ReplicatorEvents& broker_;
};

ClusterPartners::ClusterPartners(const PartnersOptions& options)
    : options_(options), net_(options.seed | 1) {}

ClusterPartners::~ClusterPartners() {
  for (std::size_t node = 0; node < nodes_.size(); ++node) Kill(node);
}

// The network and the witness.

void ClusterPartners::Cut(std::size_t path, std::size_t from) {
  net_.blocked.insert({HostOf(path, from), HostOf(path, 1 - from)});
}

void ClusterPartners::Mend() {
  net_.blocked.clear();
  ++net_.activity;
}

bool ClusterPartners::Connected() const {
  for (std::size_t path = 0; path < kPaths; ++path) {
    const std::string one = HostOf(path, 0);
    const std::string other = HostOf(path, 1);
    if (!net_.Blocked(one, other) && !net_.Blocked(other, one)) return true;
  }
  return false;
}

void ClusterPartners::BreakConnections(std::size_t node) {
  for (Core& core : nodes_[node].cores) core.port->CutAll();
}

void ClusterPartners::SetWitnessReached(std::size_t node, bool reached) {
  register_.cut_from[kNames[node]] = !reached;
}

void ClusterPartners::MendWitness() { register_.cut_from.clear(); }

// What is seen of the nodes.

bool ClusterPartners::InStep() const {
  if (!nodes_[0].cluster || !nodes_[1].cluster) return false;
  const cluster::ClusterStatus one = StatusOf(0);
  const cluster::ClusterStatus other = StatusOf(1);
  return one.in_step && other.in_step && one.epoch == other.epoch;
}

MonoNs ClusterPartners::AloneSince(std::size_t node) const {
  MonoNs since = 0;
  for (const Core& core : nodes_[node].cores) since = std::max(since, core.events->alone_since);
  return since;
}

// The nodes.

cluster::ClusterOptions ClusterPartners::OptionsOf(std::size_t node, Incarnation incarnation) {
  cluster::ClusterOptions options;
  options.identity = {.cluster = "test",
                      .node = kNames[node],
                      .incarnation = incarnation,
                      .release = "1.0",
                      .secret = "0123456789abcdef0123456789abcdef"};
  for (std::size_t member = 0; member < nodes_.size(); ++member) {
    cluster::ClusterMember& added = options.members.emplace_back();
    added.name = kNames[member];
    for (std::size_t path = 0; path < kPaths; ++path)
      added.links.push_back({HostOf(path, member), kPort});
  }
  options.on_partition = options_.rule;
  options.preferred = kNames[options_.preferred];
  options.refuse_alone = options_.refuse_alone;
  if (options_.rule == cluster::PartitionRule::kWitness)
    options.witness = std::make_shared<MemoryWitness>(register_, kNames[node]);
  return options;
}

void ClusterPartners::Start(std::size_t index, Incarnation incarnation,
                            const std::vector<broker::ReplicatorEvents*>& cores, const Post& post,
                            const Now& now) {
  Node& node = nodes_[index];
  auto made = cluster::Cluster::Create(OptionsOf(index, incarnation));
  TANDEM_CHECK_MSG(made.ok(), made.status().ToString());
  node.cluster = *std::move(made);
  for (std::size_t i = 0; i < cores.size(); ++i) {
    Core& core = node.cores.emplace_back();
    core.port = std::make_unique<MemoryPort>(net_, HostOf(0, index));
    core.events = std::make_unique<Tap>(*cores[i]);
    core.link = node.cluster->MakeLink(CoreId{static_cast<std::uint16_t>(i)});
  }
  for (std::size_t i = 0; i < cores.size(); ++i) {
    const CoreId from{static_cast<std::uint16_t>(i)};
    const absl::Status started =
        node.cores[i].link->Start({.core = from,
                                   .cores = static_cast<std::uint16_t>(cores.size()),
                                   .streams = node.cores[i].port.get(),
                                   .events = node.cores[i].events.get(),
                                   .post =
                                       [post, from](CoreId to, absl::AnyInvocable<void()> task) {
                                         post(from, to, std::move(task));
                                       }},
                                  now);
    TANDEM_CHECK_MSG(started.ok(), started.ToString());
  }
}

void ClusterPartners::Kill(std::size_t index) {
  Node& node = nodes_[index];
  for (Core& core : node.cores) core.port->Kill();
  node.cores.clear();
  node.cluster.reset();
}

void ClusterPartners::BeginTurn(std::size_t node, std::size_t core, const Now& now) {
  nodes_[node].cores[core].link->BeginTurn(now);
}

void ClusterPartners::Turn(std::size_t node, std::size_t index, const Now& now) {
  Core& core = nodes_[node].cores[index];
  core.seen = net_.activity;
  core.events->now = now.mono_ns;
  core.port->Poll();
  core.busy = core.link->Turn(now);
}

bool ClusterPartners::HasWork(std::size_t node, std::size_t index, const Now& now) const {
  const Core& core = nodes_[node].cores[index];
  return core.busy || core.seen != net_.activity || core.link->NextDeadline() <= now.mono_ns;
}

MonoNs ClusterPartners::NextDeadline(std::size_t node, std::size_t core) const {
  return nodes_[node].cores[core].link->NextDeadline();
}

void ClusterPartners::Append(std::size_t node, std::size_t index, std::uint64_t number,
                             broker::PeerRecord record) {
  Core& core = nodes_[node].cores[index];
  core.busy = true;
  core.link->Append(number, std::move(record));
}

void ClusterPartners::Acknowledge(std::size_t node, std::size_t index, CoreId stream,
                                  std::uint64_t number) {
  Core& core = nodes_[node].cores[index];
  core.busy = true;
  core.link->Acknowledge(stream, number);
}

}  // namespace tandem::testing
