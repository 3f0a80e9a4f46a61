// Nodes, cores, mailboxes and the link between two nodes, all in one thread and in virtual time:
// shards run in it as they do in production, and a seed decides what happens first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/stream_receiver.h"
#include "cluster/stream_sender.h"
#include "engine/broker/shard.h"
#include "tests/support/mqtt_client.h"
#include "tests/support/world_partners.h"

namespace tandem::testing {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::vector<std::uint16_t> cores = {1};  // of each node: one node or two
  broker::BrokerConfig config;
  MonoNs link_delay_max_ns = 0;                 // records and acknowledgements take up to this long
  std::vector<WallMs> clock_error_ms = {0, 0};  // of the wall clock, by node
  bool group_spares = true;                     // else one node is of a build that has none
  bool copy_hashes = true;                      // the same
  bool oldest_partner = false;  // one node knows nothing that came with a feature bit
  // Real machines that make the two nodes a pair; it outlives the world. Then the verbs below for
  // epochs and lanes are not to be used, and link_delay_max_ns means nothing.
  WorldPartners* partners = nullptr;
};

// Each step is one turn of one core, chosen by the seed, with a part of its work, chosen by the
// seed: packets of its connections, mail of other cores, records and acknowledgements of the other
// node, in any order between sources and in order within each. Effects are executed after each
// event or a batch of them, EndTurn runs once per turn: what outbox.h and shard.h ask of a core.
//
// A world that a seed has brought to a failure is brought there again by the same seed.
class BrokerWorld {
 public:
  explicit BrokerWorld(const WorldOptions& options);
  ~BrokerWorld();
  BrokerWorld(const BrokerWorld&) = delete;
  BrokerWorld& operator=(const BrokerWorld&) = delete;

  // Lets everything happen that happens without time passing (but for the delay of the link).
  void Run();
  // One turn of one core. False if there is nothing to do.
  bool Step();
  // Lets time pass, and all that comes due in it happen in its order.
  void Advance(MonoNs duration);
  void AdvanceSeconds(std::int64_t seconds) { Advance(seconds * kNanosecondsPerSecond); }
  MonoNs now() const { return now_; }
  // What the clocks of a node say.
  Now NowOf(std::size_t node) const;

  // Clients. They live as long as the world.
  MqttClient& AddClient(std::string id, mqtt::Version version = mqtt::Version::k5);
  // Opens a connection to a core of `node` that the seed chooses, as SO_REUSEPORT would. A client
  // may open another one while the first is there: that one then has no client any longer and
  // stays, silent.
  void Open(MqttClient& client, std::size_t node);
  // The network breaks the client's connection; what was on its way is lost.
  void Break(MqttClient& client);
  // The network breaks all connections, also those that their clients have left behind.
  void BreakAll();
  // The client closes its connection; what it has sent arrives.
  void Close(MqttClient& client);

  // The two nodes.
  void Pair();                   // see each other, in a new epoch
  void Unpair();                 // lose each other; each core hears of it in its own time
  void Kill(std::size_t node);   // the process dies; the other node loses it
  void Start(std::size_t node);  // and starts again, empty and alone
  // The process dies; a part of what it has sent to the other node, chosen by the seed, still
  // arrives there until that one leaves the epoch.
  void Crash(std::size_t node);
  // One node gives the other up, which does not know.
  void EndEpoch(std::size_t node);
  bool in_epoch(std::size_t node) const { return nodes_[node].epoch != 0; }
  // Whether what each node had to tell when the epoch began is applied on the other one.
  bool InStep() const;
  // The lanes lose their connections and get new ones. A part of what was on the way, chosen by the
  // seed, arrives before what is sent again.
  void BreakLanes();
  // A stopped process: nothing of it moves.
  void Freeze(std::size_t node, bool frozen) { nodes_[node].frozen = frozen; }
  // The wall clock of a node is set.
  void SetClockError(std::size_t node, WallMs error) { options_.clock_error_ms[node] = error; }
  bool alive(std::size_t node) const { return !nodes_[node].cores.empty(); }
  bool frozen(std::size_t node) const { return nodes_[node].frozen; }
  // Whether every core of the node has begun the present epoch.
  bool paired(std::size_t node) const;
  // What `from` sends stays on the way.
  void HoldRecords(std::size_t from, bool hold) { nodes_[from].records_held = hold; }
  void HoldAcknowledgements(std::size_t from, bool hold) { nodes_[from].acks_held = hold; }
  // Sees each record as it leaves.
  std::function<void(std::size_t from, const broker::PeerRecord&)> on_record;

  // Every node tells its cores of a new value below $SYS.
  void PublishSystem(const broker::SystemTopic& topic);

  // Looking inside.
  std::size_t nodes() const { return nodes_.size(); }
  std::uint16_t cores(std::size_t node) const { return options_.cores[node]; }
  broker::Shard& shard(std::size_t node, std::size_t core) {
    return nodes_[node].cores[core]->shard;
  }
  broker::Shard& home(std::size_t node, std::string_view client_id) {
    return shard(node, Index(broker::Shard::HomeOf(client_id, options_.cores[node])));
  }
  metrics::BrokerMetrics& metrics(std::size_t node, std::size_t core) {
    return nodes_[node].cores[core]->metrics;
  }
  // The sum over the cores of `node`.
  template <class Fn>
  std::int64_t Sum(std::size_t node, Fn&& of_metrics) {
    std::int64_t sum = 0;
    for (const auto& core : nodes_[node].cores) {
      sum += static_cast<std::int64_t>(of_metrics(core->metrics));
    }
    return sum;
  }
  // Sum over both nodes.
  template <class Fn>
  std::int64_t Total(Fn&& of_metrics) {
    std::int64_t sum = 0;
    for (std::size_t node = 0; node < nodes_.size(); ++node) sum += Sum(node, of_metrics);
    return sum;
  }
  const std::deque<std::unique_ptr<MqttClient>>& clients() const { return clients_; }
  std::mt19937_64& random() { return random_; }
  // What the shards did that a core may not be asked to do, and what the clients found wrong.
  std::vector<std::string> Faults() const;
  const std::vector<std::string>& shard_faults() const { return faults_; }

