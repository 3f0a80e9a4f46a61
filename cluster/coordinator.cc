#include "cluster/coordinator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

// Connections that may be in their handshake at once; the pair needs a handful.
constexpr std::size_t kInboundMax = 64;
constexpr MonoNs kHandshakeTime = kNanosecondsPerSecond;
constexpr MonoNs kGoodbyeTime = 300 * kNanosecondsPerMillisecond;
constexpr std::size_t kPathsMax = 8;
// The provider's thread can't wake this one.
constexpr MonoNs kWitnessLookEvery = 2 * kNanosecondsPerMillisecond;

const ClusterMember* Find(const ClusterOptions& options, bool self) {
  for (const ClusterMember& member : options.members) {
    if ((member.name == options.identity.node) == self) return &member;
  }
  return nullptr;
}

// Enough for the links of either node; discovery by multicast knows one.
std::size_t PathCount(const ClusterOptions& options) {
  std::size_t count = 1;
  for (const ClusterMember& member : options.members) count = std::max(count, member.links.size());
  return std::min(count, kPathsMax);
}

Pair::Options PairOptions(const ClusterOptions& options, std::uint16_t cores) {
  const auto incarnation = static_cast<std::uint64_t>(options.identity.incarnation);
  return {.name = options.identity.node,
          .incarnation = options.identity.incarnation,
          .cores = cores,
          .epoch_max = options.epoch_max,
          .detector = {.paths = PathCount(options),
                       .failure_after = options.failure_after,
                       .beat_every = options.heartbeat_every},
          .start_grace = options.start_grace,
          .serve_alone_at_start = !options.refuse_alone,
          .seed = options.seed != 0 ? options.seed : incarnation,
          .careful = Standing::IsCareful(options.on_partition, options.refuse_alone)};
}

Standing::Options StandingOptions(const ClusterOptions& options) {
  return {.node = options.identity.node,
          .incarnation = options.identity.incarnation,
          .rule = options.on_partition,
          .preferred = options.preferred,
          .refuse_alone = options.refuse_alone,
          .decide_within = options.decide_within};
}

bool IsFailover(DownReason reason) noexcept {
  return reason != DownReason::kStopping && reason != DownReason::kGoodbye;
}

}  // namespace

Coordinator::Coordinator(CoreLink& core)
    : core_(core),
      state_(core.state()),
      options_(state_.options),
      pair_(PairOptions(options_, core.services().cores)),
      standing_(StandingOptions(options_)),
      paths_(PathCount(options_)) {}

Coordinator::~Coordinator() noexcept = default;

absl::Status Coordinator::Start() {
  absl::Status status = Listen();
  if (status.ok()) status = discovery_->Start(now());
  if (!status.ok()) {
    CloseListeners();
    return status;
  }
  pair_.Start(now());
  status_.has_witness = options_.witness != nullptr;
  AdvanceDiscovery();
  PublishStatus();
  return absl::OkStatus();
}

absl::Status Coordinator::Listen() {
  std::uint16_t listening = options_.multicast.group.port;
  const ClusterMember* const self = Find(options_, true);
  std::vector<reactor::Endpoint> links =
      self != nullptr ? self->links : std::vector<reactor::Endpoint>();
  if (links.empty() && options_.discovery == DiscoveryKind::kMulticast)
    links.push_back({"0.0.0.0", listening});
  for (const reactor::Endpoint& link : links) {
    // One core listens: the handshake says which core a lane belongs to, and the kernel could not
    // know.
    const reactor::ListenOptions listen{.endpoint = link,
                                        .interface = options_.interface,
                                        .reuse_port = false,
                                        .backlog = 128,
                                        .receive_mode = reactor::ReceiveMode::kDirect};
    TANDEM_ASSIGN_OR_RETURN(const reactor::ListenerId listener,
                            core_.services().streams->Listen(listen, *this));
    listeners_.push_back(listener);
    if (listeners_.size() == 1) listening = core_.services().streams->LocalEndpoint(listener).port;
  }
  discovery_ = MakeDiscovery(options_, listening);
  return absl::OkStatus();
}

