// One core's share of the link to the other node: its stream, the lanes that end here, and KJ's
// loop in the core's own.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "cluster/cluster_state.h"
#include "cluster/kj_loop.h"
#include "cluster/lane.h"
#include "cluster/pair.h"
#include "cluster/pending_link.h"
#include "cluster/stream_receiver.h"
#include "cluster/stream_sender.h"
#include "engine/node/partner_link.h"

namespace tandem::cluster {

class Coordinator;

// Made by Cluster::MakeLink; lives on its core's thread from Start on, and is destroyed there, or
// anywhere once stopped.
//
// Core 0 has the coordinator, which decides for the node and tells the cores by tasks: begin an
// epoch, open lanes, end it, shut down. Lane l ends on core l mod cores; stream k runs on lane k.
// Everything that touches KJ happens inside Turn.
class CoreLink final : public node::PartnerLink, private LaneHost {
 public:
  CoreLink(std::shared_ptr<ClusterState> state, CoreId core);
  ~CoreLink() noexcept override;

  // broker::Replicator
  void Append(std::uint64_t number, broker::PeerRecord&& record) override;
  void Acknowledge(CoreId stream, std::uint64_t number) override;
  // node::PartnerLink
  absl::Status Start(const node::CoreServices& services, const Now& now) override;
  void BeginTurn(const Now& now) override;
  bool Turn(const Now& now) override;
  MonoNs NextDeadline() const override;
  void Stop(const Now& now) override;
  bool stopped() const override { return stopped_; }

  // For the coordinator and tasks, on this core's thread.
  using Task = absl::AnyInvocable<void(CoreLink&)>;
  void PostTo(CoreId core, Task task);
  void Enqueue(Task task) { inbox_.push_back(std::move(task)); }
  void BeginEpoch(const broker::PeerEpoch& epoch, bool dialer, bool lane_frames);
  void OpenLanes(std::uint64_t epoch);
  void EndEpoch(std::uint64_t epoch);
  // The pair has left it, but the broker is not to know yet: no lane carries anything any more.
  void HoldEpoch(std::uint64_t epoch);
  void TakeClients(bool taken) { services_.events->OnClientsTaken(taken); }
  // Clients wait no longer, if this core has not stood still again after `until`.
  void ReadClients(MonoNs until);
  void AdoptLane(std::uint64_t epoch, std::uint16_t lane,
                 std::unique_ptr<reactor::Handoff> handoff);
  void TakeLane(std::uint64_t epoch, std::uint16_t lane,
                std::unique_ptr<LinkConnection> connection);
  void Shutdown();
  Coordinator& coordinator() { return *coordinator_; }

  const node::CoreServices& services() const noexcept { return services_; }
  ClusterState& state() noexcept { return *state_; }
  const Now& now() const override { return now_; }
  // Closes `connection` and keeps it until the transport has let go.
  void Bury(std::unique_ptr<LinkConnection> connection, reactor::CloseMode mode);
  std::unique_ptr<LinkConnection> NewConnection() {
    return std::make_unique<LinkConnection>(*services_.streams);
  }
  // How the partner's path `path` is dialed.
  reactor::ConnectOptions DialOptions(const reactor::Endpoint& remote, std::size_t path) const;
  Nonce NewNonce() const;
  NodeIdentity Identity() const;

 private:
  // A lane that ends here, in the present epoch, connected or not.
  struct Slot {
    std::uint16_t number = 0;
    bool sends = false;     // this core's stream runs on it
    bool receives = false;  // a stream of the other node does
    StreamReceiver receiver;
    std::optional<std::uint64_t> snapshot_end;  // number of the other stream's SnapshotEndRecord
    std::unique_ptr<Lane> lane;
    std::unique_ptr<PendingLink> dialing;  // dialer only
    std::size_t path = 0;                  // dialer only: that `lane` or `dialing` takes
    MonoNs better_path_since = kNever;
    MonoNs dial_at = 0;
    std::uint32_t failures = 0;
    RpcTraffic counted;  // of `lane`, already in the counters
  };

  void OnRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) override;
  void OnApplied(std::uint64_t number) override;

  Slot* SlotOf(std::uint16_t lane);
  void AdvanceSlot(Slot& slot);
  void Dial(Slot& slot);
  void DialFailed(Slot& slot, const absl::Status& error);
  void DropLane(Slot& slot);
  void DropLanes();
  absl::Status CheckPath(Slot& slot);
  void CountTraffic(Slot& slot);
  void CheckStanding();
  void ReportDrained();
  bool HasWork() const;
  void UpdateCounters();

  std::shared_ptr<ClusterState> state_;
  const CoreId core_;
  LaneCounters& counters_;
  node::CoreServices services_;
  Now now_;
  KjLoop loop_;
  std::unique_ptr<Coordinator> coordinator_;  // core 0 only
  std::vector<Task> inbox_;
  std::vector<std::unique_ptr<LinkConnection>> closing_;

  std::optional<broker::PeerEpoch> epoch_;
  bool dialer_ = false;
  bool lane_frames_ = false;  // both nodes know LaneFrame
  bool lanes_open_ = false;   // dialer: may dial
  bool held_ = false;         // in an epoch that will not go on
  bool reported_in_step_ = false;
  bool reported_lag_ = false;
  MonoNs standing_checked_at_ = 0;
  MonoNs turned_at_ = 0;
  bool late_turn_ = false;                     // the present one
  MonoNs stood_still_at_ = kNever;             // clients wait since then
  std::optional<std::uint64_t> snapshot_end_;  // number of our SnapshotEndRecord
  StreamSender sender_;
  std::uint64_t counted_resent_ = 0;
  std::vector<std::unique_ptr<Slot>> slots_;

  bool started_ = false;
  bool stopping_ = false;
  bool reported_drained_ = false;
  bool shut_down_ = false;
  bool stopped_ = false;
  MonoNs stop_deadline_ = kNever;
};

}  // namespace tandem::cluster
