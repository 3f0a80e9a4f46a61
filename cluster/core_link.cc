#include "cluster/core_link.h"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/coordinator.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

// KJ events per turn: enough for some batches, little enough that clients do not wait (measured: 32
// to 64).
constexpr unsigned kEventsPerTurn = 64;
constexpr MonoNs kLaneRedialFirst = 5 * kNanosecondsPerMillisecond;
constexpr MonoNs kLaneRedialMax = 500 * kNanosecondsPerMillisecond;
constexpr MonoNs kHandshakeTime = kNanosecondsPerSecond;
constexpr MonoNs kBetterPathAfter = 2 * kNanosecondsPerSecond;
// In an epoch a core takes a turn at least that often, and sees so whether it stood still: a turn
// that comes later by as much again. The partner may have answered long ago then, or given this
// node up.
constexpr MonoNs kTurnEvery = 100 * kNanosecondsPerMillisecond;
constexpr MonoNs kStoodStill = 2 * kTurnEvery;

bool IsUnspecified(std::string_view host) noexcept {
  return host.empty() || host == "0.0.0.0" || host == "::";
}
bool IsV6(std::string_view host) noexcept { return host.find(':') != std::string_view::npos; }

}  // namespace

CoreLink::CoreLink(std::shared_ptr<ClusterState> state, CoreId core)
    : state_(std::move(state)), core_(core), counters_(state_->counters[Index(core)]) {
  state_->links[Index(core_)].store(this, std::memory_order_release);
}

CoreLink::~CoreLink() noexcept {
  state_->links[Index(core_)].store(nullptr, std::memory_order_release);
  const KjLoop::Scope scope(loop_);
  coordinator_.reset();
  slots_.clear();
}

// ----------------------------------------------------------------------------------------------------
// the broker's side

void CoreLink::Append(std::uint64_t number, broker::PeerRecord&& record) {
  // The epoch ended in this very turn, or will not go on: its streams are void.
  if (!epoch_ || held_) return;
  if (std::holds_alternative<broker::SnapshotEndRecord>(record)) snapshot_end_ = number;
  if (std::holds_alternative<broker::PublishRecord>(record)) counters_.publishes_out.Add();
  counters_.records_out.Add();
  sender_.Append(number, std::move(record));
}

void CoreLink::Acknowledge(CoreId stream, std::uint64_t number) {
  if (!epoch_ || held_) return;
  Slot* const slot = SlotOf(Index(stream));
  TANDEM_CHECK_MSG(slot != nullptr && slot->receives,
                   "acknowledgement for a stream that does not end on this core");
  slot->receiver.Applied(number);
}

void CoreLink::OnRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) {
  if (std::holds_alternative<broker::SnapshotEndRecord>(record))
    SlotOf(Index(stream))->snapshot_end = number;
  if (std::holds_alternative<broker::PublishRecord>(record)) counters_.publishes_in.Add();
  counters_.records_in.Add();
  services_.events->OnPeerRecord(stream, number, std::move(record));
}

void CoreLink::OnApplied(std::uint64_t number) { services_.events->OnPeerApplied(number); }

// ----------------------------------------------------------------------------------------------------
// the core's loop

absl::Status CoreLink::Start(const node::CoreServices& services, const Now& now) {
  TANDEM_CHECK(!started_ && services.core == core_ && services.cores <= kCoresMax);
  services_ = services;
  now_ = now;
  turned_at_ = now.mono_ns;
  started_ = true;
  if (Index(core_) != 0) return absl::OkStatus();
  const KjLoop::Scope scope(loop_);
  coordinator_ = std::make_unique<Coordinator>(*this);
  return coordinator_->Start();
}

