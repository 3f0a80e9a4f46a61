// Nodes with real Cluster objects in one thread, over MemoryNet, in virtual time: a story told in
// milliseconds.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cluster/cluster.h"
#include "tests/cluster/support/memory_net.h"

namespace tandem::cluster::testing {

inline broker::MessagePtr MakeMessage(std::string topic, std::string payload,
                                      std::uint64_t number = 1) {
  return broker::Message::Create({.topic = topic,
                                  .payload = AsBytes(payload),
                                  .qos = mqtt::QoS::kAtLeastOnce,
                                  .id = {.node = tandem::NodeId{0},
                                         .core = CoreId{0},
                                         .incarnation = Incarnation{7},
                                         .number = number}});
}

// The broker of one core, reduced to what the link sees: appends records, notes what comes,
// acknowledges.
class FakeBroker final : public broker::ReplicatorEvents {
 public:
  struct Received {
    std::uint64_t epoch;
    CoreId stream;
    std::uint64_t number;
    broker::PeerRecord record;
  };

  void OnPeerUp(const broker::PeerEpoch& epoch) override {
    ASSERT_FALSE(up) << "OnPeerUp twice";
    up = true;
    current = epoch;
    ups.push_back(epoch);
    last_number = 0;
    applied = 0;
    expected.clear();
    if (snapshot) Append(broker::SnapshotEndRecord{});
  }
  void OnPeerDown() override {
    ASSERT_TRUE(up) << "OnPeerDown without OnPeerUp";
    up = held = false;
    ++downs;
  }
  void OnPeerHeld() override {
    ASSERT_TRUE(up && !held);
    held = true;
  }
  void OnClientsTaken(bool taken) override { takes_clients = taken; }
  void OnClientsWait(bool wait) override {
    ASSERT_NE(clients_wait, wait);
    clients_wait = wait;
    if (!wait) reads.push_back(takes_clients);
  }
  void OnPeerRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) override {
    ASSERT_TRUE(up) << "a record outside of an epoch";
    ASSERT_EQ(number, ++expected[stream]) << "stream " << Index(stream);
    received.push_back({current.epoch, stream, number, std::move(record)});
    if (acknowledge) link->Acknowledge(stream, number);
  }
  void OnPeerApplied(std::uint64_t number) override {
    ASSERT_TRUE(up);
    ASSERT_GT(number, applied);
    ASSERT_LE(number, last_number);
    applied = number;
  }

  std::uint64_t Append(broker::PeerRecord record) {
    link->Append(++last_number, std::move(record));
    return last_number;
  }

  node::PartnerLink* link = nullptr;
  bool snapshot = true;
  bool acknowledge = true;
  bool up = false;
  bool held = false;
  bool takes_clients = true;
  bool clients_wait = false;
  std::vector<bool> reads;  // for each time that they waited no longer: whether they were taken
  broker::PeerEpoch current;
  std::vector<broker::PeerEpoch> ups;
  int downs = 0;
  std::uint64_t last_number = 0;
  std::uint64_t applied = 0;
  std::map<CoreId, std::uint64_t> expected;
  std::vector<Received> received;
};

struct WorldCore {
  std::unique_ptr<MemoryPort> port;  // outlives the link
  FakeBroker broker;
  std::deque<absl::AnyInvocable<void()>> tasks;
  std::unique_ptr<node::PartnerLink> link;
  bool frozen = false;  // this core alone stands still
  MonoNs sleeps_until = 0;
};

class WorldNode {
 public:
  WorldNode(MemoryNet& net, ClusterOptions options, std::uint16_t core_count, std::string host,
            const Now& now)
      : name(options.identity.node), cores(core_count) {
    auto made = Cluster::Create(std::move(options));
    TANDEM_CHECK_MSG(made.ok(), made.status().ToString());
    cluster = *std::move(made);
    for (std::uint16_t i = 0; i < core_count; ++i) {
      cores[i].port = std::make_unique<MemoryPort>(net, host);
      cores[i].link = cluster->MakeLink(CoreId{i});
      cores[i].broker.link = cores[i].link.get();
    }
    for (std::uint16_t i = 0; i < core_count; ++i) {
      const absl::Status started =
          cores[i].link->Start({.core = CoreId{i},
                                .cores = core_count,
                                .streams = cores[i].port.get(),
                                .events = &cores[i].broker,
                                .post =
                                    [this](CoreId to, absl::AnyInvocable<void()> task) {
                                      cores[Index(to)].tasks.push_back(std::move(task));
                                    }},
                               now);
      TANDEM_CHECK_MSG(started.ok(), started.ToString());
    }
  }