void Coordinator::CloseListeners() {
  for (const reactor::ListenerId listener : listeners_)
    core_.services().streams->StopListening(listener);
  listeners_.clear();
  listeners_closed_ = true;
}

void Coordinator::Advance() {
  AdvanceDiscovery();
  AdvanceInbound();
  SendOff();
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    AdvanceDialing(path);
    AdvanceControl(path);
  }
  AdvanceProbes();
  pair_.Tick(now());
  AdvanceStanding();
  ApplyEffects();
}

void Coordinator::Finish() {
  AdvanceStop();
  pair_.Tick(now());
  AdvanceStanding();
  ApplyEffects();
  for (Path& path : paths_) {
    if (path.control) path.control->Flush();
  }
  PublishStatus();
}

MonoNs Coordinator::NextDeadline() const {
  MonoNs deadline =
      std::min(pair_.NextDeadline(now()), discovery_ ? discovery_->NextDeadline() : kNever);
  for (const auto& link : inbound_) deadline = std::min(deadline, link->deadline());
  for (const Path& path : paths_) {
    if (path.dialing) deadline = std::min(deadline, path.dialing->deadline());
  }
  for (const Probe& probe : probes_) deadline = std::min(deadline, probe.deadline);
  deadline = std::min(deadline, standing_.NextDeadline());
  if (standing_.waits_for_witness()) deadline = std::min(deadline, now() + kWitnessLookEvery);
  return std::min(deadline, goodbye_deadline_);
}

void Coordinator::AdvanceDiscovery() {
  if (stopping_) return;
  if (const std::optional<FoundPeer> found = discovery_->Turn(now())) {
    state_.SetPeer({found->name, found->links});
    pair_.SetPeer(found->name, found->links.size(), now());
    status_.peer = found->name;
    status_.links.clear();
    for (std::size_t i = 0; i < std::min(found->links.size(), paths_.size()); ++i) {
      status_.links.push_back({.address = reactor::ToString(found->links[i])});
    }
    status_changed_ = true;
    Log(LogLevel::kInfo, "the partner is known",
        {{"node", found->name}, {"links", found->links.size()}});
  }
  if (const std::optional<std::string> complaint = discovery_->TakeComplaint())
    Complain(*complaint);
}

// -------------------------------------------------------------------------------------------------
// incoming connections

void Coordinator::OnAccepted(ConnectionId id, const reactor::Endpoint& peer) {
  if (stopping_ || inbound_.size() >= kInboundMax) {
    return core_.services().streams->Close(id, reactor::CloseMode::kReset);
  }
  auto connection = core_.NewConnection();
  connection->Attach(id);
  inbound_.push_back(
      std::make_unique<PendingLink>(std::move(connection),
                                    Handshake::Listener(core_.Identity(), state_.peer().name,
                                                        IsLoopback(peer.host), core_.NewNonce()),
                                    kHandshakeTime));
}

void Coordinator::AdvanceInbound() {
  std::erase_if(inbound_, [this](const auto& link) { return AdvanceInbound(*link); });
}

// True when the connection has left the handshake, for better or worse.
bool Coordinator::AdvanceInbound(PendingLink& link) {
  link.Advance(now());
  if (link.state() == PendingLink::State::kProven) Judge(link);
  if (link.state() == PendingLink::State::kAccepted) {
    Welcome(link);
    return true;
  }
  if (link.state() != PendingLink::State::kFailed) return false;
  if (link.handshake().state() == Handshake::State::kRefused) {
    if (link.handshake().refusal() != Refusal::kWrongEpoch) {
      ++status_.refused;
      Complain(absl::StrCat("a link to this node was ", link.error().message()));
    }
  } else if (!link.greeted()) {
    ++status_.strangers;  // a port scan, a probe of the partner: nothing to tell
    status_changed_ = true;
  }
  core_.Bury(link.TakeConnection(), reactor::CloseMode::kGraceful);
  return true;
}