void CoreLink::BeginTurn(const Now& now) {
  const MonoNs gap = now.mono_ns - std::exchange(turned_at_, now.mono_ns);
  late_turn_ = gap > kStoodStill;
  if (gap <= kStoodStill || !epoch_ || held_ || stopping_) return;
  if (std::exchange(stood_still_at_, now.mono_ns) == kNever) services_.events->OnClientsWait(true);
  PostTo(CoreId{0}, [core = core_, until = now.mono_ns, gap](CoreLink& zero) {
    zero.coordinator().OnStoodStill(core, until, gap);
  });
}

void CoreLink::ReadClients(MonoNs until) {
  if (stood_still_at_ > until) return;
  stood_still_at_ = kNever;
  services_.events->OnClientsWait(false);
}

bool CoreLink::Turn(const Now& now) {
  if (stopped_) return false;
  now_ = now;
  const KjLoop::Scope scope(loop_);
  for (Task& task : std::exchange(inbox_, {})) task(*this);
  if (coordinator_) coordinator_->Advance();
  for (const auto& slot : slots_) AdvanceSlot(*slot);
  const bool runnable = loop_.Run(kEventsPerTurn);
  if (coordinator_) coordinator_->Finish();
  for (const auto& slot : slots_) {
    if (!slot->lane) continue;
    slot->lane->CheckHeard(state_->options.failure_after, late_turn_);
    slot->lane->Send();
    CountTraffic(*slot);
  }
  CheckStanding();
  std::erase_if(closing_, [](const auto& connection) { return connection->closed(); });
  UpdateCounters();
  if (shut_down_ && closing_.empty() && (!coordinator_ || coordinator_->stopped())) {
    stopped_ = true;
    return true;  // the core looks again, and finds this link stopped
  }
  return runnable || HasWork();
}

bool CoreLink::HasWork() const {
  if (!inbox_.empty()) return true;
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const auto& slot) { return slot->lane && slot->lane->HasWork(); });
}

MonoNs CoreLink::NextDeadline() const {
  if (stopped_) return kNever;
  if (HasWork()) return now_.mono_ns;
  MonoNs deadline = coordinator_ ? coordinator_->NextDeadline() : kNever;
  if (epoch_ && !held_) deadline = std::min(deadline, turned_at_ + kTurnEvery);
  if (stopping_ && !reported_drained_) deadline = std::min(deadline, stop_deadline_);
  for (const auto& slot : slots_) {
    if (slot->lane) {
      deadline = std::min(deadline, slot->lane->NextDeadline());
    } else if (slot->dialing) {
      deadline = std::min(deadline, slot->dialing->deadline());
    } else if (lanes_open_) {
      deadline = std::min(deadline, slot->dial_at);
    }
  }
  return deadline;
}

void CoreLink::PostTo(CoreId core, Task task) {
  if (core == core_) return Enqueue(std::move(task));
  services_.post(core, [state = state_, core, task = std::move(task)]() mutable {
    CoreLink* const link = state->links[Index(core)].load(std::memory_order_acquire);
    if (link != nullptr) link->Enqueue(std::move(task));
  });
}

// ----------------------------------------------------------------------------------------------------------------
// epochs

void CoreLink::BeginEpoch(const broker::PeerEpoch& epoch, bool dialer, bool lane_frames) {
  TANDEM_CHECK(!epoch_);
  epoch_ = epoch;
  dialer_ = dialer;
  lane_frames_ = lane_frames;
  lanes_open_ = reported_in_step_ = reported_lag_ = false;
  snapshot_end_.reset();
  sender_ = StreamSender(StreamSender::Limits());
  counted_resent_ = 0;
  const std::uint16_t lanes = std::max(services_.cores, epoch.peer_cores);
  for (std::uint16_t lane = Index(core_); lane < lanes;
       lane = static_cast<std::uint16_t>(lane + services_.cores)) {
    auto slot = std::make_unique<Slot>();
    slot->number = lane;
    slot->sends = lane == Index(core_);
    slot->receives = lane < epoch.peer_cores;
    slots_.push_back(std::move(slot));
  }
  services_.events->OnPeerUp(epoch);
  PostTo(CoreId{0}, [core = core_, epoch = epoch.epoch](CoreLink& zero) {
    zero.coordinator().OnCoreArmed(core, epoch);
  });
}

