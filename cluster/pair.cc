#include "cluster/pair.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "proto/peer/peer_version.h"

namespace tandem::cluster {
namespace {

constexpr MonoNs kRedialFirst = 20 * kNanosecondsPerMillisecond;
constexpr MonoNs kRedialMax = kNanosecondsPerSecond;
constexpr MonoNs kSuspectRedialMax = 50 * kNanosecondsPerMillisecond;
constexpr MonoNs kDropsForgottenAfter = 60 * kNanosecondsPerSecond;
constexpr std::uint32_t kArmingRetryMs = 5;
// A partner may ask for a pause. No version asks for a third of this.
constexpr std::uint32_t kPauseMaxMs = 30'000;

std::uint32_t ToMs(MonoNs ns) noexcept {
  return ns <= 0 ? 0
                 : static_cast<std::uint32_t>((ns + kNanosecondsPerMillisecond - 1) /
                                              kNanosecondsPerMillisecond);
}

}  // namespace

std::string_view Name(DownReason reason) noexcept {
  switch (reason) {
    case DownReason::kRefused:
      return "its process is gone";
    case DownReason::kSilent:
      return "silent for too long";
    case DownReason::kRestarted:
      return "it was restarted";
    case DownReason::kDropped:
      return "it had given this node up";
    case DownReason::kOutlived:
      return "this node stood still, and it has gone on alone";
    case DownReason::kLagging:
      return "its acknowledgements lag";
    case DownReason::kBroken:
      return "a lane broke the protocol";
    case DownReason::kGoodbye:
      return "it said goodbye";
    case DownReason::kStopping:
      return "this node stops";
  }
  return "unknown";
}

bool IsBehind(Holding holding) noexcept {
  return holding == Holding::kPart || holding == Holding::kWhole;
}

bool Yields(Holding own, Holding other, bool dials) noexcept {
  if (!IsBehind(own)) return false;
  return other > own || (other == own && !dials);
}

Pair::Pair(Options options)
    : options_(std::move(options)),
      paths_(options_.detector.paths),
      detector_(options_.detector),
      epoch_max_(options_.epoch_max),
      random_(options_.seed) {}

void Pair::Start(MonoNs now) {
  alone_since_ = now;
  for (Path& path : paths_) path.act_at = now;
}

void Pair::SetPeer(std::string_view name, std::size_t dialable, MonoNs now) {
  const bool new_name = peer_name_ != name;
  peer_name_ = name;
  dialable_ = std::min(dialable, paths_.size());
  if (!new_name) return;
  for (Path& path : paths_) path.act_at = std::min(path.act_at, now);
}

Pair::State Pair::state() const noexcept {
  if (epoch_) return armed_ ? State::kPaired : State::kArming;
  const bool up = std::any_of(paths_.begin(), paths_.end(),
                              [](const Path& path) { return path.link == Link::kUp; });
  return up ? State::kLinking : State::kAlone;
}

// ----------------------------------------------------------------------------------------------------------
// connections

void Pair::OnPathUp(std::size_t path, const PeerIdentity& peer, MonoNs now) {
  TANDEM_CHECK(path < paths_.size());
  if (stopping_) return Drop(path, now);
  if (peer.incarnation != peer_.incarnation) {
    // Whatever is up leads to a process that is no more.
    for (std::size_t other = 0; other < paths_.size(); ++other) {
      if (other != path && paths_[other].link >= Link::kUp) Drop(other, now);
    }
  }
  if (epoch_ && epoch_->peer_incarnation != peer.incarnation) Leave(DownReason::kRestarted, now);
  peer_ = peer;
  if (paths_[path].link == Link::kConfirmed) detector_.OnPathLost(path);
  paths_[path] = Path{.link = Link::kUp, .act_at = dials() ? now : kNever, .up_since = now};
}

void Pair::OnPathLost(std::size_t path, MonoNs now) {
  Path& state = paths_[path];
  if (state.link == Link::kConfirmed) detector_.OnPathLost(path);
  if (answer_path_ == path) answer_path_.reset();
  state = Path{.act_at = now};
  suspect_ = epoch_ && !detector_.AnyUp();
}

void Pair::OnDialFailed(std::size_t path, bool refused, MonoNs now) {
  Path& state = paths_[path];
  if (state.link != Link::kDialing) return;
  state.refused = refused;
  if (refused) detector_.OnRefused(path);
  Retry(state, now);
}

void Pair::OnProbed(std::size_t path, MonoNs now) {
  Path& state = paths_[path];
  if (state.link != Link::kDialing) return;
  state.refused = false;
  seen_since_doubt_ = true;
  Retry(state, now);
}

void Pair::Retry(Path& path, MonoNs now) {
  path.link = Link::kDown;
  const MonoNs most = suspect_ ? kSuspectRedialMax : kRedialMax;
  const MonoNs wait = std::min(most, kRedialFirst << std::min<std::uint32_t>(path.failures, 10));
  ++path.failures;
  // A quarter of jitter, so that two nodes that fail together don't go on in step.
  path.act_at =
      now + wait - static_cast<MonoNs>(Random() % static_cast<std::uint64_t>(wait / 4 + 1));
}

void Pair::Drop(std::size_t path, MonoNs now) {
  Path& state = paths_[path];
  if (state.link == Link::kConfirmed) detector_.OnPathLost(path);
  if (answer_path_ == path) answer_path_.reset();
  state = Path{.act_at = now + kRedialFirst};
  effects_.push_back(ClosePath{path});
}

void Pair::DropAll(MonoNs now) {
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    if (paths_[path].link >= Link::kUp) Drop(path, now);
  }
}

