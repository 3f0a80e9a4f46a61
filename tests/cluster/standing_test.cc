// Two Standings over a register: single decisions by hand, then random faults by seed.
#include "cluster/standing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/cluster/support/memory_witness.h"

namespace tandem::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryRegister;
using State = Standing::State;

constexpr MonoNs kMs = kNanosecondsPerMillisecond;
constexpr Incarnation kAlpha{0xa1};
constexpr Incarnation kBeta{0xb1};

// One node and the effects that the coordinator would have carried out.
class Node {
 public:
  explicit Node(Standing::Options options) : standing(std::move(options)) {}

  void Settle(MemoryRegister* where, const std::string& name, MonoNs now) {
    standing.Tick(now);
    while (standing.HasEffects()) {
      for (const StandingEffect& effect : standing.TakeEffects()) {
        std::visit([&](const auto& each) { Apply(each, where, name, now); }, effect);
      }
    }
  }
  // An epoch begins, as the pair tells the cores.
  void Begin(const Pairing& pairing, MonoNs now) {
    standing.OnEpochBegun(pairing, now);
    for (const StandingEffect& effect : standing.TakeEffects())
      std::visit([&](const auto& each) { Apply(each, nullptr, "", now); }, effect);
    EXPECT_FALSE(in_epoch) << "the cores are in the last epoch still";
    in_epoch = true;
  }

  Standing standing;
  bool in_epoch = false;  // as the cores know
  bool held = false;
  bool takes_clients = false;
  std::vector<bool> reads;     // for each ReadClients: whether clients were taken
  bool loses_answers = false;  // what is written is, but the node does not hear it

 private:
  void Apply(const HoldEpoch&, MemoryRegister*, const std::string&, MonoNs) {
    EXPECT_TRUE(in_epoch && !held);
    held = true;
  }
  void Apply(const ReleaseEpoch&, MemoryRegister*, const std::string&, MonoNs) {
    EXPECT_TRUE(in_epoch);
    in_epoch = held = false;
  }
  void Apply(const SendAway&, MemoryRegister*, const std::string&, MonoNs) {
    EXPECT_TRUE(takes_clients);
    takes_clients = false;
  }
  void Apply(const TakeClients&, MemoryRegister*, const std::string&, MonoNs) {
    EXPECT_FALSE(takes_clients || held);
    takes_clients = true;
  }
  void Apply(const ReadClients&, MemoryRegister*, const std::string&, MonoNs) {
    reads.push_back(takes_clients);
  }
  void Apply(const WitnessRequest& request, MemoryRegister* where, const std::string& name,
             MonoNs now) {
    ASSERT_NE(where, nullptr) << "a question without a witness";
    WitnessAnswer answer{.number = request.number};
    if (where->Reachable(name)) answer = where->Serve(request);
    if (loses_answers) answer.result = WitnessAnswer::Result::kUnreachable;
    standing.OnWitness(answer, now);
  }
};

Pairing First() { return {.epoch = 1, .id = "1-a1-b1", .peer = "beta", .peer_incarnation = kBeta}; }

// alpha, paired with beta and in step unless a test says otherwise.
class StandingTest : public ::testing::Test {
 protected:
  Node& Make(PartitionRule rule, bool refuse_alone = false, std::string preferred = "") {
    node_.emplace(Standing::Options{.node = "alpha",
                                    .incarnation = kAlpha,
                                    .rule = rule,
                                    .preferred = std::move(preferred),
                                    .refuse_alone = refuse_alone});
    return *node_;
  }
  Node& Paired(PartitionRule rule, bool refuse_alone = false, std::string preferred = "") {
    Node& node = Make(rule, refuse_alone, std::move(preferred));
    node.Begin(First(), now_);
    node.standing.OnInStep();
    Settle();
    return node;
  }
  void Settle() { node_->Settle(&register_, "alpha", now_); }
  void Lose(DownReason reason) {
    node_->standing.OnEpochEnded(reason, now_);
    Settle();
  }
  void Wait(int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) {
      now_ += kMs;
      if (node_->standing.NextDeadline() <= now_) Settle();
    }
  }
  void Write(WitnessRecord record) {
    register_.now = {.revision = register_.now.revision + 1, .record = std::move(record)};
  }
  State state() const { return node_->standing.state(); }

  MemoryRegister register_;
  MonoNs now_ = 1'000 * kMs;
  std::optional<Node> node_;
};

