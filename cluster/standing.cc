#include "cluster/standing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

// Whether the partner can't be serving: it stopped in order, or its process is no more.
bool IsGone(DownReason reason) noexcept {
  return reason == DownReason::kGoodbye || reason == DownReason::kRefused ||
         reason == DownReason::kRestarted;
}

}  // namespace

Pairing PairingOf(const broker::PeerEpoch& epoch, std::string_view peer) {
  const auto id = [](Incarnation incarnation) { return static_cast<std::uint64_t>(incarnation); };
  const bool lower = epoch.self == tandem::NodeId{0};
  const Incarnation first = lower ? epoch.self_incarnation : epoch.peer_incarnation;
  const Incarnation second = lower ? epoch.peer_incarnation : epoch.self_incarnation;
  return {.epoch = epoch.epoch,
          .id = absl::StrCat(epoch.epoch, "-", absl::Hex(id(first)), "-", absl::Hex(id(second))),
          .peer = std::string(peer),
          .peer_incarnation = epoch.peer_incarnation};
}

std::string_view Name(Standing::State state) noexcept {
  switch (state) {
    case Standing::State::kStarting:
      return "starting";
    case Standing::State::kPaired:
      return "paired";
    case Standing::State::kDeciding:
      return "deciding";
    case Standing::State::kSevered:
      return "severed";
    case Standing::State::kAlone:
      return "alone";
  }
  return "unknown";
}

Standing::Standing(Options options) : options_(std::move(options)) {}

Holding Standing::holding() const noexcept {
  if (held_) return whole_ ? Holding::kWhole : Holding::kPart;
  return whole_ ? Holding::kServed : Holding::kNothing;
}

// ---------------------------------------------------------------------------------------------------
// the pair

// The partner that an epoch begins with holds no more than this node, or this one would start anew
// (Pair). If the cores are in the last epoch still, that partner has not served either.
void Standing::OnEpochBegun(const Pairing& pairing, MonoNs now) {
  if (std::exchange(held_, false)) effects_.push_back(ReleaseEpoch{});
  state_ = State::kPaired;
  pairing_ = pairing;
  based_ = false;
  claim_ = Claim::kNone;
  decide_by_ = kNever;
  outlived_ = false;
  alone_at_ = kNever;
  why_ = takes_clients_ ? "" : "not in step with the partner yet";
  ask_at_ = now;
  LetRead();
}

void Standing::OnInStep() {
  if (state_ != State::kPaired) return;
  whole_ = true;
  why_.clear();
  if (!std::exchange(takes_clients_, true)) effects_.push_back(TakeClients{});
}

void Standing::OnEpochEnded(DownReason reason, MonoNs now) {
  TANDEM_CHECK(state_ == State::kPaired && !held_);
  if (reason == DownReason::kStopping) {
    effects_.push_back(ReleaseEpoch{});
    state_ = State::kAlone;
    return LetRead();
  }
  held_ = true;
  if (options_.refuse_alone) {
    Hold();
    return Sever("there is no partner, and cluster.alone is \"refuse\"");
  }
  options_.rule == PartitionRule::kWitness ? EndWithWitness(reason, now)
                                           : EndWithoutWitness(reason);
}

void Standing::EndWithoutWitness(DownReason reason) {
  const bool preferred =
      options_.rule == PartitionRule::kPrefer && options_.preferred == options_.node && whole_;
  if (options_.rule == PartitionRule::kServe && reason == DownReason::kOutlived) {
    Hold();
    outlived_ = true;
    return Sever("this node stood still, and the partner has gone on without it");
  }
  if (options_.rule == PartitionRule::kServe || IsGone(reason) || preferred) {
    if (whole_) return GoAlone();
    // Like a node that starts: serves once it is clear that nobody is there to ask.
    held_ = false;
    effects_.push_back(ReleaseEpoch{});
    state_ = State::kStarting;
    return LetRead();
  }
  Hold();
  if (options_.rule == PartitionRule::kStop)
    return Sever("the partner is not seen, and cluster.on_partition is \"stop\"");
  Sever(absl::StrCat("the partner is not seen, and cluster.on_partition prefers ",
                     options_.preferred == options_.node ? "this node, which was not in step"
                                                         : options_.preferred));
}

void Standing::EndWithWitness(DownReason reason, MonoNs now) {
  if (!whole_) {
    Hold();
    return Sever("the partner is not seen, and this node was not in step with it");
  }
  // Who says goodbye claims nothing, and nobody else may claim this pairing.
  const bool is_safe = reason == DownReason::kGoodbye && based_;
  if (is_safe || IsPlanted(PlantedBug::kServesUnclaimed)) {
    GoAlone();
  } else {
    Hold();
    state_ = State::kDeciding;
    decide_by_ = now + options_.decide_within;
    why_ = "the partner is not seen: the witness is asked";
  }
  Begin(Claim::kSurvivor, now);
}