// ----------------------------------------------------------------------------------------------------------
// negotiation

void Pair::OnProposal(std::size_t path, const PairView& view, MonoNs now) {
  if (paths_[path].link < Link::kUp) return;
  if (dials()) return Drop(path, now);
  epoch_max_ = std::max(epoch_max_, view.epoch_max);
  if (epoch_ && view.epoch == epoch_->epoch) {
    if (!armed_) return Answer(path, PairVerdict::Kind::kLater, kArmingRetryMs);
    Answer(path, PairVerdict::Kind::kResume);
    return Confirm(path, now);
  }
  if (epoch_ && answer_path_) return Answer(path, PairVerdict::Kind::kLater, kArmingRetryMs);
  if (NeedsCare(view.holding) && !Settle(path, view, now)) return;
  if (epoch_) Leave(DownReason::kDropped, now);
  const std::uint32_t hold_ms = std::max(HoldMs(now), std::min(view.hold_ms, kPauseMaxMs));
  if (hold_ms != 0 || stopping_)
    return Answer(path, PairVerdict::Kind::kLater, std::max(hold_ms, kArmingRetryMs));
  Begin(epoch_max_ + 1, now);
  answer_path_ = path;
}

// Whether one of both may have to give up what it holds before an epoch begins.
bool Pair::NeedsCare(Holding other) const noexcept {
  return options_.careful || gives_up_ || IsBehind(holding()) || IsBehind(other);
}

// If it turns out that the partner has left this epoch, it has all that was acknowledged in it.
Holding Pair::holding() const noexcept {
  if (in_doubt() && in_step_) return Holding::kWhole;
  // What it held in the epoch that it has just left, or gives up, must not make the partner give up
  // its own.
  return knows_holding_ && !gives_up_ ? holding_ : Holding::kNothing;
}

// The listener's part of a careful beginning; true if an epoch may begin now.
bool Pair::Settle(std::size_t path, const PairView& view, MonoNs now) {
  const bool both_out = !epoch_ && view.epoch == 0 && knows_holding_;
  if (epoch_) Leave(DownReason::kDropped, now);
  if (both_out && Yields(holding_, view.holding, false)) GiveUp();
  if (both_out && !gives_up_ && !Yields(view.holding, holding_, true)) return true;
  Answer(path, PairVerdict::Kind::kLater, kArmingRetryMs);
  return false;
}

