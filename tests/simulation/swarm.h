// A story of two nodes, clients and a balancer, drawn from a seed: who publishes what, which links
// and nodes fail, and when. Ends with everything healed, and with the oracle's verdict.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/cluster_partners.h"
#include "tests/simulation/ledger.h"
#include "tests/support/broker_world.h"

namespace tandem::testing {

// What may happen in a story. Each seed draws a subset of what is allowed.
struct Faults {
  bool crashes = false;
  bool breaks = false;     // of clients' connections
  bool moves = false;      // clients come back on the other node
  bool takeovers = false;  // clients come back before their old connection is gone
  bool holds = false;      // what is on the link stays there for a while
  bool lane_breaks = false;
  bool freezes = false;
  bool partitions = false;
  bool clocks = false;
  bool slow_clients = false;
  bool churn = false;  // of subscriptions
  bool wills = false;
  bool group = false;
  bool retained = false;
  // With a real pair only, where a partition lasts until the network is mended.
  bool one_way = false;       // partitions that let one direction through
  bool path_loss = false;     // one of two paths is cut
  bool stalls = false;        // a node stands still for a while
  bool hosts = false;         // a node that dies is silent, instead of resetting its connections
  bool witness_down = false;  // for one of the nodes or both
};

// All that a modelled pair knows; or those that `names` lists, with commas between, false if one is
// unknown.
Faults AllFaults();
bool ParseFaults(std::string_view names, Faults& faults);

// cluster.on_partition and cluster.alone of a real pair.
enum class Policy : std::uint8_t {
  kServe,
  kWitness,
  kPreferFirst,
  kPreferSecond,
  kStop,
  kRefuse,  // alone = "refuse"
};
inline constexpr std::size_t kPolicies = 6;
std::string_view Name(Policy policy);
std::optional<Policy> ParsePolicy(std::string_view name);

struct SwarmOptions {
  std::uint64_t seed = 1;
  Faults allowed;
  std::size_t actions_max = 120;
  // Each turn that changes a session has its copy compared. Without, a seed tells the story that it
  // told before there were hashes.
  bool copy_hashes = true;
  bool oldest_partner = false;  // one of the nodes is of the first release
  bool trace = false;
  // The nodes are a pair by what cluster/ decides, in its time; else by what the story decides.
  bool real_pair = false;
  std::optional<Policy> policy;  // of a real pair; nothing: the seed draws one
};

struct Verdict {
  std::vector<std::string> violations;
  std::string story;  // what the seed drew
};

class Swarm {
 public:
  explicit Swarm(const SwarmOptions& options);
  Verdict Run();

 private:
  enum class WillState : std::uint8_t {
    kNone,
    kLive,       // the connection that has it is there, or may be
    kDropped,    // must never be published
    kUncertain,  // may be published, once
    kDue,        // must be published, unless the client comes back in time
  };
  struct Testament {
    WillState state = WillState::kNone;
    std::string payload;
    std::uint32_t delay_s = 0;
    MonoNs lost_at = 0;
    bool node_died = false;
  };
  struct Actor {
    MqttClient* client = nullptr;
    std::string id;
    bool persistent = false;
    bool publishes = false;
    bool subscribes = false;
    bool member = false;
    bool has_will = false;
    int qos = 1;
    std::vector<std::string> filters;  // wanted
    std::uint32_t will_delay_s = 0;

    std::size_t node = 0;
    bool was_open = false;
    bool greeted = false;          // this connection's CONNACK was seen
    NodeSet has_session = 0;       // the nodes that must know of it
    bool expects_session = false;  // of the node to which it connects, which may decide now
    std::size_t parted_from = 0;   // the node where it was when they parted
    bool changed_sides = false;    // since then
    // With clocks that differ: unsubscribed from since then, or not known to be on both nodes.
    std::set<std::string> withdrawn;
    bool leaving = false;  // DISCONNECT was sent
    std::size_t answers_seen = 0;
    std::size_t received_seen = 0;
    std::map<std::uint16_t, std::string> publishing;
    std::map<std::uint16_t, std::string> subscribing;
    std::map<std::uint16_t, std::string> unsubscribing;
    std::uint64_t published = 0;
    std::vector<std::string> retained_since;  // acknowledged one, and what was written after it
    bool retained_safe = false;               // the first of them was acknowledged
    std::deque<Testament> wills;              // of all its connections
  };