// The other side has proved that it is what its hello says; is there room for it?
void Coordinator::Judge(PendingLink& link) {
  const LinkRequest& request = link.handshake().request();
  const PeerIdentity& peer = link.handshake().peer();
  if (stopping_) return link.Refuse(Refusal::kStopping, "this node is about to stop");
  if (request.purpose == LinkPurpose::kControl) {
    if (request.path >= paths_.size()) return link.Refuse(Refusal::kMalformed, "no such path");
    return link.Accept();
  }
  const std::optional<broker::PeerEpoch>& epoch = pair_.peer_epoch();
  const std::uint16_t lanes = std::max(core_.services().cores, peer.cores);
  if (!epoch || !pair_.armed() || epoch->epoch != request.epoch ||
      epoch->peer_incarnation != peer.incarnation) {
    return link.Refuse(Refusal::kWrongEpoch, absl::StrCat("epoch ", pair_.epoch(), " here"));
  }
  if (request.lane >= lanes) return link.Refuse(Refusal::kMalformed, "no such lane");
  link.Accept();
}

void Coordinator::Welcome(PendingLink& link) {
  const LinkRequest request = link.handshake().request();
  const PeerIdentity peer = link.handshake().peer();
  if (request.purpose == LinkPurpose::kControl) {
    if (!pair_.peer_known()) {
      // Heard before it was discovered; its own announcement will tell where it listens.
      state_.SetPeer({peer.name, {}});
      pair_.SetPeer(peer.name, 0, now());
      status_.peer = peer.name;
    }
    return TakeControl(request.path, peer, link.TakeConnection(), false);
  }
  const CoreId target{static_cast<std::uint16_t>(request.lane % core_.services().cores)};
  if (Index(target) == 0) return core_.TakeLane(request.epoch, request.lane, link.TakeConnection());
  departing_.push_back({request.epoch, request.lane, link.TakeConnection()});
  departing_.back().connection->Detach();
}

void Coordinator::SendOff() {
  std::erase_if(departing_, [this](Departing& lane) {
    if (!lane.connection->closed()) {
      if (!lane.connection->failed()) return false;
      core_.Bury(std::move(lane.connection), reactor::CloseMode::kReset);
      return true;
    }
    if (auto handoff = lane.connection->TakeHandoff()) {
      const CoreId target{static_cast<std::uint16_t>(lane.lane % core_.services().cores)};
      core_.PostTo(target, [epoch = lane.epoch, number = lane.lane,
                            handoff = std::move(handoff)](CoreLink& core) mutable {
        core.AdoptLane(epoch, number, std::move(handoff));
      });
    }
    return true;
  });
}

// -------------------------------------------------------------------------------------------------
// outgoing connections

void Coordinator::Apply(const DialPath& effect) {
  const ClusterState::Peer peer = state_.peer();
  const reactor::Endpoint& remote = peer.links.at(effect.path);
  auto connection = core_.NewConnection();
  if (absl::Status status = connection->Dial(core_.DialOptions(remote, effect.path));
      !status.ok()) {
    Complain(absl::StrCat("the partner can't be dialed at ", reactor::ToString(remote), ": ",
                          status.message()));
    return pair_.OnDialFailed(effect.path, false, now());
  }
  const LinkRequest request{.purpose = LinkPurpose::kControl,
                            .path = static_cast<std::uint8_t>(effect.path)};
  paths_[effect.path].dialing = std::make_unique<PendingLink>(
      std::move(connection),
      Handshake::Dialer(core_.Identity(), peer.name, IsLoopback(remote.host), request,
                        core_.NewNonce()),
      kHandshakeTime);
}

void Coordinator::AdvanceDialing(std::size_t path) {
  Path& state = paths_[path];
  if (!state.dialing) return;
  PendingLink& link = *state.dialing;
  link.Advance(now());
  if (link.state() == PendingLink::State::kAccepted) {
    const PeerIdentity peer = link.handshake().peer();
    std::unique_ptr<LinkConnection> connection = link.TakeConnection();
    state.dialing.reset();
    return TakeControl(path, peer, std::move(connection), true);
  }
  if (link.state() != PendingLink::State::kFailed) return;
  if (link.handshake().state() == Handshake::State::kRefused) {
    ++status_.refused;
    Complain(absl::StrCat("the link to the partner was ", link.error().message()));
  }
  const bool refused = link.connection().refused();
  core_.Bury(link.TakeConnection(), reactor::CloseMode::kGraceful);
  state.dialing.reset();
  pair_.OnDialFailed(path, refused, now());
}