void CoreLink::OpenLanes(std::uint64_t epoch) {
  if (!epoch_ || epoch_->epoch != epoch) return;
  lanes_open_ = true;
}

void CoreLink::EndEpoch(std::uint64_t epoch) {
  if (!epoch_ || epoch_->epoch != epoch) return;
  DropLanes();
  epoch_.reset();
  held_ = false;
  services_.events->OnPeerDown();
}

void CoreLink::HoldEpoch(std::uint64_t epoch) {
  if (!epoch_ || epoch_->epoch != epoch || held_) return;
  DropLanes();
  held_ = true;
  services_.events->OnPeerHeld();
}

void CoreLink::DropLanes() {
  for (const auto& slot : slots_) {
    DropLane(*slot);
    if (slot->dialing) Bury(slot->dialing->TakeConnection(), reactor::CloseMode::kReset);
  }
  slots_.clear();
  sender_ = StreamSender();
  lanes_open_ = false;
}

// In step: the other node has applied all that this core had to tell, and this core all that the
// streams ending here had.
void CoreLink::CheckStanding() {
  ReportDrained();
  if (!epoch_ || held_) return;
  const std::uint64_t epoch = epoch_->epoch;
  const MonoNs since_last = now_.mono_ns - std::exchange(standing_checked_at_, now_.mono_ns);
  if (since_last > kStoodStill) sender_.Forgive(since_last);
  sender_.MarkTime(now_.mono_ns);
  const MonoNs age = sender_.OldestAge(now_.mono_ns);
  if (!reported_lag_ && (age > state_->options.max_lag ||
                         sender_.backlog_bytes() > state_->options.backlog_bytes_max)) {
    reported_lag_ = true;
    Log(LogLevel::kWarn, "the partner lags",
        {{"core", Index(core_)},
         {"records", sender_.backlog_records()},
         {"bytes", sender_.backlog_bytes()},
         {"age_ms", age / kNanosecondsPerMillisecond}});
    PostTo(CoreId{0}, [epoch](CoreLink& zero) { zero.coordinator().OnLagging(epoch); });
  }
  if (reported_in_step_ || !snapshot_end_ || sender_.applied() < *snapshot_end_) return;
  for (const auto& slot : slots_) {
    if (slot->receives && (!slot->snapshot_end || slot->receiver.applied() < *slot->snapshot_end))
      return;
  }
  reported_in_step_ = true;
  PostTo(CoreId{0},
         [core = core_, epoch](CoreLink& zero) { zero.coordinator().OnCoreInStep(core, epoch); });
}

// -----------------------------------------------------------------------------------------------------------------
// lanes

CoreLink::Slot* CoreLink::SlotOf(std::uint16_t lane) {
  const std::size_t index = lane / services_.cores;
  if (lane % services_.cores != Index(core_) || index >= slots_.size()) return nullptr;
  return slots_[index].get();
}

void CoreLink::AdvanceSlot(Slot& slot) {
  if (slot.lane) {
    absl::Status status = CheckPath(slot);
    if (status.ok()) status = slot.lane->Pump();
    if (status.ok()) return;
    const std::string reason = status.ToString();
    Log(LogLevel::kInfo, "a lane to the partner is lost",
        {{"core", Index(core_)}, {"lane", slot.number}, {"reason", std::string_view(reason)}});
    DropLane(slot);
    slot.dial_at = now_.mono_ns;
    if (Lane::IsFatal(status)) {
      PostTo(CoreId{0}, [epoch = epoch_->epoch, reason](CoreLink& zero) {
        zero.coordinator().OnLaneBroken(epoch, reason);
      });
    }
    return;
  }
  if (slot.dialing) {
    slot.dialing->Advance(now_.mono_ns);
    if (slot.dialing->state() == PendingLink::State::kFailed) {
      const absl::Status error = slot.dialing->error();
      Bury(slot.dialing->TakeConnection(), reactor::CloseMode::kReset);
      return DialFailed(slot, error);
    }
    if (slot.dialing->state() != PendingLink::State::kAccepted) return;
    std::unique_ptr<LinkConnection> connection = slot.dialing->TakeConnection();
    slot.dialing.reset();
    slot.failures = 0;
    return TakeLane(epoch_->epoch, slot.number, std::move(connection));
  }
  if (lanes_open_ && now_.mono_ns >= slot.dial_at) Dial(slot);
}