void Standing::OnStoodStill() {
  stood_still_ = true;
  const bool is_open = state_ == State::kPaired || state_ == State::kDeciding;
  if (!is_open) LetRead();
}

void Standing::OnDoubtOver() {
  if (state_ == State::kPaired) LetRead();
}

void Standing::LetRead() {
  if (std::exchange(stood_still_, false)) effects_.push_back(ReadClients{});
}

void Standing::OnNobodyThere(bool refused, MonoNs now) {
  if (given_up_) return;
  if (outlived_) {
    alone_at_ = std::min(alone_at_, now + options_.meet_within);
    if (refused || now >= alone_at_) GoAlone();
    return;
  }
  const bool starts =
      state_ == State::kStarting || (state_ == State::kSevered && !held_ && !whole_);
  if (!starts || options_.refuse_alone || claim_ != Claim::kNone) return;
  switch (options_.rule) {
    case PartitionRule::kServe:
      return GoAlone();
    case PartitionRule::kWitness:
      return Begin(Claim::kStart, now);
    case PartitionRule::kPrefer:
    case PartitionRule::kStop:
      if (refused) return GoAlone();
      return Sever("the partner does not answer, and may hold more than this node");
  }
}

// A claim that is at the witness already may be written: it is nobody's then, and the partner,
// which goes by what stands there, is paired with this node's successor.
void Standing::OnGivenUp() {
  given_up_ = true;
  claim_ = Claim::kNone;
  ++generation_;
  Sever("the partner holds what counts, and this node starts anew");
}

void Standing::Hold() {
  if (IsPlanted(PlantedBug::kHeldActsAlone)) return effects_.push_back(ReleaseEpoch{});
  effects_.push_back(HoldEpoch{});
}

void Standing::GoAlone() {
  if (std::exchange(held_, false)) effects_.push_back(ReleaseEpoch{});
  state_ = State::kAlone;
  whole_ = true;
  decide_by_ = alone_at_ = kNever;
  outlived_ = false;
  why_.clear();
  if (!std::exchange(takes_clients_, true)) effects_.push_back(TakeClients{});
  LetRead();
}

void Standing::Sever(std::string why) {
  state_ = State::kSevered;
  decide_by_ = kNever;
  why_ = std::move(why);
  if (std::exchange(takes_clients_, false)) effects_.push_back(SendAway{});
  LetRead();
}

absl::Status Standing::Force(MonoNs now) {
  if (takes_clients_) return absl::FailedPreconditionError("this node serves already");
  if (given_up_) return absl::FailedPreconditionError("this node is about to start anew");
  if (state_ == State::kPaired) {
    return absl::FailedPreconditionError(
        "the partner is here: this node serves as soon as it is in step");
  }
  GoAlone();
  if (options_.rule == PartitionRule::kWitness) Begin(Claim::kForce, now);
  return absl::OkStatus();
}

// ---------------------------------------------------------------------------------------------------
// the witness

void Standing::Begin(Claim claim, MonoNs now) {
  claim_ = claim;
  ++generation_;
  failures_ = 0;
  ask_at_ = now;
}

void Standing::Tick(MonoNs now) {
  if (now >= decide_by_) {
    Count(Decision::kUnreachable);
    Sever("the partner is not seen, and the witness does not answer");
  }
  if (options_.rule != PartitionRule::kWitness) return;
  if (asked_ && now >= answer_by_) OnWitness({.number = asked_->number, .words = "no answer"}, now);
  if (!asked_ && now >= ask_at_) Ask(std::nullopt, 0, now);
}

MonoNs Standing::NextDeadline() const {
  if (!effects_.empty()) return 0;
  if (options_.rule != PartitionRule::kWitness) return std::min(decide_by_, alone_at_);
  return std::min(decide_by_, asked_ ? answer_by_ : ask_at_);
}

void Standing::Ask(std::optional<WitnessRecord> record, std::uint64_t revision, MonoNs now) {
  answer_by_ = now + options_.answer_within;
  asked_ = Asked{.number = ++questions_,
                 .claim = claim_,
                 .generation = generation_,
                 .writes = record.has_value()};
  effects_.push_back(
      WitnessRequest{.number = questions_, .record = std::move(record), .revision = revision});
}