void Coordinator::Apply(const ProbePath& effect) {
  const ClusterState::Peer peer = state_.peer();
  const reactor::Endpoint& remote = peer.links.at(effect.path);
  auto connection = core_.NewConnection();
  if (!connection->Dial(core_.DialOptions(remote, effect.path)).ok()) {
    return pair_.OnDialFailed(effect.path, connection->refused(), now());
  }
  probes_.push_back({effect.path, std::move(connection), now() + kHandshakeTime});
}

void Coordinator::AdvanceProbes() {
  std::erase_if(probes_, [this](Probe& probe) {
    const bool over = probe.connection->connected() || probe.connection->failed() ||
                      now() >= probe.deadline || ended_;
    if (!over) return false;
    if (probe.connection->connected()) {
      pair_.OnProbed(probe.path, now());
    } else {
      pair_.OnDialFailed(probe.path, probe.connection->refused(), now());
    }
    core_.Bury(std::move(probe.connection), reactor::CloseMode::kReset);
    return true;
  });
}

// --------------------------------------------------------------------------------------------------
// control connections

void Coordinator::TakeControl(std::size_t path, const PeerIdentity& peer,
                              std::unique_ptr<LinkConnection> connection, bool dialer) {
  if (paths_[path].control) {
    // The other side would not dial again if the old one were good.
    CloseControl(path, reactor::CloseMode::kReset);
    pair_.OnPathLost(path, now());
  }
  status_.peer_release = peer.release;
  Log(LogLevel::kInfo, "a control connection to the partner is up",
      {{"node", peer.name}, {"path", path}, {"release", peer.release}});
  paths_[path].control = std::make_unique<ControlLink>(path, std::move(connection), dialer,
                                                       static_cast<ControlEvents&>(*this));
  pair_.OnPathUp(path, peer, now());
  status_changed_ = true;
}

void Coordinator::AdvanceControl(std::size_t path) {
  Path& state = paths_[path];
  if (!state.control) return;
  const absl::Status status = state.control->Pump();
  if (status.ok()) return;
  Log(LogLevel::kInfo, "a control connection to the partner is lost",
      {{"path", path}, {"reason", FromAbsl(status.message())}});
  CloseControl(path, reactor::CloseMode::kReset);
  pair_.OnPathLost(path, now());
  status_changed_ = true;
}

void Coordinator::CloseControl(std::size_t path, reactor::CloseMode mode) {
  if (!paths_[path].control) return;
  std::unique_ptr<LinkConnection> connection = paths_[path].control->TakeConnection();
  paths_[path].control.reset();
  paths_[path].graceful = false;
  core_.Bury(std::move(connection), mode);
  status_changed_ = true;
}

std::uint64_t Coordinator::OnBeat(std::size_t path, const FailureDetector::Beat& beat,
                                  const BeatNote& note) {
  status_changed_ |= status_.peer_ready != note.ready || status_.peer_draining != note.draining ||
                     status_.peer_figures != note.figures;
  status_.peer_ready = note.ready;
  status_.peer_draining = note.draining;
  status_.peer_figures = note.figures;
  return pair_.OnBeat(path, beat, note.epoch, now());
}

void Coordinator::OnEcho(std::size_t path, std::uint64_t received) {
  if (const std::optional<MonoNs> rtt = pair_.OnEcho(path, received, now())) {
    paths_[path].rtt_ns = *rtt;
    status_changed_ = true;
  }
}

void Coordinator::OnProposal(std::size_t path, const PairView& view) {
  pair_.OnProposal(path, view, now());
}
void Coordinator::OnVerdict(std::size_t path, const PairVerdict& verdict) {
  pair_.OnVerdict(path, verdict, now());
}
void Coordinator::OnGoodbye(std::size_t path) {
  paths_[path].graceful = true;  // our answer must not be lost in a reset
  pair_.OnGoodbye(now());
}
void Coordinator::OnGoodbyeHeard(std::size_t /*path*/) { goodbye_heard_ = true; }

// ----------------------------------------------------------------------------------------------------------------
// effects