  // A core sleeps until something comes or its link's deadline, as a real one does; so a deadline
  // that is missing shows.
  void Turn(const Now& now) {
    if (frozen) return;
    for (WorldCore& core : cores) {
      if (core.frozen) continue;
      core.link->BeginTurn(now);
      bool awake = core.port->Poll() != 0;
      awake |= !core.tasks.empty();
      for (auto& task : std::exchange(core.tasks, {})) task();
      awake |= std::min(core.sleeps_until, core.link->NextDeadline()) <= now.mono_ns;
      if (!awake) continue;
      for (int i = 0; awake && i < 20; ++i) awake = core.link->Turn(now);
      core.sleeps_until = core.link->NextDeadline();
    }
  }

  // The process is killed: no goodbye, its connections reset by the kernel.
  void Kill() {
    for (WorldCore& core : cores) core.port->Kill();
    frozen = true;
  }
  // What it holds is void: tandemd would stop it and start a new one.
  bool MustStartAnew() const { return !frozen && cluster->status().start_anew; }
  bool stopped() const {
    return std::all_of(cores.begin(), cores.end(),
                       [](const WorldCore& core) { return core.link->stopped(); });
  }
  void Stop(const Now& now) {
    for (WorldCore& core : cores) core.link->Stop(now);
  }
  bool up() const {
    return std::all_of(cores.begin(), cores.end(),
                       [](const WorldCore& core) { return core.broker.up; });
  }
  bool down() const {
    return std::none_of(cores.begin(), cores.end(),
                        [](const WorldCore& core) { return core.broker.up; });
  }
  std::size_t CutAll() {
    std::size_t count = 0;
    for (WorldCore& core : cores) count += core.port->CutAll();
    return count;
  }

  std::string name;
  bool frozen = false;  // SIGSTOP
  std::unique_ptr<Cluster> cluster;
  std::vector<WorldCore> cores;
};

// Nodes "alpha" (dials) and "beta" (listens), each on a host of its name.
class World {
 public:
  explicit World(std::uint64_t seed = 1) : net(seed) {}

  ClusterOptions Options(const std::string& name) {
    ClusterOptions options;
    options.identity = {.cluster = "test",
                        .node = name,
                        .incarnation = Incarnation{next_incarnation_++},
                        .release = "1.0",
                        .secret = "0123456789abcdef0123456789abcdef"};
    options.members = {{"alpha", {{"10.0.0.1", 7883}}}, {"beta", {{"10.0.0.2", 7883}}}};
    options.seed = 5;
    return options;
  }
  static std::string Host(const std::string& name) {
    return name == "alpha" ? "10.0.0.1" : "10.0.0.2";
  }

  WorldNode& Start(ClusterOptions options, std::uint16_t cores = 1) {
    const std::string host = Host(options.identity.node);
    nodes.push_back(std::make_unique<WorldNode>(net, std::move(options), cores, host, now));
    return *nodes.back();
  }
  WorldNode& Start(const std::string& name, std::uint16_t cores = 1) {
    return Start(Options(name), cores);
  }

  void Step(MonoNs by = kNanosecondsPerMillisecond) {
    now.mono_ns += by;
    now.wall_ms += by / kNanosecondsPerMillisecond;
    for (const auto& node : nodes) node->Turn(now);
  }
  void Run(int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) Step();
  }
  // Until `done`; false if it does not happen within `milliseconds`.
  bool RunUntil(const std::function<bool()>& done, int milliseconds = 5000) {
    for (int i = 0; i < milliseconds; ++i) {
      if (done()) return true;
      Step();
    }
    return done();
  }

  void Partition(bool both_ways = true) {
    net.blocked.insert({"10.0.0.1", "10.0.0.2"});
    if (both_ways) net.blocked.insert({"10.0.0.2", "10.0.0.1"});
  }
  void Heal() { net.blocked.clear(); }

  MemoryNet net;
  Now now{.mono_ns = 1'000'000'000, .wall_ms = 1'700'000'000'000};
  std::vector<std::unique_ptr<WorldNode>> nodes;

 private:
  std::uint64_t next_incarnation_ = 100;
};

}  // namespace tandem::cluster::testing