TEST_F(StandingTest, UnderServeTheCoresHearAtOnceThatThePartnerIsLost) {
  Node& node = Paired(PartitionRule::kServe);
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kAlone);
  EXPECT_FALSE(node.in_epoch);
  EXPECT_TRUE(node.takes_clients);
  EXPECT_EQ(register_.reads + register_.writes, 0u);
}

TEST_F(StandingTest, ClientsOfANodeThatStoodStillAreReadWhenItIsKnownThatThePairGoesOn) {
  Node& node = Paired(PartitionRule::kServe);
  node.standing.OnStoodStill();
  Settle();
  EXPECT_THAT(node.reads, IsEmpty());
  node.standing.OnDoubtOver();
  node.standing.OnDoubtOver();
  Settle();
  EXPECT_THAT(node.reads, ElementsAre(true));
  EXPECT_EQ(state(), State::kPaired);
}

TEST_F(StandingTest, WhoHasBeenOutlivedSendsItsClientsAwayUnreadUnderServeToo) {
  Node& node = Paired(PartitionRule::kServe);
  node.standing.OnStoodStill();
  Lose(DownReason::kOutlived);
  EXPECT_THAT(node.reads, ElementsAre(false));
  EXPECT_EQ(state(), State::kSevered);
  EXPECT_TRUE(node.in_epoch && node.held) << "the gate must stay closed";
  EXPECT_EQ(node.standing.holding(), Holding::kWhole);
}

TEST_F(StandingTest, WhoHasBeenOutlivedServesIfNobodyIsThereAnyMore) {
  Node& node = Paired(PartitionRule::kServe);
  node.standing.OnStoodStill();
  Lose(DownReason::kOutlived);
  node.standing.OnNobodyThere(false, now_);
  Wait(2'900);
  node.standing.OnNobodyThere(false, now_);
  EXPECT_EQ(state(), State::kSevered) << "the partner may be about to dial";
  node.standing.OnSomebodyThere();
  Wait(200);
  node.standing.OnNobodyThere(false, now_);
  EXPECT_EQ(state(), State::kSevered) << "it was there a moment ago";
  Wait(3'000);
  node.standing.OnNobodyThere(false, now_);
  Settle();
  EXPECT_EQ(state(), State::kAlone);
  EXPECT_TRUE(node.takes_clients);
}

TEST_F(StandingTest, WhoStoodStillAndFindsADeadPartnerServes) {
  for (const DownReason reason : {DownReason::kRefused, DownReason::kSilent}) {
    Node& node = Paired(PartitionRule::kServe);
    node.standing.OnStoodStill();
    Lose(reason);
    EXPECT_EQ(state(), State::kAlone);
    EXPECT_THAT(node.reads, ElementsAre(true));
  }
}

TEST_F(StandingTest, WhoServesAloneHasNobodyToAskWhenItStoodStill) {
  Node& node = Paired(PartitionRule::kServe);
  Lose(DownReason::kRefused);
  node.standing.OnStoodStill();
  Settle();
  EXPECT_THAT(node.reads, ElementsAre(true));
}

TEST_F(StandingTest, ClientsOfANodeThatStoodStillWaitForTheWitness) {
  Node& node = Paired(PartitionRule::kWitness);
  register_.down = true;
  node.standing.OnStoodStill();
  Lose(DownReason::kOutlived);
  EXPECT_EQ(state(), State::kDeciding);
  node.standing.OnDoubtOver();
  EXPECT_THAT(node.reads, IsEmpty());
  Wait(1'100);
  EXPECT_THAT(node.reads, ElementsAre(false));
}

TEST_F(StandingTest, UnderStopAnUnseenPartnerSendsTheClientsAway) {
  Node& node = Paired(PartitionRule::kStop);
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kSevered);
  EXPECT_TRUE(node.held) << "the commit gate is the fence";
  EXPECT_FALSE(node.takes_clients);
  EXPECT_THAT(node.standing.why(), HasSubstr("\"stop\""));
}

TEST_F(StandingTest, UnderStopTheSurvivorOfADeadPartnerServes) {
  Paired(PartitionRule::kStop);
  Lose(DownReason::kRefused);
  EXPECT_EQ(state(), State::kAlone);
}

TEST_F(StandingTest, ThePreferredNodeGoesOnAndTheOtherDoesNot) {
  Paired(PartitionRule::kPrefer, false, "alpha");
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kAlone);
  Paired(PartitionRule::kPrefer, false, "beta");
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kSevered);
}