void Coordinator::ApplyEffects() {
  // An effect may cause others (a dial that fails at once, an epoch that ends).
  while (pair_.HasEffects() || standing_.HasEffects()) {
    status_changed_ = true;
    // What the cores are told about the last epoch comes before the next one.
    ApplyStanding();
    for (const PairEffect& effect : pair_.TakeEffects()) {
      std::visit([this](const auto& each) { Apply(each); }, effect);
    }
    pair_.SetHolding(standing_.holding());
  }
}

void Coordinator::ApplyStanding() {
  for (const StandingEffect& effect : standing_.TakeEffects()) {
    std::visit([this](const auto& each) { Apply(each); }, effect);
  }
}

void Coordinator::Apply(const ClosePath& effect) {
  if (paths_[effect.path].graceful && paths_[effect.path].control)
    paths_[effect.path].control->Flush();
  CloseControl(effect.path, paths_[effect.path].graceful ? reactor::CloseMode::kGraceful
                                                         : reactor::CloseMode::kReset);
}

void Coordinator::Apply(const SendProposal& effect) {
  if (paths_[effect.path].control) paths_[effect.path].control->Propose(effect.view);
}

void Coordinator::Apply(const SendVerdict& effect) {
  if (paths_[effect.path].control) paths_[effect.path].control->Answer(effect.verdict);
}

void Coordinator::Apply(const SendBeat& effect) {
  if (!paths_[effect.path].control) return;
  const BeatNote note{.epoch = pair_.epoch(),
                      .ready = standing_.ready(),
                      .draining = state_.draining.load(std::memory_order_relaxed),
                      .figures = state_.figures()};
  paths_[effect.path].control->SendBeat(effect.beat, note);
}

void Coordinator::Apply(const BeginEpoch& effect) {
  armed_.clear();
  in_step_.clear();
  epoch_began_ = now();
  Log(LogLevel::kInfo, "an epoch with the partner begins",
      {{"epoch", effect.epoch.epoch}, {"node", status_.peer}});
  if (options_.on_epoch) options_.on_epoch(effect.epoch.epoch);
  standing_.OnEpochBegun(PairingOf(effect.epoch, status_.peer), now());
  ApplyStanding();
  core_epoch_ = effect.epoch.epoch;
  ForEachCore([&](CoreId core) {
    core_.PostTo(core, [effect, dialer = pair_.dials()](CoreLink& link) {
      link.BeginEpoch(effect.epoch, dialer, effect.lane_frames);
    });
  });
}

void Coordinator::Apply(const OpenLanes& effect) {
  ForEachCore([&](CoreId core) {
    core_.PostTo(core, [epoch = effect.epoch](CoreLink& link) { link.OpenLanes(epoch); });
  });
}

void Coordinator::Apply(const EndEpoch& effect) {
  Log(IsFailover(effect.reason) ? LogLevel::kWarn : LogLevel::kInfo,
      "the epoch with the partner ends",
      {{"epoch", effect.epoch}, {"node", status_.peer}, {"reason", Name(effect.reason)}});
  status_.last_down = effect.reason;
  ++status_.downs[static_cast<std::size_t>(effect.reason)];
  if (IsFailover(effect.reason)) ++status_.failovers;
  standing_.OnEpochEnded(effect.reason, now());
  ApplyStanding();
}

void Coordinator::Apply(const StartAnew& /*effect*/) {
  Log(LogLevel::kWarn, "the partner holds what counts: this node gives up its own and starts anew",
      {{"node", status_.peer}});
  status_.start_anew = true;
  standing_.OnGivenUp();
  ApplyStanding();
}

// -------------------------------------------------------------------------------------------------
// standing

