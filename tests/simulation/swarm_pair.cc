// What befalls a real pair in a story, and what is asked of it: Swarm's other half.
#include <algorithm>
#include <iterator>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/simulation/swarm.h"

namespace tandem::testing {
namespace {

constexpr MonoNs kMillisecond = kNanosecondsPerMillisecond;
// failure_after and what it takes to look.
constexpr MonoNs kNoticedWithin = 1'250 * kMillisecond;
constexpr MonoNs kDecidedWithin = 2 * kNoticedWithin;

constexpr std::string_view kPolicyNames[kPolicies] = {"serve",    "witness", "prefer:0",
                                                      "prefer:1", "stop",    "refuse"};

}  // namespace

std::string_view Name(Policy policy) { return kPolicyNames[static_cast<std::size_t>(policy)]; }

std::optional<Policy> ParsePolicy(std::string_view name) {
  const auto* const found = std::find(std::begin(kPolicyNames), std::end(kPolicyNames), name);
  if (found == std::end(kPolicyNames)) return std::nullopt;
  return static_cast<Policy>(found - std::begin(kPolicyNames));
}

Policy Swarm::PolicyOf(const SwarmOptions& options) {
  if (!options.real_pair) return Policy::kServe;
  std::mt19937_64 random(options.seed ^ 0x901c7);
  return options.policy ? *options.policy : static_cast<Policy>(random() % kPolicies);
}

std::unique_ptr<ClusterPartners> Swarm::PartnersOf(const SwarmOptions& options, Policy policy) {
  if (!options.real_pair) return nullptr;
  PartnersOptions partners{.seed = options.seed};
  switch (policy) {
    case Policy::kServe:
      break;
    case Policy::kWitness:
      partners.rule = cluster::PartitionRule::kWitness;
      break;
    case Policy::kPreferFirst:
    case Policy::kPreferSecond:
      partners.rule = cluster::PartitionRule::kPrefer;
      partners.preferred = policy == Policy::kPreferFirst ? 0 : 1;
      break;
    case Policy::kStop:
      partners.rule = cluster::PartitionRule::kStop;
      break;
    case Policy::kRefuse:
      partners.refuse_alone = true;
      break;
  }
  return std::make_unique<ClusterPartners>(partners);
}

void Swarm::AddPairActions() {
  AddAction(true, 12, &Swarm::StartDead);
  AddAction(true, 12, &Swarm::PassLongTime);
  AddAction(drawn_.crashes, 3, &Swarm::CrashOneOfPair);
  AddAction(drawn_.partitions, 3, &Swarm::CutLink);
  AddAction(drawn_.one_way, 3, &Swarm::CutOneWay);
  AddAction(drawn_.path_loss, 3, &Swarm::LosePath);
  AddAction(drawn_.partitions || drawn_.one_way || drawn_.path_loss, 5, &Swarm::MendLink);
  AddAction(drawn_.stalls, 4, &Swarm::Stall);
  AddAction(drawn_.witness_down, 4, &Swarm::LoseWitness);
}

// Long enough to be noticed, or for a decision.
void Swarm::PassLongTime() {
  world_.Advance(static_cast<MonoNs>(Below(Chance(40) ? 3'000 : 300)) * kMillisecond);
}

// -------------------------------------------------------------------------------------------------
// faults

// One of two that hold the same, or one that holds nothing that the other one, which serves, has
// not. Where both may serve, one that comes back must see the other.
bool Swarm::MayDie(std::size_t node) const {
  if (!world_.alive(0) || !world_.alive(1)) return false;
  if (BothMayServe() && (parted_ || partners_->cut())) return false;
  return InStep() || (ready(1 - node) && !ready(node) && !world_.frozen(1 - node));
}

void Swarm::CrashOneOfPair() {
  const std::size_t node = Below(2);
  if (crashes_ >= 4 || !MayDie(node)) return;
  ++crashes_;
  const bool silent = drawn_.hosts && Chance(50);
  if (silent) {
    for (std::size_t path = 0; path < ClusterPartners::kPaths; ++path) {
      partners_->Cut(path, 0);
      partners_->Cut(path, 1);
    }
  }
  Trace(absl::StrCat("node ", node, " dies", silent ? " with its host" : ""));
  world_.Crash(node);
  ledger_.OnNodeDied();
}

void Swarm::StartDead() {
  for (std::size_t node = 0; node < 2; ++node) {
    if (world_.alive(node)) continue;
    Trace(absl::StrCat("node ", node, " starts"));
    if (drawn_.hosts) partners_->Mend();
    world_.Start(node);
  }
}

// A node that is told that its partner holds what counts: tandemd stops it and starts it as a new
// one.
void Swarm::StartAnew() {
  for (std::size_t node = 0; node < 2; ++node) {
    if (!world_.alive(node) || world_.frozen(node) || !partners_->StatusOf(node).start_anew)
      continue;
    Trace(absl::StrCat("node ", node, " starts anew"));
    world_.Crash(node);
    ledger_.OnNodeDied();
    world_.Start(node);
  }
}

// Both nodes may go on without each other from now on, at least for a moment. Where both may serve,
// each of them must know what the pair knows.
bool Swarm::MayPart() {
  if (!BothMayServe()) return troubled_ = true;
  if (!InStep()) return false;
  if (!parted_) NoteParted();
  return true;
}

void Swarm::NoteParted() {
  split_ = parted_ = troubled_ = true;
  excuses_ = {.lost = false, .repeated = true, .reordered = true};
  for (Actor& actor : actors_) {
    actor.parted_from = actor.node;
    actor.changed_sides &= drawn_.clocks;
    if (actor.subscribes) ledger_.OnParted(actor.id, actor.node);
  }
}

void Swarm::CutLink() {
  if (!MayPart()) return;
  Trace("the nodes are cut off from each other");
  for (std::size_t path = 0; path < ClusterPartners::kPaths; ++path) {
    partners_->Cut(path, 0);
    partners_->Cut(path, 1);
  }
}

void Swarm::CutOneWay() {
  if (!MayPart()) return;
  const std::size_t from = Below(2);
  Trace(absl::StrCat("nothing of node ", from, " arrives any more"));
  for (std::size_t path = 0; path < ClusterPartners::kPaths; ++path) partners_->Cut(path, from);
}

// Where another one is cut already, the last one goes with it.
void Swarm::LosePath() {
  if (partners_->cut() && !MayPart()) return;
  const std::size_t path = Below(ClusterPartners::kPaths);
  const std::size_t from = Below(2);
  const bool both_ways = Chance(50);
  Trace(absl::StrCat("path ", path, " is cut ", both_ways ? "both ways" : "one way"));
  partners_->Cut(path, from);
  if (both_ways) partners_->Cut(path, 1 - from);
}

void Swarm::MendLink() {
  // The cable of a dead host comes back with it.
  if (!partners_->cut() || !world_.alive(0) || !world_.alive(1)) return;
  Trace("the network is mended");
  partners_->Mend();
}

void Swarm::Stall() {
  for (std::size_t node = 0; node < 2; ++node) {
    if (!world_.frozen(node)) continue;
    Trace(absl::StrCat("node ", node, " goes on"));
    return world_.Freeze(node, false);
  }
  const std::size_t node = Below(2);
  if (!world_.alive(node) || !MayPart()) return;
  Trace(absl::StrCat("node ", node, " stands still"));
  world_.Freeze(node, true);
}

void Swarm::LoseWitness() {
  const std::size_t node = Below(2);
  const bool reached = Chance(50);
  Trace(absl::StrCat("node ", node, reached ? " reaches" : " does not reach", " the witness"));
  partners_->SetWitnessReached(node, reached);
}

// -------------------------------------------------------------------------------------------------
// what must hold

// Where one side of a partition may serve, never two do.
void Swarm::CheckOneServes() {
  if (parted_ && InStep() && !partners_->cut() && !world_.frozen(0) && !world_.frozen(1))
    NoteInStep();
  if (BothMayServe() || !world_.alive(0) || !world_.alive(1)) return;
  const auto serves_alone = [&](std::size_t node) {
    return ready(node) && partners_->AloneSince(node) != kNever;
  };
  if (serves_alone(0) && serves_alone(1)) Violation("both nodes serve alone (O4)");
}

// An acknowledgement of something that was sent when the other node had left the epoch already: it
// can't have reached that one, which serves. It must, where a session is to get it that has a copy.
void Swarm::CheckMayAcknowledge(const Actor& actor, const std::string& payload) {
  const std::size_t other = 1 - actor.node;
  if (BothMayServe() || !world_.alive(other) || !ready(other)) return;
  if (!ledger_.IsOutstanding(payload)) return;
  const MonoNs alone_since = partners_->AloneSince(other);
  const auto sent = sent_at_.find(payload);
  if (alone_since == kNever || sent == sent_at_.end()) return;
  const MonoNs sent_at = world_.NowOf(other).mono_ns - (world_.now() - sent->second);
  if (alone_since < sent_at)
    Violation(absl::StrCat("node ", actor.node, " acknowledges ", payload, " while node ", other,
                           " serves alone (O4)"));
}

// A node that has got nothing confirmed for so long does not believe in its partner any more, also
// if it hears it (O1). An epoch may begin on what was on its way when the network was cut. Of two
// that were in step, one goes on if there is somebody to say which (O4).
void Swarm::CheckNoticed() {
  const bool disturbed = partners_->Connected() || world_.frozen(0) || world_.frozen(1);
  if (disturbed || !world_.alive(0) || !world_.alive(1)) {
    cut_off_ = {};
    return;
  }
  if (cut_off_.since == kNever) cut_off_ = {.since = world_.now(), .in_step = InStep()};
  for (std::size_t node = 0; node < 2; ++node) {
    const std::uint64_t epoch = partners_->StatusOf(node).epoch;
    if (cut_off_.epoch[node] != epoch) {
      cut_off_.epoch[node] = epoch;
      cut_off_.epoch_since[node] = world_.now();
    }
    if (epoch != 0 && world_.now() - cut_off_.epoch_since[node] > kNoticedWithin)
      Violation(absl::StrCat("node ", node, " does not notice that it is cut off (O1)"));
  }
  const bool is_decided = world_.now() - cut_off_.since > kDecidedWithin;
  if (cut_off_.in_step && is_decided && OneMayServe() && !ready(0) && !ready(1))
    Violation("nobody serves (O4)");
}

bool Swarm::OneMayServe() const {
  return policy_ == Policy::kPreferFirst || policy_ == Policy::kPreferSecond ||
         (policy_ == Policy::kWitness && !drawn_.witness_down);
}

void Swarm::HealPair() {
  for (std::size_t node = 0; node < 2; ++node) {
    if (world_.alive(node)) world_.Freeze(node, false);
  }
  partners_->Mend();
  partners_->MendWitness();
  StartDead();
  // What they have not noticed yet they may notice now.
  world_.Advance(kNoticedWithin);
  Poll();
  const auto at_rest = [&] { return InStep() && ready(0) && ready(1); };
  for (int i = 0; i < 120 && !at_rest(); ++i) {
    world_.Advance(500 * kMillisecond);
    Poll();
  }
}

}  // namespace tandem::testing