void CoreLink::Dial(Slot& slot) {
  const ClusterState::Peer peer = state_->peer();
  const std::vector<reactor::Endpoint>& links = peer.links;
  const std::uint64_t up = state_->paths_up.load(std::memory_order_relaxed);
  std::size_t path = 0;
  while (path < links.size() && (up >> path & 1) == 0) ++path;
  if (path >= links.size()) {
    slot.dial_at = now_.mono_ns + kLaneRedialFirst;  // the control connection comes first
    return;
  }
  slot.path = path;
  slot.better_path_since = kNever;
  auto connection = NewConnection();
  if (absl::Status status = connection->Dial(DialOptions(links[path], path)); !status.ok())
    return DialFailed(slot, status);
  const LinkRequest request{.purpose = LinkPurpose::kLane,
                            .path = static_cast<std::uint8_t>(path),
                            .lane = slot.number,
                            .epoch = epoch_->epoch};
  slot.dialing = std::make_unique<PendingLink>(
      std::move(connection),
      Handshake::Dialer(Identity(), peer.name, IsLoopback(links[path].host), request, NewNonce()),
      kHandshakeTime);
}

void CoreLink::DialFailed(Slot& slot, const absl::Status& error) {
  Log(LogLevel::kDebug, "a lane can't be opened",
      {{"lane", slot.number}, {"reason", FromAbsl(error.message())}});
  slot.dialing.reset();
  slot.dial_at =
      now_.mono_ns + std::min(kLaneRedialMax, kLaneRedialFirst << std::min(slot.failures, 10u));
  ++slot.failures;
}

void CoreLink::AdoptLane(std::uint64_t epoch, std::uint16_t lane,
                         std::unique_ptr<reactor::Handoff> handoff) {
  if (!epoch_ || epoch_->epoch != epoch) return;
  auto connection = NewConnection();
  connection->Adopt(std::move(handoff));
  TakeLane(epoch, lane, std::move(connection));
}

void CoreLink::TakeLane(std::uint64_t epoch, std::uint16_t lane,
                        std::unique_ptr<LinkConnection> connection) {
  Slot* const slot = epoch_ && epoch_->epoch == epoch ? SlotOf(lane) : nullptr;
  if (slot == nullptr) return Bury(std::move(connection), reactor::CloseMode::kReset);
  DropLane(*slot);
  slot->lane = std::make_unique<Lane>(
      Lane::Terms{.number = lane, .epoch = epoch, .dialer = dialer_, .frames = lane_frames_},
      std::move(connection), slot->sends ? &sender_ : nullptr,
      slot->receives ? &slot->receiver : nullptr, static_cast<LaneHost&>(*this));
}

// Why a lane should be dialed anew although its connection looks well. Over a path that the
// heartbeats have lost it may look so as long as only the other side sends; and a spare path is
// left once the one before it has been up for a while.
absl::Status CoreLink::CheckPath(Slot& slot) {
  const std::uint64_t up = state_->paths_up.load(std::memory_order_relaxed);
  if (!dialer_ || up == 0) return absl::OkStatus();
  if ((up >> slot.path & 1) == 0)
    return absl::UnavailableError("its path is lost; another one works");
  if (static_cast<std::size_t>(std::countr_zero(up)) == slot.path) {
    slot.better_path_since = kNever;
    return absl::OkStatus();
  }
  slot.better_path_since = std::min(slot.better_path_since, now_.mono_ns);
  if (now_.mono_ns - slot.better_path_since < kBetterPathAfter) return absl::OkStatus();
  return absl::UnavailableError("it moves to a better path");
}