void Coordinator::AdvanceStanding() {
  if (options_.witness) {
    if (const std::optional<WitnessAnswer> answer = options_.witness->Take()) {
      status_.witness_error = answer->words;
      standing_.OnWitness(*answer, now());
      pair_.KnowEpoch(standing_.epoch_seen());
    }
  }
  if (stopping_) return;
  if (state_.forced.exchange(false, std::memory_order_relaxed)) {
    if (const absl::Status status = standing_.Force(now()); status.ok())
      Log(LogLevel::kWarn, "the operator makes this node serve with what it has", {});
  }
  const bool is_told = pair_.epoch() != 0 && pair_.epoch() == core_epoch_;  // what the pair knows
  if (is_told && !pair_.in_doubt()) standing_.OnDoubtOver();
  if (pair_.state() != Pair::State::kAlone) {
    standing_.OnSomebodyThere();
  } else if (pair_.ready()) {
    standing_.OnNobodyThere(pair_.refused(), now());
  }
  standing_.Tick(now());
}

void Coordinator::Apply(const HoldEpoch& /*effect*/) {
  ForEachCore([&](CoreId core) {
    core_.PostTo(core, [epoch = core_epoch_](CoreLink& link) { link.HoldEpoch(epoch); });
  });
}

void Coordinator::Apply(const ReleaseEpoch& /*effect*/) {
  ForEachCore([&](CoreId core) {
    core_.PostTo(core, [epoch = core_epoch_](CoreLink& link) { link.EndEpoch(epoch); });
  });
  core_epoch_ = 0;
}

void Coordinator::Apply(const SendAway& /*effect*/) {
  ForEachCore(
      [&](CoreId core) { core_.PostTo(core, [](CoreLink& link) { link.TakeClients(false); }); });
}

void Coordinator::Apply(const TakeClients& /*effect*/) {
  ForEachCore(
      [&](CoreId core) { core_.PostTo(core, [](CoreLink& link) { link.TakeClients(true); }); });
}

void Coordinator::Apply(const ReadClients& /*effect*/) {
  ForEachCore([&](CoreId core) {
    core_.PostTo(core,
                 [until = pair_.stood_still_at()](CoreLink& link) { link.ReadClients(until); });
  });
}

void Coordinator::Apply(const WitnessRequest& effect) { options_.witness->Ask(effect); }

// ---------------------------------------------------------------------------------------------------------
// from the cores

void Coordinator::OnCoreArmed(CoreId core, std::uint64_t epoch) {
  if (pair_.epoch() != epoch) return;
  armed_.insert(core);
  if (armed_.size() == core_.services().cores) pair_.OnArmed(epoch, now());
}

void Coordinator::OnCoreInStep(CoreId core, std::uint64_t epoch) {
  if (pair_.epoch() != epoch) return;
  in_step_.insert(core);
  if (in_step_.size() != core_.services().cores) return;
  Log(LogLevel::kInfo, "in step with the partner", {{"epoch", epoch}, {"node", status_.peer}});
  pair_.OnInStep(epoch, now());
  standing_.OnInStep();
  status_.catch_up_ns = now() - epoch_began_;
  status_changed_ = true;
}

void Coordinator::OnStoodStill(CoreId core, MonoNs until, MonoNs for_ns) {
  Log(LogLevel::kWarn, "a core stood still: its clients wait until the partner has answered",
      {{"core", Index(core)}, {"ms", for_ns / kNanosecondsPerMillisecond}});
  pair_.OnStoodStill(until);
  standing_.OnStoodStill();
}

void Coordinator::OnLagging(std::uint64_t epoch) { pair_.OnLagging(epoch, now()); }

void Coordinator::OnLaneBroken(std::uint64_t epoch, std::string_view reason) {
  if (pair_.epoch() == epoch) Complain(absl::StrCat("a lane broke the protocol: ", ToAbsl(reason)));
  pair_.OnLaneBroken(epoch, now());
}

// ------------------------------------------------------------------------------------------------------------------
// stop

void Coordinator::Stop() {
  stopping_ = true;
  pair_.Stop();
}

void Coordinator::OnCoreDrained(CoreId core) { drained_.insert(core); }

