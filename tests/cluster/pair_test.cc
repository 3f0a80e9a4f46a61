// Two Pair machines that talk through a bag of messages: delayed, and lost with the connection they
// were on.
#include "cluster/pair.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "engine/base/check.h"

namespace tandem::cluster {
namespace {

constexpr MonoNs kMs = kNanosecondsPerMillisecond;

// One node: its Pair, and what the effects would have done.
struct Node {
  Node(std::string node_name, std::uint64_t incarnation, std::size_t paths, MonoNs now,
       bool careful = false)
      : name(std::move(node_name)),
        pair({.name = name,
              .incarnation = Incarnation{incarnation},
              .detector = {.paths = paths},
              .seed = incarnation,
              .careful = careful}),
        identity({.name = name, .incarnation = Incarnation{incarnation}}) {
    pair.Start(now);
    pair.SetPeer(name == "alpha" ? "beta" : "alpha", paths, now);
  }
  std::string name;
  Pair pair;
  PeerIdentity identity;
  std::optional<std::uint64_t> epoch;  // begun on the cores, as they know
  bool lanes = false;
  std::optional<MonoNs> armed_at;  // the cores take a moment
  std::vector<std::uint64_t> begun;
  std::vector<DownReason> ended;
};

class PairWorld {
 public:
  explicit PairWorld(std::uint64_t seed, std::size_t paths = 1) : random_(seed), paths_(paths) {
    connections_.resize(paths);
  }

  void Start(const std::string& name) {
    nodes_[name] = std::make_unique<Node>(name, next_incarnation_++, paths_, now, careful);
  }
  void Kill(const std::string& name) {
    for (std::size_t path = 0; path < paths_; ++path) CutPath(path);
    nodes_.erase(name);
  }
  Node& alpha() { return *nodes_.at("alpha"); }
  Node& beta() { return *nodes_.at("beta"); }
  bool alive(const std::string& name) const { return nodes_.contains(name); }

  void CutPath(std::size_t path) {
    if (!connections_[path]) return;
    connections_[path].reset();
    for (auto& [name, node] : nodes_) node->pair.OnPathLost(path, now);
  }

  void Step(MonoNs by = kMs) {
    now += by;
    Deliver();
    for (auto& [name, node] : nodes_) {
      node->pair.Tick(now);
      if (node->armed_at && now >= *node->armed_at) {
        node->armed_at.reset();
        node->pair.OnArmed(*node->epoch, now);
      }
      if (node->epoch && node->lanes && node->pair.armed()) node->pair.OnInStep(*node->epoch, now);
    }
    // Effects may answer each other's; names in order, so that a seed repeats itself.
    for (auto& [name, node] : nodes_) {
      while (node->pair.HasEffects()) {
        for (const PairEffect& effect : node->pair.TakeEffects()) {
          std::visit([&](const auto& each) { Apply(*node, each); }, effect);
        }
        node->pair.SetHolding(holding(*node));
      }
    }
    Check();
  }
  bool RunUntil(const std::function<bool()>& done, int milliseconds = 5000) {
    for (int i = 0; i < milliseconds && !done(); ++i) Step();
    return done();
  }
  bool BothPaired() {
    return alive("alpha") && alive("beta") && alpha().pair.state() == Pair::State::kPaired &&
           beta().pair.state() == Pair::State::kPaired && alpha().epoch == beta().epoch;
  }

  MonoNs now = 1'000 * kMs;
  bool careful = false;
  // What a node holds once the effects of a step are carried out.
  std::function<Holding(const Node&)> holding = [](const Node&) { return Holding::kNothing; };
  std::set<std::string> gave_up;  // who was told to start anew
  bool silent = false;            // nothing gets through, and nobody is told
  int delay_max_ms = 3;
  std::set<std::size_t> closed_paths;  // dialing them yields nothing
  std::mt19937_64& random() { return random_; }

 private:
  struct Message {
    MonoNs due;
    std::uint64_t connection;
    std::string to;
    std::function<void(Node&)> deliver;
  };