  static WorldOptions WorldOf(const SwarmOptions& options, const Faults& drawn,
                              WorldPartners* partners);
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  using Action = void (Swarm::*)();
  void AddAction(bool is, unsigned weight, Action action);
  void Trace(const std::string& what);
  void Violation(const std::string& what);

  // Clients.
  void AddActors();
  Actor& AddActor(std::string id, bool persistent);
  Actor* Pick(const std::function<bool(const Actor&)>& is);
  void Connect(Actor& actor);
  void ConnectOne();
  std::optional<std::size_t> NodeFor(const Actor& actor);
  NodeSet TakenBy(const Actor& actor, int qos) const;
  void Publish();
  void PublishRetained();
  void ChangeSubscription();
  void BreakOne();
  void LeaveOne();
  void TakeOver();
  void ChangePace();
  void Poll();
  void CheckHashes();
  void OnConnected(Actor& actor);
  void OnLost(Actor& actor);
  void OnAnswer(Actor& actor, const Answer& answer);
  void Subscribe(Actor& actor, const std::string& filter);

  // Nodes.
  bool ready(std::size_t node) const;
  bool InStep() const;
  void BeginPair();
  void CrashOne();
  void MoveCluster();
  void NoteInStep();
  // Who knows what a client is told by the node where it is.
  NodeSet KnownOn(const Actor& actor) const { return parted_ ? OneNode(actor.node) : kBothNodes; }
  void Partition();
  void BreakLanes();
  void HoldLink();
  void FreezeOne();
  void SetClock();
  void PassTime();

  // A real pair (swarm_pair.cc).
  static Policy PolicyOf(const SwarmOptions& options);
  static std::unique_ptr<ClusterPartners> PartnersOf(const SwarmOptions& options, Policy policy);
  void AddPairActions();
  void PassLongTime();
  // Whether both sides of a partition may serve, which costs what README.md says.
  bool BothMayServe() const { return policy_ == Policy::kServe; }
  bool MayDie(std::size_t node) const;
  bool MayPart();
  void NoteParted();
  void CrashOneOfPair();
  void StartDead();
  void StartAnew();
  void CutLink();
  void CutOneWay();
  void LosePath();
  void MendLink();
  void Stall();
  void LoseWitness();
  void CheckOneServes();
  void CheckNoticed();
  bool OneMayServe() const;
  void CheckMayAcknowledge(const Actor& actor, const std::string& payload);
  void HealPair();

  // The end.
  void Heal();
  void HealModel();
  void Settle();
  void CheckWills();
  void CheckCopies(const std::string& when);
  void CheckRetained();
  void CheckAtRest();

  SwarmOptions options_;
  std::mt19937_64 random_;
  Faults drawn_;
  Policy policy_ = Policy::kServe;
  std::unique_ptr<ClusterPartners> partners_;  // of a real pair
  BrokerWorld world_;
  Ledger ledger_;
  std::deque<Actor> actors_;
  std::vector<std::pair<unsigned, Action>> actions_;  // with weights
  std::vector<bool> ready_{true, true};
  std::size_t crashes_ = 0;
  bool split_ = false;   // both nodes have served alone at the same time
  bool parted_ = false;  // they do, and are not in step again
  bool ending_ = false;
  bool troubled_ = false;  // a real pair was parted, or may have been
  // While the network is cut, as far as was looked.
  struct CutOff {
    MonoNs since = kNever;
    bool in_step = false;  // when that began
    std::array<std::uint64_t, 2> epoch{};
    std::array<MonoNs, 2> epoch_since{};
  };
  CutOff cut_off_;
  std::map<std::string, MonoNs> sent_at_;  // for the first time
  Excuses excuses_;
  std::vector<std::string> violations_;
};

}  // namespace tandem::testing
