// May this node serve? The policy of cluster.on_partition, cluster.alone and the witness, between
// Pair, which sees that the partner is lost, and the cores, which are told only once it is decided.
// Sans-I/O: events and time in, effects out; the coordinator carries them out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "cluster/pair.h"
#include "cluster/witness/witness.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"

namespace tandem::cluster {

enum class PartitionRule : std::uint8_t { kServe, kWitness, kPrefer, kStop };

// One epoch, as the register names it. No two have the same id, whatever the nodes have forgotten.
struct Pairing {
  std::uint64_t epoch = 0;
  std::string id;
  std::string peer;
  Incarnation peer_incarnation{};
};
Pairing PairingOf(const broker::PeerEpoch& epoch, std::string_view peer);

// Effects, in the order in which they must be carried out.
struct HoldEpoch {};     // the cores drop their lanes; for the broker the epoch goes on
struct ReleaseEpoch {};  // the cores hear that the epoch they are in has ended
struct SendAway {};      // all clients are disconnected, and none is taken
struct TakeClients {};   // clients are taken (again)
struct ReadClients {};   // cores that have stood still read again what clients sent
using StandingEffect =
    std::variant<HoldEpoch, ReleaseEpoch, SendAway, TakeClients, ReadClients, WitnessRequest>;

// One per node, on core 0.
//
// When the partner is lost and it is not clear that this node may go on, the cores are not told:
// for them the epoch goes on, with a partner that confirms nothing. So the commit gate is the
// fence; no lease and no clock are needed. Only when it is decided that this node serves alone, the
// cores hear that the epoch has ended. If it is decided otherwise, or not soon, the clients are
// sent away: the node is *severed*, until the pair is back.
//
// The register (Witness) holds who may serve by itself. While paired, both nodes see to it that it
// says "both, in this pairing". Whoever loses sight of the other writes its own name there, if the
// record is of this pairing and names nobody, or is older than the pairing. Older it is, if it
// names both, or a process that took part in this pairing before it began. A record by a process of
// the partner that this node never met may be newer: then it yields. A starting node may claim only
// an empty register: whatever else stands there, somebody may hold more than it does.
//
// A record is never compared by its epoch: both nodes may have forgotten all epochs.
//
// A core that stood still reads nothing from its clients until it is known whether the pair is
// still what it was: they may be the partner's by now. If it is not, the partner has gone on by
// itself and has all that was acknowledged, so under `serve`, too, this node is severed; it starts
// anew when they meet. Should the partner be gone then, it serves what it has.
class Standing {
 public:
  struct Options {
    std::string node;
    Incarnation incarnation{};
    PartitionRule rule = PartitionRule::kServe;
    std::string preferred;      // kPrefer: the node that goes on
    bool refuse_alone = false;  // cluster.alone = "refuse"
    // Clients wait so long for the witness before they are sent away.
    MonoNs decide_within = kNanosecondsPerSecond;
    MonoNs look_every = 500 * kNanosecondsPerMillisecond;
    MonoNs retry_first = 50 * kNanosecondsPerMillisecond;
    MonoNs retry_max = kNanosecondsPerSecond;
    MonoNs answer_within = 5 * kNanosecondsPerSecond;  // a provider that takes longer has failed
    // The partner that has outlived this node is looked for as long as it may take to redial.
    MonoNs meet_within = 3 * kNanosecondsPerSecond;
  };
  enum class State : std::uint8_t {
    kStarting,  // no partner yet, and not decided what to do without
    kPaired,    // in an epoch
    kDeciding,  // the partner is lost; nothing is acknowledged, clients wait
    kSevered,   // clients are sent away
    kAlone,     // serves by itself
  };
  enum class Decision : std::uint8_t { kWon, kLost, kUnreachable };
  static constexpr std::size_t kDecisions = 3;

  explicit Standing(Options options);