// The dialer's; true if it may go by the verdict.
bool Pair::Settle(Path& path, const PairVerdict& verdict, MonoNs now) {
  const bool over = epoch_ && verdict.epoch != epoch_->epoch;
  if (over) Leave(DownReason::kDropped, now);
  const bool out = !epoch_ && knows_holding_;
  if (!over && out && Yields(holding_, verdict.holding, true)) GiveUp();
  path.act_at = now + kArmingRetryMs * kNanosecondsPerMillisecond;
  return !over && !gives_up_ && (epoch_ || out);
}

void Pair::GiveUp() {
  if (!std::exchange(gives_up_, true)) effects_.push_back(StartAnew{});
}

void Pair::OnVerdict(std::size_t path, const PairVerdict& verdict, MonoNs now) {
  Path& state = paths_[path];
  if (state.link < Link::kUp || !state.proposing) return;
  state.proposing = false;
  if (NeedsCare(verdict.holding) && !Settle(state, verdict, now)) return;
  if (epoch_ && verdict.epoch != epoch_->epoch) Leave(DownReason::kDropped, now);
  switch (verdict.kind) {
    case PairVerdict::Kind::kResume:
      if (epoch_) return Confirm(path, now);
      state.act_at = now;  // this side left meanwhile: propose as it is now
      return;
    case PairVerdict::Kind::kLater:
      state.act_at =
          now + std::clamp(verdict.later_ms, 1u, kPauseMaxMs) * kNanosecondsPerMillisecond;
      return;
    case PairVerdict::Kind::kBegin:
      if (verdict.epoch <= epoch_max_ || HoldMs(now) != 0) return Drop(path, now);
      Begin(verdict.epoch, now);
      return Confirm(path, now);
  }
}

void Pair::Answer(std::size_t path, PairVerdict::Kind kind, std::uint32_t later_ms) {
  effects_.push_back(SendVerdict{
      path, {.kind = kind, .epoch = epoch(), .later_ms = later_ms, .holding = holding()}});
}

void Pair::Confirm(std::size_t path, MonoNs now) {
  if (paths_[path].link == Link::kConfirmed) return;
  paths_[path].link = Link::kConfirmed;
  paths_[path].failures = 0;
  detector_.OnPathUp(path, now);
  suspect_ = false;
}

void Pair::Begin(std::uint64_t epoch, MonoNs now) {
  const bool lower = dials();
  epoch_ = broker::PeerEpoch{
      .epoch = epoch,
      .self = tandem::NodeId(lower ? 0 : 1),
      .peer = tandem::NodeId(lower ? 1 : 0),
      .self_incarnation = options_.incarnation,
      .peer_incarnation = peer_.incarnation,
      .peer_cores = peer_.cores,
      .brakes = peer::Has(peer_.features, peer::Feature::kBrakes),
      .group_spares = peer::Has(peer_.features, peer::Feature::kGroupSpares),
      .merge_reports = peer::Has(peer_.features, peer::Feature::kMergeReports),
      .copy_hashes = peer::Has(peer_.features, peer::Feature::kCopyHashes),
      .routed = peer::Has(peer_.features, peer::Feature::kRouted),
      .placed_publishes = peer::Has(peer_.features, peer::Feature::kPlacedPublishes)};
  epoch_max_ = epoch;
  armed_ = false;
  in_step_ = false;
  detector_.Start(now);
  effects_.push_back(BeginEpoch{
      .epoch = *epoch_, .lane_frames = peer::Has(peer_.features, peer::Feature::kLaneFrames)});
}

void Pair::OnArmed(std::uint64_t epoch, MonoNs now) {
  if (!epoch_ || epoch_->epoch != epoch || armed_) return;
  armed_ = true;
  if (dials()) {
    effects_.push_back(OpenLanes{epoch});
  } else if (answer_path_) {
    const std::size_t path = *std::exchange(answer_path_, std::nullopt);
    Answer(path, PairVerdict::Kind::kBegin);
    Confirm(path, now);
  }
}

// -----------------------------------------------------------------------------------------------------
// the end of an epoch