TEST_F(StandingTest, APreferredNodeThatWasNotInStepDoesNotGoOn) {
  Make(PartitionRule::kPrefer, false, "alpha").Begin(First(), now_);
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kSevered);
}

TEST_F(StandingTest, WhoRefusesToBeAloneStopsWithItsPartner) {
  for (const DownReason reason :
       {DownReason::kSilent, DownReason::kRefused, DownReason::kGoodbye}) {
    Node& node = Paired(PartitionRule::kServe, true);
    Lose(reason);
    EXPECT_EQ(state(), State::kSevered) << Name(reason);
    EXPECT_FALSE(node.takes_clients);
    node.Begin({.epoch = 2, .id = "2"}, now_);
    EXPECT_FALSE(node.takes_clients) << "before they are in step";
    node.standing.OnInStep();
    Settle();
    EXPECT_TRUE(node.takes_clients);
  }
}

TEST_F(StandingTest, TheRegisterSaysBothWhileTheyArePaired) {
  Paired(PartitionRule::kWitness);
  ASSERT_TRUE(register_.now.record);
  EXPECT_EQ(*register_.now.record, (WitnessRecord{1, "", "1-a1-b1", kAlpha}));
  Wait(3'000);
  EXPECT_EQ(register_.writes, 1u);
  EXPECT_GE(register_.reads, 4u) << "it is looked at, so that its death is noticed";
}

TEST_F(StandingTest, WhoWinsTheRegisterServesAlone) {
  Node& node = Paired(PartitionRule::kWitness);
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kAlone);
  EXPECT_FALSE(node.in_epoch);
  EXPECT_TRUE(node.takes_clients) << "nobody was sent away";
  EXPECT_EQ(*register_.now.record, (WitnessRecord{2, "alpha", "1-a1-b1", kAlpha}));
  EXPECT_EQ(node.standing.decisions(Standing::Decision::kWon), 1u);
}

TEST_F(StandingTest, WhoLosesTheRegisterSendsItsClientsAway) {
  Node& node = Paired(PartitionRule::kWitness);
  Write({2, "beta", "1-a1-b1", kBeta});
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kSevered);
  EXPECT_TRUE(node.held && !node.takes_clients);
  EXPECT_THAT(node.standing.why(), HasSubstr("beta"));
  EXPECT_EQ(node.standing.holding(), Holding::kWhole);
  // Not even when the record is gone: the question was decided.
  register_.now.record.reset();
  Wait(5'000);
  EXPECT_EQ(state(), State::kSevered);
}

TEST_F(StandingTest, AClaimOfThisPairingStandsThoughThisNodeStillSeesThePartner) {
  Paired(PartitionRule::kWitness);
  const WitnessRecord claim{2, "beta", "1-a1-b1", kBeta};
  Write(claim);
  Wait(2'000);
  EXPECT_EQ(register_.now.record, claim);
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kSevered);
}