  void OnEpochBegun(const Pairing& pairing, MonoNs now);
  void OnInStep();
  void OnEpochEnded(DownReason reason, MonoNs now);
  // Cores of this node stood still; what their clients sent waits for ReadClients.
  void OnStoodStill();
  // The partner has answered since.
  void OnDoubtOver();
  // While there is no epoch: the partner does not answer, or (`refused`) its process does not run.
  void OnNobodyThere(bool refused, MonoNs now);
  void OnSomebodyThere() noexcept { alone_at_ = kNever; }
  void OnWitness(const WitnessAnswer& answer, MonoNs now);
  // This node is about to be stopped and to start anew (Pair): it serves nobody and claims nothing.
  void OnGivenUp();
  // The operator wants this node to serve with what it has. An error if there is no need to, or no
  // sense in it.
  absl::Status Force(MonoNs now);

  void Tick(MonoNs now);
  MonoNs NextDeadline() const;
  std::vector<StandingEffect> TakeEffects() { return std::exchange(effects_, {}); }
  bool HasEffects() const noexcept { return !effects_.empty(); }

  State state() const noexcept { return state_; }
  bool ready() const noexcept { return takes_clients_; }
  // What Pair tells the partner when they negotiate.
  Holding holding() const noexcept;
  // Whether the end of an epoch may need a decision at all.
  static bool IsCareful(PartitionRule rule, bool refuse_alone) noexcept {
    return rule != PartitionRule::kServe || refuse_alone;
  }
  // Why it is severed, or not ready; "" if it serves.
  const std::string& why() const noexcept { return why_; }
  bool waits_for_witness() const noexcept { return asked_.has_value(); }
  std::uint64_t epoch_seen() const noexcept { return epoch_seen_; }  // at the witness
  // Of the last question; nothing before the first answer.
  std::optional<bool> witness_reached() const noexcept { return witness_reached_; }
  std::uint64_t decisions(Decision decision) const {
    return decisions_[static_cast<std::size_t>(decision)];
  }

 private:
  enum class Claim : std::uint8_t {
    kNone,
    kSurvivor,  // of the pairing that has just ended
    kStart,     // without one
    kForce,     // whatever stands there
  };
  enum class Right : std::uint8_t { kMay, kMine, kLost };
  struct Asked {
    std::uint64_t number;
    Claim claim;               // that a write serves; kNone: it brings the pairing forward
    std::uint64_t generation;  // of the claim
    bool writes;
  };

  void EndWithoutWitness(DownReason reason);
  void EndWithWitness(DownReason reason, MonoNs now);
  void Hold();
  void LetRead();
  void GoAlone();
  void Sever(std::string why);
  void Begin(Claim claim, MonoNs now);
  void Ask(std::optional<WitnessRecord> record, std::uint64_t revision, MonoNs now);
  void Consider(const WitnessReading& reading, MonoNs now);
  void BringForward(const WitnessReading& reading, MonoNs now);
  bool IsOfBoth(const std::optional<WitnessRecord>& record) const;
  Right RightTo(const std::optional<WitnessRecord>& record) const;
  Right RightOfSurvivor(const WitnessRecord& record) const;
  void Won();
  void Lost(const WitnessRecord& record);
  void Count(Decision decision) { ++decisions_[static_cast<std::size_t>(decision)]; }

  const Options options_;
  State state_ = State::kStarting;
  std::optional<Pairing> pairing_;  // the present or the last one
  bool held_ = false;               // the cores are in an epoch that has ended
  bool whole_ = false;              // holds all that the pair has acknowledged, as far as it knows
  bool based_ = false;              // the register says "both, in this pairing"
  bool given_up_ = false;
  bool takes_clients_ = false;
  bool stood_still_ = false;  // cores wait for ReadClients
  bool outlived_ = false;     // severed, because the partner has gone on without this node
  MonoNs alone_at_ = kNever;  // outlived, and nobody there: goes on by itself
  std::string why_ = "not in step with the partner yet";

  Claim claim_ = Claim::kNone;
  std::uint64_t generation_ = 0;
  MonoNs decide_by_ = kNever;
  std::optional<Asked> asked_;
  std::uint64_t questions_ = 0;
  MonoNs ask_at_ = 0;
  MonoNs answer_by_ = kNever;
  std::uint32_t failures_ = 0;
  std::uint64_t epoch_seen_ = 0;
  std::optional<bool> witness_reached_;
  std::array<std::uint64_t, kDecisions> decisions_{};
  std::vector<StandingEffect> effects_;
};

std::string_view Name(Standing::State state) noexcept;

}  // namespace tandem::cluster