void Pair::Leave(DownReason reason, MonoNs now) {
  if (!epoch_) return;
  if (reason == DownReason::kDropped && in_doubt() && in_step_) reason = DownReason::kOutlived;
  effects_.push_back(EndEpoch{epoch_->epoch, reason});
  epoch_.reset();
  armed_ = in_step_ = suspect_ = false;
  knows_holding_ = !options_.careful;
  answer_path_.reset();
  alone_since_ = now;
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    if (paths_[path].link != Link::kConfirmed) continue;
    paths_[path].link = Link::kUp;
    paths_[path].up_since = now;
    paths_[path].act_at = dials() ? now : kNever;
    detector_.OnPathLost(path);
  }
  const bool lived = reason == DownReason::kSilent || reason == DownReason::kDropped ||
                     reason == DownReason::kOutlived || reason == DownReason::kLagging ||
                     reason == DownReason::kBroken;
  if (!lived) return;
  if (now - dropped_at_ > kDropsForgottenAfter) drops_ = 0;
  dropped_at_ = now;
  if (drops_ != 0)
    hold_until_ =
        now + std::min(options_.hold_max, options_.hold_first << std::min(drops_ - 1, 10u));
  if (reason == DownReason::kLagging) hold_until_ = now + options_.lag_hold;
  ++drops_;
}

void Pair::OnLagging(std::uint64_t epoch, MonoNs now) {
  if (!epoch_ || epoch_->epoch != epoch) return;
  Leave(DownReason::kLagging, now);
  DropAll(now);
}

void Pair::OnLaneBroken(std::uint64_t epoch, MonoNs now) {
  if (!epoch_ || epoch_->epoch != epoch) return;
  Leave(DownReason::kBroken, now);
  DropAll(now);
}

void Pair::OnGoodbye(MonoNs now) {
  Leave(DownReason::kGoodbye, now);
  DropAll(now);
  for (Path& path : paths_) path.act_at = now + kRedialMax / 4;
}

void Pair::End(MonoNs now) {
  stopping_ = true;
  Leave(DownReason::kStopping, now);
  DropAll(now);
}

// ------------------------------------------------------------------------------------------------------------
// heartbeats

std::uint64_t Pair::OnBeat(std::size_t path, const FailureDetector::Beat& beat, std::uint64_t epoch,
                           MonoNs now) {
  if (paths_[path].link != Link::kConfirmed) return 0;
  if (epoch != this->epoch()) {
    Drop(path, now);  // the partner is elsewhere; the next connection finds out
    return 0;
  }
  const std::uint64_t received = detector_.OnBeat(path, beat);
  detector_.OnEcho(path, beat.received, now);
  return received;
}

std::optional<MonoNs> Pair::OnEcho(std::size_t path, std::uint64_t received, MonoNs now) {
  if (paths_[path].link != Link::kConfirmed) return std::nullopt;
  return detector_.OnEcho(path, received, now);
}

void Pair::OnStoodStill(MonoNs now) {
  stood_still_at_ = std::max(stood_still_at_, now);
  seen_since_doubt_ = false;
  detector_.OnStoodStill(now);
}

void Pair::OnInStep(std::uint64_t epoch, MonoNs now) {
  if (!epoch_ || epoch_->epoch != epoch) return;
  in_step_ = true;
  UpdateReady(now);
}

// ------------------------------------------------------------------------------------------------------------------
// time

void Pair::Tick(MonoNs now) {
  if (epoch_) {
    const FailureDetector::Judgement judgement = detector_.Check(now);
    suspect_ = judgement != FailureDetector::Judgement::kSeen;
    if (judgement >= FailureDetector::Judgement::kRefused) {
      Leave(ReasonOf(judgement), now);
      DropAll(now);
    }
  }
  for (std::size_t path = 0; path < paths_.size(); ++path) TickPath(path, now);
  UpdateReady(now);
}

// A partner that runs, and has not answered since this node stood still, has reset the connections.
DownReason Pair::ReasonOf(FailureDetector::Judgement judgement) const noexcept {
  if (judgement == FailureDetector::Judgement::kRefused) return DownReason::kRefused;
  const bool has_left = in_doubt() && seen_since_doubt_ && !detector_.AnyUp();
  return has_left ? DownReason::kDropped : DownReason::kSilent;
}