// All cores have been relieved of what they owed: say goodbye, leave the epoch, shut everything
// down.
void Coordinator::AdvanceStop() {
  if (!stopping_ || drained_.size() != core_.services().cores) return;
  if (!goodbye_sent_) {
    goodbye_sent_ = true;
    goodbye_deadline_ = now() + kGoodbyeTime;
    goodbye_heard_ = true;  // unless somebody is there to hear it
    for (std::size_t path = 0; path < paths_.size(); ++path) {
      if (!pair_.path_up(path) || !paths_[path].control) continue;
      goodbye_heard_ = false;
      paths_[path].control->SayGoodbye();
      break;
    }
  }
  if (ended_ || (!goodbye_heard_ && now() < goodbye_deadline_ && pair_.epoch() != 0)) return;
  ended_ = true;
  goodbye_deadline_ = kNever;
  pair_.End(now());
  ApplyEffects();
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    CloseControl(path, reactor::CloseMode::kReset);
    if (paths_[path].dialing)
      core_.Bury(paths_[path].dialing->TakeConnection(), reactor::CloseMode::kReset);
    paths_[path].dialing.reset();
  }
  for (const auto& link : inbound_) core_.Bury(link->TakeConnection(), reactor::CloseMode::kReset);
  inbound_.clear();
  for (Departing& lane : departing_)
    core_.Bury(std::move(lane.connection), reactor::CloseMode::kReset);
  departing_.clear();
  CloseListeners();
  ForEachCore([&](CoreId core) { core_.PostTo(core, [](CoreLink& link) { link.Shutdown(); }); });
}

// ---------------------------------------------------------------------------------------------------------------
// figures

void Coordinator::Complain(std::string_view what) {
  status_changed_ = true;
  if (status_.last_error == what) return;
  status_.last_error = what;
  Log(LogLevel::kWarn, "cluster", {{"problem", what}});
}

void Coordinator::NoteStanding() {
  if (was_ready_ != standing_.ready()) {
    was_ready_ = standing_.ready();
    status_changed_ = true;
    if (was_ready_)
      Log(LogLevel::kInfo, "ready to serve as far as the cluster is concerned",
          {{"epoch", pair_.epoch()}});
  }
  status_changed_ |= status_.not_ready_because != standing_.why();
  if (std::exchange(told_state_, standing_.state()) == standing_.state()) return;
  status_changed_ = true;
  if (standing_.state() == Standing::State::kAlone)
    Log(LogLevel::kWarn, "this node serves alone", {});
  if (!standing_.why().empty() && standing_.state() != Standing::State::kPaired) {
    Log(LogLevel::kWarn,
        standing_.ready() ? "nothing is acknowledged for now" : "this node takes no clients",
        {{"reason", standing_.why()}});
  }
}

void Coordinator::NoteWitness() {
  const std::optional<bool> reached = standing_.witness_reached();
  status_.witness_reached = reached;
  if (!reached || std::exchange(told_witness_, reached) == reached) return;
  status_changed_ = true;
  if (*reached) return Log(LogLevel::kInfo, "the witness answers", {});
  Log(LogLevel::kError, "the witness does not answer: who loses its partner now can't serve",
      {{"reason", status_.witness_error}});
}

void Coordinator::PublishStatus() {
  std::uint64_t up = 0;
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    if (pair_.path_up(path)) up |= std::uint64_t{1} << path;
  }
  state_.paths_up.store(up, std::memory_order_relaxed);
  NoteStanding();
  NoteWitness();
  status_changed_ |= status_.suspect != pair_.suspect() || status_.state != pair_.state();
  if (!std::exchange(status_changed_, false)) return;
  status_.state = pair_.state();
  status_.suspect = pair_.suspect();
  status_.in_step = pair_.in_step();
  status_.ready = standing_.ready();
  status_.standing = standing_.state();
  status_.not_ready_because = standing_.why();
  for (std::size_t i = 0; i < Standing::kDecisions; ++i)
    status_.decisions[i] = standing_.decisions(static_cast<Standing::Decision>(i));
  status_.epoch = pair_.epoch();
  status_.epoch_max = pair_.epoch_max();
  for (std::size_t path = 0; path < status_.links.size(); ++path) {
    status_.links[path].up = (up >> path & 1) != 0;
    status_.links[path].rtt_ns = paths_[path].rtt_ns;
  }
  state_.Publish(status_);
}

void Coordinator::ForEachCore(std::function<void(CoreId)> visit) const {
  for (std::uint16_t core = 0; core < core_.services().cores; ++core) visit(CoreId{core});
}

}  // namespace tandem::cluster