  Node* PeerOf(const Node& node) {
    const auto it = nodes_.find(node.name == "alpha" ? "beta" : "alpha");
    return it == nodes_.end() ? nullptr : it->second.get();
  }
  void Send(const Node& from, std::size_t path, std::function<void(Node&)> deliver) {
    if (!connections_[path]) return;
    // Streams keep their order.
    MonoNs due =
        now + static_cast<MonoNs>(random_() % static_cast<unsigned>(delay_max_ms + 1)) * kMs;
    MonoNs& last = last_due_[{*connections_[path], from.name}];
    last = due = std::max(due, last);
    messages_.push_back(
        {due, *connections_[path], from.name == "alpha" ? "beta" : "alpha", std::move(deliver)});
  }
  void Deliver() {
    if (silent) return;
    std::stable_sort(messages_.begin(), messages_.end(),
                     [](const Message& a, const Message& b) { return a.due < b.due; });
    while (!messages_.empty() && messages_.front().due <= now) {
      const Message message = std::move(messages_.front());
      messages_.pop_front();
      const bool open = std::any_of(connections_.begin(), connections_.end(),
                                    [&](const auto& each) { return each == message.connection; });
      if (open && alive(message.to)) message.deliver(*nodes_.at(message.to));
    }
  }

  void Apply(Node& node, const DialPath& effect) {
    Node* const peer = PeerOf(node);
    if (silent || closed_paths.contains(effect.path))
      return Later(
          node, [=, this](Node& n) { n.pair.OnDialFailed(effect.path, false, now); }, 500);
    if (peer == nullptr)
      return Later(
          node, [=, this](Node& n) { n.pair.OnDialFailed(effect.path, true, now); }, 1);
    CutPath(effect.path);
    connections_[effect.path] = next_connection_++;
    peer->pair.OnPathUp(effect.path, node.identity, now);
    node.pair.OnPathUp(effect.path, peer->identity, now);
  }
  void Apply(Node& node, const ProbePath& effect) {
    const bool refused = PeerOf(node) == nullptr;
    if (silent)
      return Later(
          node, [=, this](Node& n) { n.pair.OnDialFailed(effect.path, false, now); }, 500);
    Later(
        node,
        [=, this](Node& n) {
          if (refused) {
            n.pair.OnDialFailed(effect.path, true, now);
          } else {
            n.pair.OnProbed(effect.path, now);
          }
        },
        1);
  }
  void Apply(Node& node, const ClosePath& effect) {
    if (!connections_[effect.path]) return;
    connections_[effect.path].reset();
    if (Node* const peer = PeerOf(node); peer != nullptr && !silent)
      peer->pair.OnPathLost(effect.path, now);
  }
  void Apply(Node& node, const SendProposal& effect) {
    Send(node, effect.path,
         [=, this](Node& to) { to.pair.OnProposal(effect.path, effect.view, now); });
  }
  void Apply(Node& node, const SendVerdict& effect) {
    Send(node, effect.path,
         [=, this](Node& to) { to.pair.OnVerdict(effect.path, effect.verdict, now); });
  }
  void Apply(Node& node, const SendBeat& effect) {
    Send(node, effect.path, [=, this, epoch = node.pair.epoch()](Node& to) {
      const std::uint64_t received = to.pair.OnBeat(effect.path, effect.beat, epoch, now);
      Send(to, effect.path,
           [=, this](Node& back) { back.pair.OnEcho(effect.path, received, now); });
    });
  }
  void Apply(Node& node, const BeginEpoch& effect) {
    ASSERT_FALSE(node.epoch) << node.name << " begins an epoch inside another";
    if (!node.begun.empty()) {
      ASSERT_GT(effect.epoch.epoch, node.begun.back());
    }
    node.epoch = effect.epoch.epoch;
    node.lanes = !node.pair.dials();
    node.begun.push_back(effect.epoch.epoch);
    node.armed_at = now + static_cast<MonoNs>(random_() % 3) * kMs;
  }
  void Apply(Node& node, const StartAnew&) { gave_up.insert(node.name); }
  void Apply(Node& node, const OpenLanes& effect) {
    ASSERT_EQ(node.epoch, effect.epoch);
    node.lanes = true;
    // The listener's cores were all in the epoch before the dialer may open a lane.
    if (Node* const peer = PeerOf(node); peer != nullptr && peer->epoch == node.epoch) {
      ASSERT_TRUE(peer->pair.armed());
    }
  }
  void Apply(Node& node, const EndEpoch& effect) {
    ASSERT_EQ(node.epoch, effect.epoch);
    node.epoch.reset();
    node.armed_at.reset();
    node.ended.push_back(effect.reason);
  }