 private:
  // One connection, from the kernel's point of view.
  struct Wire {
    ConnectionId id{};
    MqttClient* client = nullptr;  // null: abandoned by it
    ByteBuffer to_server;
    ByteBuffer to_client;
    std::size_t unreported = 0;  // bytes taken by the kernel, the shard does not know yet
    mqtt::Decoder decoder{mqtt::Sender::kClient};
    bool greeted = false;  // its CONNECT was given to this core's shard
    bool held = false;
    bool paused = false;
    bool closing = false;  // by the shard
    bool ended = false;    // the kernel has told, or will tell, the end
    bool broken = false;   // by the network
    bool retry = false;    // what was read and not decoded can go on
  };
  struct PeerUp {
    broker::PeerEpoch epoch;
  };
  struct PeerDown {};
  using Task = absl::AnyInvocable<void()>;
  struct Core {
    Core(const broker::ShardOptions& shard_options, const broker::BrokerConfig& config)
        : shard(shard_options, config, metrics) {}
    metrics::BrokerMetrics metrics;
    broker::Shard shard;
    std::vector<std::deque<std::variant<broker::CoreMessage, Task>>> mail;  // by sending core
    std::deque<std::variant<PeerUp, PeerDown>> pair_events;
    std::uint64_t epoch = 0;  // that the core has begun, 0 = alone
    std::uint64_t appended = 0;
    std::vector<std::unique_ptr<Wire>> wires;  // by slot
    std::uint32_t generation = 0;
  };
  struct Record {
    MonoNs due = 0;
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
    broker::PeerRecord record;
  };
  struct Applied {
    MonoNs due = 0;
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
  };
  // What one core of a node has under way to the other node.
  struct Lane {
    std::deque<Record> records;
    std::deque<Applied> applied;  // acknowledgements for this lane's records, on their way back
    cluster::StreamSender sender;
    cluster::StreamReceiver receiver;  // at the other node
    std::uint64_t snapshot_end = 0;    // number of the SnapshotEndRecord, once sent
  };
  struct Node {
    std::vector<std::unique_ptr<Core>> cores;  // none: dead
    std::vector<Lane> lanes;                   // by core
    bool records_held = false;
    bool acks_held = false;
    bool frozen = false;
    std::uint64_t incarnation = 0;
    std::uint64_t epoch = 0;  // 0: alone
  };
  using Work = std::function<void()>;

  std::size_t Below(std::size_t bound) { return bound < 2 ? 0 : random_() % bound; }
  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  void StartShards(std::size_t node);
  void StartPartners(std::size_t node);
  MonoNs LinkDue();
  void OpenLanes(std::size_t node);
  void CutLanes(std::size_t node);
  void SendBatches(std::size_t node, std::size_t core);
  void SendApplied(std::size_t node, std::size_t stream);
  MonoNs NextEvent() const;
  void Fault(std::size_t node, std::size_t core, const std::string& what);

  void Turn(std::size_t node, std::size_t core);
  std::vector<Work> WorkOf(std::size_t node, std::size_t core);
  void OnPairEvent(std::size_t node, std::size_t core);
  void TurnPartner(std::size_t node, std::size_t core);
  void ReadMail(std::size_t node, std::size_t core, std::size_t from);
  void ReadRecords(std::size_t node, std::size_t core, std::size_t stream);
  void ReadApplied(std::size_t node, std::size_t core);
  void ServeWire(std::size_t node, std::size_t core, std::size_t slot);
  void DecodePackets(std::size_t node, std::size_t core, Wire& wire);
  void Execute(std::size_t node, std::size_t core);
  void Append(std::size_t node, std::size_t core, broker::RecordEffect& effect);
  void Acknowledge(std::size_t node, std::size_t core, const broker::AcknowledgeEffect& effect);
  void ExecuteOn(std::size_t node, std::size_t core, const broker::ConnectionEffect& effect);
  void Send(std::size_t node, std::size_t core, const broker::SendEffect& send);
  void Flush(std::size_t node, std::size_t core);
  void MoveWire(std::size_t node, std::size_t core, Wire& wire, std::size_t home);
  Wire& AddWire(std::size_t node, std::size_t core);
  Wire* FindWire(std::size_t node, std::size_t core, ConnectionId id);
  Wire* WireOf(const MqttClient& client);
  bool IsReady(const Record& record, const Core& core) const {
    return record.due <= now_ && core.epoch >= record.epoch;
  }
  std::size_t OtherCore(std::size_t node, std::size_t core) const {
    return core % options_.cores[1 - node];
  }

  WorldOptions options_;
  std::mt19937_64 random_;
  MonoNs now_ = kNanosecondsPerSecond;
  std::uint64_t epochs_ = 0;
  std::uint64_t incarnations_ = 0;
  std::vector<Node> nodes_;
  std::deque<std::unique_ptr<MqttClient>> clients_;
  std::vector<std::string> faults_;
};

}  // namespace tandem::testing
