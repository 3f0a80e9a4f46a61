// What exists once per node: the pair's state machine, the control connections, the listeners, and
// the word to the cores.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/cluster_state.h"
#include "cluster/control.h"
#include "cluster/core_link.h"
#include "cluster/discovery/discovery.h"
#include "cluster/pair.h"
#include "cluster/pending_link.h"
#include "cluster/standing.h"
#include "engine/reactor/stream_port.h"

namespace tandem::cluster {

// Lives on core 0, owned by its CoreLink, whose turns drive it: Advance before KJ's loop runs,
// Finish after it.
//
// It accepts all connections of the node and leads them through the handshake. Control connections
// stay here. A lane goes to the core that it belongs to only when the other side has proved itself
// and names the present epoch.
class Coordinator final : private reactor::AcceptHandler, private ControlEvents {
 public:
  explicit Coordinator(CoreLink& core);
  ~Coordinator() noexcept override;

  absl::Status Start();
  void Advance();
  void Finish();
  MonoNs NextDeadline() const;
  void Stop();
  bool stopped() const noexcept { return listeners_closed_ && probes_.empty(); }

  // From the cores, by tasks.
  void OnCoreArmed(CoreId core, std::uint64_t epoch);
  void OnCoreInStep(CoreId core, std::uint64_t epoch);
  void OnLagging(std::uint64_t epoch);
  void OnLaneBroken(std::uint64_t epoch, std::string_view reason);
  void OnCoreDrained(CoreId core);
  void OnStoodStill(CoreId core, MonoNs until, MonoNs for_ns);

 private:
  // One way to the partner. While a new connection is on trial the old one goes on.
  struct Path {
    std::unique_ptr<PendingLink> dialing;
    std::unique_ptr<ControlLink> control;
    MonoNs rtt_ns = 0;
    bool graceful = false;  // to be closed so that what was sent still arrives
  };
  struct Probe {
    std::size_t path;
    std::unique_ptr<LinkConnection> connection;
    MonoNs deadline;
  };
  // A lane on its way to another core.
  struct Departing {
    std::uint64_t epoch;
    std::uint16_t lane;
    std::unique_ptr<LinkConnection> connection;
  };

  void OnAccepted(ConnectionId id, const reactor::Endpoint& peer) override;

  std::uint64_t OnBeat(std::size_t path, const FailureDetector::Beat& beat,
                       const BeatNote& note) override;
  void OnEcho(std::size_t path, std::uint64_t received) override;
  void OnProposal(std::size_t path, const PairView& view) override;
  void OnVerdict(std::size_t path, const PairVerdict& verdict) override;
  void OnGoodbye(std::size_t path) override;
  void OnGoodbyeHeard(std::size_t path) override;

  absl::Status Listen();
  void CloseListeners();
  void AdvanceDiscovery();
  void AdvanceInbound();
  bool AdvanceInbound(PendingLink& link);
  void Judge(PendingLink& link);
  void Welcome(PendingLink& link);
  void SendOff();
  void AdvanceDialing(std::size_t path);
  void AdvanceProbes();
  void AdvanceControl(std::size_t path);
  void TakeControl(std::size_t path, const PeerIdentity& peer,
                   std::unique_ptr<LinkConnection> connection, bool dialer);
  void CloseControl(std::size_t path, reactor::CloseMode mode);
  void AdvanceStop();

  void ApplyEffects();
  void ApplyStanding();
  void Apply(const DialPath& effect);
  void Apply(const ProbePath& effect);
  void Apply(const ClosePath& effect);
  void Apply(const SendProposal& effect);
  void Apply(const SendVerdict& effect);
  void Apply(const SendBeat& effect);
  void Apply(const BeginEpoch& effect);
  void Apply(const OpenLanes& effect);
  void Apply(const EndEpoch& effect);
  void Apply(const StartAnew& effect);
  void Apply(const HoldEpoch& effect);
  void Apply(const ReleaseEpoch& effect);
  void Apply(const SendAway& effect);
  void Apply(const TakeClients& effect);
  void Apply(const ReadClients& effect);
  void Apply(const WitnessRequest& effect);
  void AdvanceStanding();
  void NoteStanding();
  void NoteWitness();

  void Complain(std::string_view what);
  void PublishStatus();
  void ForEachCore(std::function<void(CoreId)> visit) const;
  MonoNs now() const { return core_.now().mono_ns; }

  CoreLink& core_;
  ClusterState& state_;
  const ClusterOptions& options_;
  Pair pair_;
  Standing standing_;
  std::uint64_t core_epoch_ = 0;  // that the cores are in, as far as they have been told; 0: none
  std::unique_ptr<Discovery> discovery_;
  std::vector<reactor::ListenerId> listeners_;
  std::vector<Path> paths_;
  std::vector<Probe> probes_;
  std::vector<std::unique_ptr<PendingLink>> inbound_;
  std::vector<Departing> departing_;
  std::set<CoreId> armed_;  // in the present epoch
  std::set<CoreId> in_step_;
  std::set<CoreId> drained_;
  ClusterStatus status_;
  bool status_changed_ = true;
  Standing::State told_state_ = Standing::State::kStarting;  // in the log
  std::optional<bool> told_witness_;
  bool was_ready_ = false;
  MonoNs epoch_began_ = 0;

  bool stopping_ = false;
  bool goodbye_sent_ = false;
  bool goodbye_heard_ = false;
  bool ended_ = false;
  bool listeners_closed_ = false;
  MonoNs goodbye_deadline_ = kNever;
};

}  // namespace tandem::cluster