  void Later(Node& node, std::function<void(Node&)> what, int milliseconds) {
    later_.push_back({now + milliseconds * kMs, node.identity.incarnation, std::move(what)});
  }
  void Check() {
    std::vector<Timer> due;
    for (auto it = later_.begin(); it != later_.end();) {
      if (it->due <= now) {
        due.push_back(std::move(*it));
        it = later_.erase(it);
      } else {
        ++it;
      }
    }
    for (Timer& timer : due) {
      for (auto& [name, node] : nodes_) {
        if (node->identity.incarnation == timer.incarnation) timer.what(*node);
      }
    }
    for (auto& [name, node] : nodes_)
      ASSERT_EQ(node->epoch.value_or(0), node->pair.epoch()) << name;
  }

  struct Timer {
    MonoNs due;
    Incarnation incarnation;
    std::function<void(Node&)> what;
  };
  std::mt19937_64 random_;
  std::size_t paths_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::vector<std::optional<std::uint64_t>> connections_;  // by path
  std::map<std::pair<std::uint64_t, std::string>, MonoNs> last_due_;
  std::deque<Message> messages_;
  std::vector<Timer> later_;
  std::uint64_t next_connection_ = 1;
  std::uint64_t next_incarnation_ = 10;
};

TEST(Pair, TheNodeWithTheLowerNameDials) {
  Node alpha("alpha", 1, 1, 0);
  Node beta("beta", 2, 1, 0);
  EXPECT_TRUE(alpha.pair.dials());
  EXPECT_FALSE(beta.pair.dials());
}

TEST(Pair, BothBeginTheSameEpoch) {
  PairWorld world(1);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }, 100));
  EXPECT_EQ(world.alpha().begun, std::vector<std::uint64_t>{1});
  EXPECT_EQ(world.beta().begun, std::vector<std::uint64_t>{1});
  EXPECT_EQ(world.alpha().pair.peer_epoch()->self, tandem::NodeId{0});
  EXPECT_EQ(world.beta().pair.peer_epoch()->self, tandem::NodeId{1});
}

TEST(Pair, AnEpochIsAboveAllThatEitherNodeHasKnown) {
  Pair alpha({.name = "alpha", .incarnation = Incarnation{1}, .epoch_max = 41});
  alpha.Start(0);
  alpha.SetPeer("beta", 1, 0);
  Pair beta({.name = "beta", .incarnation = Incarnation{2}, .epoch_max = 7});
  beta.Start(0);
  beta.SetPeer("alpha", 1, 0);
  alpha.OnPathUp(0, {.name = "beta", .incarnation = Incarnation{2}}, 0);
  beta.OnPathUp(0, {.name = "alpha", .incarnation = Incarnation{1}}, 0);
  alpha.Tick(0);
  for (const PairEffect& effect : alpha.TakeEffects()) {
    if (const auto* proposal = std::get_if<SendProposal>(&effect))
      beta.OnProposal(0, proposal->view, 0);
  }
  EXPECT_EQ(beta.epoch(), 42u);
}