void Pair::TickPath(std::size_t path, MonoNs now) {
  Path& state = paths_[path];
  switch (state.link) {
    case Link::kDialing:
      return;
    case Link::kDown:
      if (stopping_ || !Reaches() || path >= dialable_ || now < state.act_at) return;
      state.link = Link::kDialing;
      if (dials()) {
        effects_.push_back(DialPath{path});
      } else {
        effects_.push_back(ProbePath{path});
      }
      return;
    case Link::kUp:
      if (now >= GiveUpAt(state)) return Drop(path, now);
      if (!dials() || state.proposing || now < state.act_at) return;
      if (!MayPropose()) return;
      state.proposing = true;
      state.act_at = now;
      effects_.push_back(SendProposal{path,
                                      {.epoch_max = epoch_max_,
                                       .epoch = epoch(),
                                       .hold_ms = HoldMs(now),
                                       .holding = holding()}});
      return;
    case Link::kConfirmed:
      if (const auto beat = detector_.NextBeat(path, now))
        effects_.push_back(SendBeat{path, *beat});
      return;
  }
}

// One negotiation at a time, or both paths would begin an epoch each; and none before it is clear
// what to say.
bool Pair::MayPropose() const noexcept {
  if (epoch_ ? !armed_ : !knows_holding_ || gives_up_) return false;
  return std::none_of(paths_.begin(), paths_.end(),
                      [](const Path& path) { return path.proposing; });
}

// A connection that is up must come to a verdict: the dialer waits for the answer to its proposal,
// the listener for a proposal, which a hold may delay.
MonoNs Pair::GiveUpAt(const Path& path) const noexcept {
  if (dials()) return path.proposing ? path.act_at + options_.detector.failure_after : kNever;
  return path.up_since + options_.detector.failure_after + options_.lag_hold;
}

// The dialer always wants its connections. The listener only wants to know whether the partner's
// process is there: when it lost sight of it, and when it starts.
bool Pair::Reaches() const noexcept {
  if (!peer_known()) return false;
  if (dials()) return true;
  if (epoch_) return suspect_;
  return !ready_ || (options_.careful ? holding_ == Holding::kNothing : IsBehind(holding_));
}

void Pair::UpdateReady(MonoNs now) {
  if (ready_) return;
  if (epoch_) {
    ready_ = in_step_;
    return;
  }
  if (WaitsForNobody()) ready_ = refused() || now - alone_since_ >= options_.start_grace;
}

// A partner that is there brings this node in step, whatever time that takes.
bool Pair::WaitsForNobody() const noexcept {
  return options_.serve_alone_at_start && !epoch_ &&
         std::none_of(paths_.begin(), paths_.end(),
                      [](const Path& path) { return path.link >= Link::kUp; });
}

bool Pair::refused() const noexcept {
  return peer_known() && dialable_ != 0 &&
         std::all_of(paths_.begin(), paths_.begin() + static_cast<std::ptrdiff_t>(dialable_),
                     [](const Path& path) { return path.refused; });
}

MonoNs Pair::NextDeadline(MonoNs now) const {
  if (!effects_.empty()) return now;
  MonoNs deadline = epoch_ ? detector_.NextDeadline() : kNever;
  if (!ready_ && WaitsForNobody())
    deadline = std::min(deadline, alone_since_ + options_.start_grace);
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    const Path& state = paths_[path];
    const bool dial = state.link == Link::kDown && Reaches() && !stopping_ && path < dialable_;
    const bool propose = state.link == Link::kUp && dials() && MayPropose();
    if (dial || propose) deadline = std::min(deadline, state.act_at);
    if (state.link == Link::kUp) deadline = std::min(deadline, GiveUpAt(state));
  }
  return deadline;
}

std::uint32_t Pair::HoldMs(MonoNs now) const noexcept { return ToMs(hold_until_ - now); }

std::uint64_t Pair::Random() noexcept {
  // splitmix64 (Steele, Lea, Flood 2014).
  random_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace tandem::cluster