void Standing::OnWitness(const WitnessAnswer& answer, MonoNs now) {
  if (!asked_ || asked_->number != answer.number) return;
  const Asked asked = *std::exchange(asked_, std::nullopt);
  witness_reached_ = answer.result != WitnessAnswer::Result::kUnreachable;
  ask_at_ = std::max(ask_at_, now + options_.look_every);
  if (!*witness_reached_) {
    if (claim_ == Claim::kNone) return;
    const MonoNs wait = options_.retry_first << std::min(failures_++, 10u);
    ask_at_ = now + std::min(wait, options_.retry_max);
    return;
  }
  failures_ = 0;
  if (answer.reading.record) epoch_seen_ = std::max(epoch_seen_, answer.reading.record->epoch);
  if (answer.result == WitnessAnswer::Result::kWritten) {
    // A write that is overtaken by events counts for nothing; what it left is read in time.
    const bool current = asked.generation == generation_ && asked.claim == claim_;
    if (current && claim_ != Claim::kNone) return Won();
    if (claim_ == Claim::kNone) based_ = IsOfBoth(answer.reading.record);
    if (!based_) ask_at_ = now;
    return;
  }
  Consider(answer.reading, now);
}

void Standing::Consider(const WitnessReading& reading, MonoNs now) {
  if (claim_ == Claim::kNone) {
    if (state_ == State::kPaired) BringForward(reading, now);
    return;
  }
  const std::optional<WitnessRecord>& record = reading.record;
  switch (RightTo(record)) {
    case Right::kMine:
      return Won();
    case Right::kLost:
      return Lost(*record);
    case Right::kMay:
      break;
  }
  const std::uint64_t last = std::max(record ? record->epoch : 0, pairing_ ? pairing_->epoch : 0);
  Ask(WitnessRecord{.epoch = last + 1,
                    .node = options_.node,
                    .pairing = pairing_ ? pairing_->id : "",
                    .by = options_.incarnation},
      reading.revision, now);
}

bool Standing::IsOfBoth(const std::optional<WitnessRecord>& record) const {
  return record && pairing_ && record->node.empty() && record->pairing == pairing_->id;
}

// Both nodes do this; who comes second finds it done.
void Standing::BringForward(const WitnessReading& reading, MonoNs now) {
  const std::optional<WitnessRecord>& record = reading.record;
  based_ = IsOfBoth(record);
  // The partner may have left this pairing, and claimed it, before this node sees that it is over.
  const bool is_claimed = record && record->pairing == pairing_->id;
  if (based_ || is_claimed) return;
  Ask(WitnessRecord{.epoch = std::max(record ? record->epoch + 1 : 0, pairing_->epoch),
                    .node = "",
                    .pairing = pairing_->id,
                    .by = options_.incarnation},
      reading.revision, now);
}

Standing::Right Standing::RightTo(const std::optional<WitnessRecord>& record) const {
  if (!record) return Right::kMay;
  switch (claim_) {
    case Claim::kSurvivor:
      return RightOfSurvivor(*record);
    case Claim::kStart:
      break;
    case Claim::kForce:
    case Claim::kNone:
      return record->by == options_.incarnation && record->node == options_.node ? Right::kMine
                                                                                 : Right::kMay;
  }
  const bool mine = record->by == options_.incarnation && record->node == options_.node;
  return mine ? Right::kMine : Right::kLost;
}

// The class comment has the reasons.
Standing::Right Standing::RightOfSurvivor(const WitnessRecord& record) const {
  if (record.pairing == pairing_->id) {
    if (record.node.empty()) return Right::kMay;
    return record.node == options_.node ? Right::kMine : Right::kLost;
  }
  if (record.node.empty() || record.node == options_.node) return Right::kMay;
  const bool from_before = record.node == pairing_->peer && record.by == pairing_->peer_incarnation;
  return from_before ? Right::kMay : Right::kLost;
}

void Standing::Won() {
  claim_ = Claim::kNone;
  Count(Decision::kWon);
  if (state_ != State::kAlone) GoAlone();
}

void Standing::Lost(const WitnessRecord& record) {
  std::string holder = absl::StrCat("the witness has given the service to ", record.node);
  if (record.node.empty()) holder = "both nodes served together last";
  if (record.node == options_.node) holder = "this node served alone before it was started anew";
  const bool starts = claim_ == Claim::kStart;
  if (!starts || state_ == State::kStarting) Count(Decision::kLost);
  // A starting node goes on looking: the operator may clear the register.
  if (!starts) claim_ = Claim::kNone;
  Sever(absl::StrCat("the partner is not seen, and ", holder, " (epoch ", record.epoch, ")"));
}

}  // namespace tandem::cluster