TEST(Pair, APartnerCannotPutItOffForLong) {
  Pair alpha({.name = "alpha", .incarnation = Incarnation{1}});
  alpha.Start(0);
  alpha.SetPeer("beta", 1, 0);
  alpha.OnPathUp(0, {.name = "beta", .incarnation = Incarnation{2}}, 0);
  alpha.Tick(0);
  alpha.TakeEffects();
  alpha.OnVerdict(0, {.kind = PairVerdict::Kind::kLater, .later_ms = UINT32_MAX}, 0);
  EXPECT_TRUE(alpha.TakeEffects().empty());
  alpha.Tick(60 * kNanosecondsPerSecond);
  const auto proposals = alpha.TakeEffects();
  EXPECT_TRUE(std::any_of(proposals.begin(), proposals.end(), [](const PairEffect& effect) {
    return std::holds_alternative<SendProposal>(effect);
  }));
  Pair beta({.name = "beta", .incarnation = Incarnation{2}});
  beta.Start(0);
  beta.SetPeer("alpha", 1, 0);
  beta.OnPathUp(0, {.name = "alpha", .incarnation = Incarnation{1}}, 0);
  beta.OnProposal(0, {.hold_ms = UINT32_MAX}, 0);
  const auto effects = beta.TakeEffects();
  ASSERT_FALSE(effects.empty());
  const auto* const verdict = std::get_if<SendVerdict>(&effects.back());
  ASSERT_NE(verdict, nullptr);
  EXPECT_EQ(verdict->verdict.kind, PairVerdict::Kind::kLater);
  EXPECT_LE(verdict->verdict.later_ms, 60'000u);
}

TEST(Pair, ALostConnectionIsReplacedWithoutANewEpoch) {
  PairWorld world(2);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  for (int i = 0; i < 10; ++i) {
    world.CutPath(0);
    for (int ms = 0; ms < 30; ++ms) world.Step();
    EXPECT_TRUE(world.alpha().pair.path_up(0));
  }
  EXPECT_EQ(world.alpha().begun.size(), 1u);
  EXPECT_TRUE(world.alpha().ended.empty() && world.beta().ended.empty());
}

TEST(Pair, AVerdictThatIsLostWithItsConnectionLeavesNobodyBehind) {
  PairWorld world(3);
  world.delay_max_ms = 0;
  world.Start("alpha");
  world.Start("beta");
  // The listener begins; before its answer arrives the connection breaks.
  ASSERT_TRUE(world.RunUntil([&] { return !world.beta().begun.empty(); }));
  world.CutPath(0);
  EXPECT_TRUE(world.alpha().begun.empty());
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  EXPECT_EQ(world.beta().ended, std::vector<DownReason>{DownReason::kDropped});
  EXPECT_EQ(world.alpha().begun, std::vector<std::uint64_t>{2});
}

TEST(Pair, ARefusalAfterAResetEndsTheEpochAtOnce) {
  for (const std::string dead : {"alpha", "beta"}) {
    PairWorld world(4);
    world.Start("alpha");
    world.Start("beta");
    ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
    world.Kill(dead);
    Node& survivor = dead == "alpha" ? world.beta() : world.alpha();
    ASSERT_TRUE(world.RunUntil([&] { return !survivor.epoch; }, 20));
    EXPECT_EQ(survivor.ended, std::vector<DownReason>{DownReason::kRefused});
  }
}

TEST(Pair, NoRedialRefusedOnOnlyOneOfTwoPathsEndsAnything) {
  PairWorld world(5, 2);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired() && world.alpha().pair.path_up(1); }));
  world.closed_paths.insert(0);
  world.CutPath(0);
  for (int ms = 0; ms < 3000; ++ms) world.Step();
  EXPECT_TRUE(world.alpha().ended.empty() && world.beta().ended.empty());
}