void CoreLink::DropLane(Slot& slot) {
  if (!slot.lane) return;
  CountTraffic(slot);
  slot.counted = RpcTraffic();
  std::unique_ptr<LinkConnection> connection = slot.lane->TakeConnection();
  slot.lane.reset();
  Bury(std::move(connection), reactor::CloseMode::kReset);
}

void CoreLink::Bury(std::unique_ptr<LinkConnection> connection, reactor::CloseMode mode) {
  if (!connection) return;
  connection->Close(mode);
  if (!connection->closed()) closing_.push_back(std::move(connection));
}

reactor::ConnectOptions CoreLink::DialOptions(const reactor::Endpoint& remote,
                                              std::size_t path) const {
  reactor::ConnectOptions options{.remote = remote,
                                  .interface = state_->options.interface,
                                  .receive_mode = reactor::ReceiveMode::kDirect};
  options.user_timeout_ms =
      static_cast<std::uint32_t>(state_->options.failure_after / kNanosecondsPerMillisecond);
  // From our own address on that network, so that the other side sees the path it expects.
  for (const ClusterMember& member : state_->options.members) {
    if (member.name != state_->options.identity.node || path >= member.links.size()) continue;
    const std::string& host = member.links[path].host;
    if (!IsUnspecified(host) && IsV6(host) == IsV6(remote.host)) options.local_host = host;
  }
  return options;
}

Nonce CoreLink::NewNonce() const {
  Nonce nonce;
  TANDEM_CHECK_MSG(RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1,
                   "no random numbers");
  return nonce;
}

NodeIdentity CoreLink::Identity() const {
  NodeIdentity identity = state_->options.identity;
  identity.cores = services_.cores;
  return identity;
}

// ----------------------------------------------------------------------------------------------------------------
// the end

void CoreLink::Stop(const Now& now) {
  if (stopping_) return;
  now_ = now;
  if (!started_) {
    stopped_ = true;
    return;
  }
  stopping_ = true;
  stop_deadline_ = now.mono_ns + state_->options.stop_grace;
  if (coordinator_) coordinator_->Stop();
  Enqueue([](CoreLink&) {});  // the next turn is due at once
}

void CoreLink::ReportDrained() {
  if (!stopping_ || reported_drained_) return;
  if (epoch_ && sender_.applied() != sender_.last() && now_.mono_ns < stop_deadline_) return;
  reported_drained_ = true;
  PostTo(CoreId{0}, [core = core_](CoreLink& zero) { zero.coordinator().OnCoreDrained(core); });
}

void CoreLink::Shutdown() { shut_down_ = true; }

// ---------------------------------------------------------------------------------------------------------------
// figures

void CoreLink::CountTraffic(Slot& slot) {
  const RpcTraffic& traffic = slot.lane->traffic();
  counters_.bytes_copied_out.Add(traffic.bytes_copied - slot.counted.bytes_copied);
  counters_.bytes_gathered_out.Add(traffic.bytes_gathered - slot.counted.bytes_gathered);
  slot.counted = traffic;
}

void CoreLink::UpdateCounters() {
  counters_.backlog_records.Set(static_cast<std::int64_t>(sender_.backlog_records()));
  counters_.backlog_bytes.Set(static_cast<std::int64_t>(sender_.backlog_bytes()));
  counters_.records_resent.Add(sender_.resent() - std::min(sender_.resent(), counted_resent_));
  counted_resent_ = sender_.resent();
  counters_.lanes.Set(static_cast<std::int64_t>(slots_.size()));
  counters_.lanes_up.Set(std::count_if(slots_.begin(), slots_.end(),
                                       [](const auto& slot) { return slot->lane != nullptr; }));
}

}  // namespace tandem::cluster