TEST_F(StandingTest, ClientsWaitForTheWitnessAndAreSentAwayInTime) {
  Node& node = Paired(PartitionRule::kWitness);
  register_.down = true;
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kDeciding);
  Wait(990);
  EXPECT_TRUE(node.held && node.takes_clients);
  Wait(20);
  EXPECT_EQ(state(), State::kSevered);
  EXPECT_FALSE(node.takes_clients);
  register_.down = false;
  Wait(1'100);
  EXPECT_EQ(state(), State::kAlone) << "it goes on asking";
  EXPECT_TRUE(node.takes_clients);
}

TEST_F(StandingTest, AClaimWhoseAnswerWasLostIsFoundAndCounts) {
  Node& node = Paired(PartitionRule::kWitness);
  node.loses_answers = true;
  Lose(DownReason::kSilent);
  Wait(500);
  node.loses_answers = false;
  // Somebody carried the write out after all.
  Write({2, "alpha", "1-a1-b1", kAlpha});
  Wait(1'100);
  EXPECT_EQ(state(), State::kAlone);
}

TEST_F(StandingTest, WhoStartsAnewServesNobodyThoughItsClaimIsWritten) {
  Node& node = Paired(PartitionRule::kWitness);
  node.loses_answers = true;
  Lose(DownReason::kSilent);
  ASSERT_EQ(state(), State::kDeciding);
  node.standing.OnGivenUp();
  node.loses_answers = false;
  Write({2, "alpha", "1-a1-b1", kAlpha});
  Wait(5'000);
  EXPECT_EQ(state(), State::kSevered);
  EXPECT_FALSE(node.takes_clients);
  EXPECT_TRUE(node.held) << "its cores go on alone";
  EXPECT_FALSE(node.standing.Force(now_).ok());
}

TEST_F(StandingTest, AnOlderRecordDoesNotStandInTheWayOfASurvivor) {
  register_.down = true;
  Paired(PartitionRule::kWitness);
  const WitnessRecord older[] = {
      {7, "", "7-0-1", Incarnation{1}},       // a pairing of processes that are no more
      {7, "alpha", "6-0-1", Incarnation{1}},  // this node, in another life
      {7, "beta", "", kBeta},                 // the partner, before they met
  };
  for (const WitnessRecord& record : older) {
    Paired(PartitionRule::kWitness);
    register_.down = false;
    Write(record);
    Lose(DownReason::kSilent);
    EXPECT_EQ(state(), State::kAlone) << record.node;
    EXPECT_EQ(register_.now.record->epoch, 8u);
    register_.down = true;
  }
}

// The register never heard of this pairing, and names a process of the partner that may be older or
// newer than the one that this node knew.
TEST_F(StandingTest, ARecordByAnUnknownProcessOfThePartnerIsYieldedTo) {
  register_.down = true;
  Paired(PartitionRule::kWitness);
  register_.down = false;
  Write({1, "beta", "", Incarnation{0xb2}});
  Lose(DownReason::kSilent);
  EXPECT_EQ(state(), State::kSevered);
}

TEST_F(StandingTest, AfterAGoodbyeServiceGoesOnAndTheClaimFollows) {
  Node& node = Paired(PartitionRule::kWitness);
  register_.down = true;
  Lose(DownReason::kGoodbye);
  EXPECT_EQ(state(), State::kAlone);
  EXPECT_TRUE(node.takes_clients && !node.in_epoch);
  Wait(3'000);
  EXPECT_EQ(state(), State::kAlone);
  register_.down = false;
  Wait(1'100);
  EXPECT_EQ(register_.now.record->node, "alpha");
}

TEST_F(StandingTest, AGoodbyeInAPairingThatTheRegisterDoesNotKnowIsDecidedThere) {
  register_.down = true;
  Paired(PartitionRule::kWitness);
  Lose(DownReason::kGoodbye);
  EXPECT_EQ(state(), State::kDeciding);
}

TEST_F(StandingTest, AStartingNodeServesAloneOnlyIfTheRegisterIsEmpty) {
  Node& first = Make(PartitionRule::kWitness);
  first.standing.OnNobodyThere(true, now_);
  Settle();
  EXPECT_EQ(state(), State::kAlone);
  EXPECT_EQ(*register_.now.record, (WitnessRecord{1, "alpha", "", kAlpha}));

  for (const WitnessRecord& record :
       {WitnessRecord{4, "", "4-0-1", Incarnation{9}}, WitnessRecord{4, "beta", "", kBeta},
        WitnessRecord{4, "alpha", "", Incarnation{9}}}) {
    Node& node = Make(PartitionRule::kWitness);
    Write(record);
    node.standing.OnNobodyThere(true, now_);
    Settle();
    EXPECT_EQ(state(), State::kSevered) << record.node;
    EXPECT_FALSE(node.takes_clients);
    EXPECT_EQ(*register_.now.record, record);
    EXPECT_EQ(node.standing.holding(), Holding::kNothing);
  }
}

TEST_F(StandingTest, WithoutAWitnessAStartingNodeMustKnowThatThePartnerDoesNotRun) {
  for (const PartitionRule rule : {PartitionRule::kStop, PartitionRule::kPrefer}) {
    Node& node = Make(rule, false, "alpha");
    node.standing.OnNobodyThere(false, now_);
    Settle();
    EXPECT_EQ(state(), State::kSevered);
    node.standing.OnNobodyThere(true, now_);
    Settle();
    EXPECT_EQ(state(), State::kAlone);
    EXPECT_TRUE(node.takes_clients);
  }
}

TEST_F(StandingTest, TheOperatorMakesASeveredNodeServe) {
  Node& node = Paired(PartitionRule::kWitness);
  EXPECT_FALSE(node.standing.Force(now_).ok()) << "it serves";
  Write({2, "beta", "1-a1-b1", kBeta});
  Lose(DownReason::kSilent);
  EXPECT_TRUE(node.standing.Force(now_).ok());
  Settle();
  EXPECT_EQ(state(), State::kAlone);
  EXPECT_TRUE(node.takes_clients && !node.in_epoch);
  EXPECT_EQ(*register_.now.record, (WitnessRecord{3, "alpha", "1-a1-b1", kAlpha}));
  EXPECT_EQ(node.standing.holding(), Holding::kServed);
}

TEST_F(StandingTest, AnAlarmComesInTwoSeconds) {
  Node& node = Paired(PartitionRule::kWitness);
  EXPECT_EQ(node.standing.witness_reached(), true);
  register_.down = true;
  Wait(600);
  EXPECT_EQ(node.standing.witness_reached(), false);
  EXPECT_EQ(state(), State::kPaired);
  EXPECT_TRUE(node.takes_clients) << "nobody needs the witness now";
}

TEST_F(StandingTest, APartnerThatHoldsNothingEndsTheQuestion) {
  Node& node = Paired(PartitionRule::kWitness);
  register_.down = true;
  Lose(DownReason::kRestarted);
  EXPECT_EQ(state(), State::kDeciding);
  node.Begin({.epoch = 2, .id = "2-a1-b2", .peer = "beta", .peer_incarnation = Incarnation{0xb2}},
             now_);
  Settle();
  EXPECT_EQ(state(), State::kPaired);
  EXPECT_TRUE(node.takes_clients) << "its clients did not notice";
}

// ------------------------------------------------------------------------------------------------
// random faults

// Two nodes, the way between them, and the register. A node that yields, or is killed, comes back
// as a new process. What was acknowledged is a version: a node alone makes a new one at each step,
// two in step have the same.
class FaultWorld {
 public:
  FaultWorld(std::uint64_t seed, PartitionRule rule) : random_(seed), rule_(rule) {
    register_.down = Chance(2);  // so that pairings begin that it never hears of
    for (const char* const name : {"alpha", "beta"}) Start(name);
  }

  void Step() {
    now_ += kMs;
    Faults();
    for (auto& [name, each] : nodes_) Notice(name, each);
    if (connected_) Meet();
    for (auto& [name, each] : nodes_) {
      if (each.alive) each.node->Settle(&register_, name, now_);
    }
    Check();
    Serve();
  }
  void Heal() {
    faults_ = false;
    connected_ = true;
    register_.down = false;
    register_.cut_from.clear();
    for (auto& [name, each] : nodes_) {
      if (!each.alive) Start(name);
      each.node->loses_answers = false;
    }
  }
  bool BothServe() {
    return std::all_of(nodes_.begin(), nodes_.end(), [](auto& each) {
      return each.second.node->standing.state() == State::kPaired &&
             each.second.node->takes_clients;
    });
  }
  std::uint64_t served_alone() const { return served_alone_; }

 private:
  struct Each {
    std::unique_ptr<Node> node;
    Incarnation incarnation{};
    bool alive = false;
    bool was_alone = false;
    MonoNs started = 0;
    std::optional<MonoNs> notices_at;  // that the epoch is over
    DownReason reason{};
    MonoNs in_step_at = kNever;
    std::uint64_t version = 0;
  };

  bool Chance(unsigned of) { return random_() % of == 0; }
  Each& Other(const std::string& name) { return nodes_[name == "alpha" ? "beta" : "alpha"]; }

  void Start(const std::string& name) {
    const Incarnation incarnation{++incarnations_};
    nodes_[name] = {.node = std::make_unique<Node>(Standing::Options{.node = name,
                                                                     .incarnation = incarnation,
                                                                     .rule = rule_,
                                                                     .preferred = "alpha",
                                                                     .look_every = 10 * kMs}),
                    .incarnation = incarnation,
                    .alive = true,
                    .started = now_};
  }
  void Lose(Each& each, DownReason reason, MonoNs at) {
    if (!each.alive || each.node->standing.state() != State::kPaired || each.notices_at) return;
    each.notices_at = at;
    each.reason = reason;
  }
  void Kill(const std::string& name, bool in_order) {
    Each& each = nodes_[name];
    Each& other = Other(name);
    each.alive = false;
    if (!connected_) return Lose(other, DownReason::kSilent, now_ + 50 * kMs);
    Lose(other, in_order ? DownReason::kGoodbye : DownReason::kRefused,
         now_ + (in_order ? 0 : static_cast<MonoNs>(random_() % 5)) * kMs);
  }

  void Faults() {
    if (!faults_) return;
    if (Chance(150)) connected_ = !connected_;
    if (!connected_) {
      for (auto& [name, each] : nodes_)
        Lose(each, DownReason::kSilent, now_ + static_cast<MonoNs>(20 + random_() % 40) * kMs);
    }
    if (Chance(200)) register_.down = !register_.down;
    for (auto& [name, each] : nodes_) {
      if (Chance(200)) register_.cut_from[name] = !register_.cut_from[name];
      if (Chance(300)) each.node->loses_answers = !each.node->loses_answers;
      if (each.alive && Chance(700)) Kill(name, Chance(2));
      if (!each.alive && Chance(100)) Start(name);
    }
  }

  void Notice(const std::string& name, Each& each) {
    if (!each.alive) return;
    Standing& standing = each.node->standing;
    if (each.notices_at && now_ >= *each.notices_at) {
      each.notices_at.reset();
      each.in_step_at = kNever;
      standing.OnEpochEnded(each.reason, now_);
    }
    Each& other = Other(name);
    if (standing.state() == State::kPaired) {
      if (connected_ && now_ >= each.in_step_at && !other.notices_at) {
        each.in_step_at = kNever;
        each.version = std::max(each.version, other.version);
        standing.OnInStep();
      }
    } else if (now_ - each.started > 30 * kMs && (!connected_ || !other.alive)) {
      standing.OnNobodyThere(connected_ && !other.alive, now_);
    }
  }

  // As Pair does it: both leave, then say what they hold; who has to starts anew.
  void Meet() {
    Each& alpha = nodes_["alpha"];
    Each& beta = nodes_["beta"];
    if (!alpha.alive || !beta.alive) return;
    const bool a_in = alpha.node->standing.state() == State::kPaired;
    const bool b_in = beta.node->standing.state() == State::kPaired;
    if (a_in && b_in && !alpha.notices_at && !beta.notices_at) return;
    Lose(alpha, DownReason::kDropped, now_);
    Lose(beta, DownReason::kDropped, now_);
    if (a_in || b_in) return;
    const Holding a = alpha.node->standing.holding();
    const Holding b = beta.node->standing.holding();
    if (Yields(a, b, true)) return Start("alpha");
    if (Yields(b, a, false)) return Start("beta");
    const std::uint64_t epoch = ++epochs_;
    const std::string id = absl::StrCat(epoch, "-", static_cast<std::uint64_t>(alpha.incarnation),
                                        "-", static_cast<std::uint64_t>(beta.incarnation));
    Begin(alpha, {.epoch = epoch, .id = id, .peer = "beta", .peer_incarnation = beta.incarnation});
    Begin(beta, {.epoch = epoch, .id = id, .peer = "alpha", .peer_incarnation = alpha.incarnation});
  }
  void Begin(Each& each, const Pairing& pairing) {
    each.node->Begin(pairing, now_);
    each.in_step_at = now_ + static_cast<MonoNs>(random_() % 60) * kMs;
  }

  void Serve() {
    for (auto& [name, each] : nodes_) {
      if (!each.alive || each.node->standing.state() != State::kAlone) continue;
      each.version = ++versions_;
      ++served_alone_;
    }
  }

  void Check() {
    int alone = 0;
    for (auto& [name, each] : nodes_) {
      const bool is_alone = each.alive && each.node->standing.state() == State::kAlone;
      alone += is_alone ? 1 : 0;
      if (is_alone && !each.was_alone) {
        const Each& other = Other(name);
        EXPECT_TRUE(!other.alive || other.version <= each.version)
            << name << " serves alone with less than the other node has";
      }
      each.was_alone = is_alone;
    }
    EXPECT_LE(alone, 1) << "both serve alone";
  }

  std::mt19937_64 random_;
  const PartitionRule rule_;
  MemoryRegister register_;
  std::map<std::string, Each> nodes_;
  MonoNs now_ = 1'000 * kMs;
  bool connected_ = true;
  bool faults_ = true;
  std::uint64_t incarnations_ = 0;
  std::uint64_t epochs_ = 0;
  std::uint64_t versions_ = 0;
  std::uint64_t served_alone_ = 0;
};

class StandingFaults : public ::testing::TestWithParam<PartitionRule> {};

TEST_P(StandingFaults, NeverDoBothServeAloneAndBothDoInTheEnd) {
  std::uint64_t served_alone = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    FaultWorld world(seed, GetParam());
    for (int i = 0; i < 3'000 && !HasFailure(); ++i) world.Step();
    world.Heal();
    int left = 3'000;
    while (!world.BothServe() && left-- > 0) world.Step();
    EXPECT_TRUE(world.BothServe());
    served_alone += world.served_alone();
  }
  EXPECT_GT(served_alone, 10'000u) << "the faults left nobody alone";
}

INSTANTIATE_TEST_SUITE_P(Rules, StandingFaults,
                         ::testing::Values(PartitionRule::kWitness, PartitionRule::kPrefer,
                                           PartitionRule::kStop));

}  // namespace
}  // namespace tandem::cluster