TEST(Pair, LaggingHoldsTheNextEpochBack) {
  PairWorld world(6);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  world.alpha().pair.OnLagging(1, world.now);
  ASSERT_TRUE(world.RunUntil([&] { return !world.alpha().epoch && !world.beta().epoch; }, 100));
  EXPECT_EQ(world.beta().ended, std::vector<DownReason>{DownReason::kDropped});
  for (int ms = 0; ms < 9'000; ++ms) world.Step();
  EXPECT_FALSE(world.alpha().epoch);
  EXPECT_TRUE(world.RunUntil([&] { return world.BothPaired(); }, 2'500));
}

TEST(Pair, OldNewsFromACoreIsIgnored) {
  PairWorld world(7);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  world.alpha().pair.OnLagging(99, world.now);
  world.alpha().pair.OnLaneBroken(99, world.now);
  world.alpha().pair.OnArmed(99, world.now);
  EXPECT_TRUE(world.alpha().ended.empty());
  EXPECT_EQ(world.alpha().pair.state(), Pair::State::kPaired);
}

TEST(Pair, GoodbyeIsNoFailure) {
  PairWorld world(8);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  world.beta().pair.OnGoodbye(world.now);
  world.Step();
  EXPECT_EQ(world.beta().ended, std::vector<DownReason>{DownReason::kGoodbye});
}

TEST(Pair, WhoHoldsLessGivesItUp) {
  using H = Holding;
  EXPECT_TRUE(Yields(H::kWhole, H::kServed, true));
  EXPECT_TRUE(Yields(H::kPart, H::kWhole, true));
  EXPECT_TRUE(Yields(H::kPart, H::kServed, true));
  for (const H holding : {H::kPart, H::kWhole}) {
    EXPECT_TRUE(Yields(holding, holding, false)) << "one of two has to";
    EXPECT_FALSE(Yields(holding, holding, true)) << "and only one";
    EXPECT_FALSE(Yields(holding, H::kNothing, false)) << "what is here is all there is";
  }
  for (const H other : {H::kNothing, H::kPart, H::kWhole, H::kServed}) {
    EXPECT_FALSE(Yields(H::kNothing, other, false)) << "there is nothing to give up";
    EXPECT_FALSE(Yields(H::kServed, other, false)) << "its clients rely on it";
  }
}

TEST(Pair, NoEpochBeginsBeforeWhoMustHasStartedAnew) {
  for (int round = 0; round < 4; ++round) {
    const std::string loser = round % 2 == 0 ? "alpha" : "beta";
    PairWorld world(3);
    world.careful = round < 2;  // else because one of them stood still
    world.Start("alpha");
    world.Start("beta");
    ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
    world.silent = true;
    for (int i = 0; i < 3'000; ++i) world.Step();
    ASSERT_FALSE(world.alpha().epoch || world.beta().epoch);
    Node& stays = loser == "alpha" ? world.beta() : world.alpha();
    world.holding = [&](const Node& node) {
      if (node.begun.empty()) return Holding::kNothing;
      return node.name == loser ? Holding::kWhole : Holding::kServed;
    };
    for (Node* node : {&world.alpha(), &world.beta()}) node->pair.SetHolding(world.holding(*node));
    world.silent = false;
    for (int i = 0; i < 3'000; ++i) world.Step();
    EXPECT_EQ(world.gave_up, std::set<std::string>{loser});
    EXPECT_EQ(stays.begun.size(), 1u) << "an epoch began with what is to be given up";
    world.Kill(loser);
    world.Start(loser);
    EXPECT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  }
}

// A node that was in step and leaves holds as much as its partner, not what it held as half of a
// pair: only one of them gives up.
TEST(Pair, OnlyOneOfTwoThatWereInStepStartsAnew) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    PairWorld world(seed, 2);
    world.careful = true;
    world.holding = [](const Node& node) {
      if (node.begun.empty()) return Holding::kNothing;
      return node.epoch ? Holding::kServed : Holding::kWhole;
    };
    world.Start("alpha");
    world.Start("beta");
    ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
    world.RunUntil([&] { return false; }, static_cast<int>(seed % 150));
    Node& first = seed % 2 == 0 ? world.alpha() : world.beta();
    first.pair.OnLaneBroken(*first.epoch, world.now);
    for (int i = 0; i < 500; ++i) world.Step();
    ASSERT_EQ(world.gave_up, std::set<std::string>{"beta"}) << "seed " << seed;
  }
}

// Between giving up and starting anew a node may seem to hold more than before: its claim at the
// witness was under way.
TEST(Pair, WhoGivesUpDoesNotMakeTheOtherGiveUpToo) {
  PairWorld world(11);
  world.careful = true;
  world.holding = [&](const Node& node) {
    if (node.begun.empty()) return Holding::kNothing;
    return world.gave_up.contains(node.name) ? Holding::kServed : Holding::kWhole;
  };
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  world.alpha().pair.OnLaneBroken(*world.alpha().epoch, world.now);
  for (int i = 0; i < 3'000; ++i) world.Step();
  EXPECT_EQ(world.gave_up, std::set<std::string>{"beta"});
}

TEST(Pair, NeverAsksToSleepPastWhatIsDue) {
  // Ticking only when the machine asks for it must lead to the same result.
  PairWorld world(9);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  EXPECT_GT(world.alpha().pair.NextDeadline(world.now), world.now - kMs);
  EXPECT_LE(world.alpha().pair.NextDeadline(world.now), world.now + 100 * kMs);
  world.Kill("beta");
  world.RunUntil([&] { return !world.alpha().epoch; });
  EXPECT_LE(world.alpha().pair.NextDeadline(world.now), world.now + 1000 * kMs) << "redials";
}

TEST(Pair, AStartingNodeThatIsHeldBackByItsPartnerDoesNotSpin) {
  PairWorld world(12);
  world.Start("alpha");
  world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return world.BothPaired(); }));
  world.alpha().pair.OnLagging(*world.alpha().epoch, world.now);
  world.Kill("beta");
  world.Start("beta");
  // Longer than a node waits for one that does not answer; the other one holds it off for longer.
  for (int ms = 0; ms < 4'000; ++ms) {
    world.Step();
    ASSERT_GE(world.beta().pair.NextDeadline(world.now), world.now) << "after " << ms << " ms";
  }
  EXPECT_FALSE(world.beta().pair.ready());
}

class PairOfRandomFaults : public ::testing::TestWithParam<unsigned> {};

// Whatever happens: epochs rise, nobody begins one inside another, the listener's cores are armed
// first, and in the end both are in the same one.
TEST_P(PairOfRandomFaults, AgreesInTheEnd) {
  PairWorld world(GetParam(), 1 + GetParam() % 2);
  world.delay_max_ms = static_cast<int>(GetParam() % 40);
  world.careful = GetParam() % 3 == 0;
  world.Start("alpha");
  world.Start("beta");
  auto& random = world.random();
  for (int i = 0; i < 80; ++i) {
    switch (random() % 10) {
      case 0:
        world.CutPath(random() % (1 + GetParam() % 2));
        break;
      case 1:
        world.silent = true;
        break;
      case 2:
      case 3:
        world.silent = false;
        break;
      case 4:
      case 5: {
        const std::string name = random() % 2 == 0 ? "alpha" : "beta";
        if (random() % 3 == 0) {
          if (world.alive(name)) world.Kill(name);
          if (random() % 2 == 0) world.Start(name);
        } else if (!world.alive(name)) {
          world.Start(name);
        }
        break;
      }
      case 6:
        if (world.alive("alpha") && world.alpha().epoch)
          world.alpha().pair.OnLaneBroken(*world.alpha().epoch, world.now);
        break;
      default:
        break;
    }
    for (std::uint64_t ms = random() % (i % 8 == 0 ? 3000 : 100); ms > 0; --ms) {
      world.Step();
      if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << GetParam();
    }
  }
  world.silent = false;
  for (const std::string name : {"alpha", "beta"}) {
    if (!world.alive(name)) world.Start(name);
  }
  EXPECT_TRUE(world.RunUntil([&] { return world.BothPaired(); }, 15'000)) << "seed " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Seeds, PairOfRandomFaults, ::testing::Range(1u, 101u));

}  // namespace
}  // namespace tandem::cluster
