// What the pair does when links break, processes die, networks split: each test a story in virtual
// time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/cluster.h"
#include "engine/base/log.h"
#include "tests/cluster/support/world.h"

namespace tandem::cluster::testing {
namespace {

class Failure : public ::testing::Test {
 protected:
  Failure() { SetLogLevel(LogLevel::kError); }

  void StartBoth(std::uint16_t alpha_cores = 1, std::uint16_t beta_cores = 1) {
    alpha = &world.Start("alpha", alpha_cores);
    beta = &world.Start("beta", beta_cores);
    ASSERT_TRUE(WaitInStep());
  }
  // By alpha, which gives its partner half a second.
  void PublishWithoutAnAnswer() {
    ClusterOptions options = world.Options("alpha");
    options.max_lag = 500 * kNanosecondsPerMillisecond;
    alpha = &world.Start(options);
    beta = &world.Start("beta");
    ASSERT_TRUE(WaitInStep());
    beta->cores[0].broker.acknowledge = false;
    Publish(*alpha, 10);
  }
  bool WaitInStep(int milliseconds = 5000) {
    return world.RunUntil(
        [&] { return alpha->cluster->status().in_step && beta->cluster->status().in_step; },
        milliseconds);
  }
  void Publish(WorldNode& node, std::uint64_t count, std::size_t bytes = 100) {
    for (WorldCore& core : node.cores) {
      for (std::uint64_t i = 0; i < count; ++i) {
        core.broker.Append(broker::PublishRecord{
            .message = MakeMessage("t", std::string(bytes, 'x'), ++published_)});
      }
    }
  }
  static bool AllApplied(const WorldNode& node) {
    return std::all_of(node.cores.begin(), node.cores.end(), [](const WorldCore& core) {
      return core.broker.applied == core.broker.last_number;
    });
  }
  bool InStepAndApplied() const {
    return alpha->cluster->status().in_step && beta->cluster->status().in_step &&
           AllApplied(*alpha) && AllApplied(*beta) &&
           alpha->cluster->status().epoch == beta->cluster->status().epoch;
  }
  void StartAnewWhoeverMust() {
    for (WorldNode** const node : {&alpha, &beta}) {
      if (!(*node)->MustStartAnew()) continue;
      (*node)->Kill();
      *node = &world.Start((*node)->name, static_cast<std::uint16_t>((*node)->cores.size()));
    }
  }
  int MillisecondsUntil(const std::function<bool()>& done) {
    const MonoNs start = world.now.mono_ns;
    EXPECT_TRUE(world.RunUntil(done, 20'000));
    return static_cast<int>((world.now.mono_ns - start) / kNanosecondsPerMillisecond);
  }

  World world;
  WorldNode* alpha = nullptr;
  WorldNode* beta = nullptr;

 private:
  std::uint64_t published_ = 0;
};

TEST_F(Failure, ABrokenLaneResumesInTheSameEpochWithoutLossOrRepetition) {
  StartBoth(2, 3);
  std::size_t cut = 0;
  for (int round = 0; round < 20; ++round) {
    Publish(*alpha, 300, 700);
    Publish(*beta, 300, 700);
    const auto lanes_up = [&] {
      return alpha->cluster->status().lanes_up == alpha->cluster->status().lanes;
    };
    ASSERT_TRUE(world.RunUntil(lanes_up));
    world.Run(round % 4);
    // All lanes and the control connection at once; FakeBroker checks order and numbers of what
    // comes.
    cut += alpha->CutAll();
  }
  EXPECT_GT(cut, 20u);
  ASSERT_TRUE(world.RunUntil([&] { return AllApplied(*alpha) && AllApplied(*beta); }));
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
  EXPECT_EQ(beta->cluster->status().epoch, 1u);
  EXPECT_GT(alpha->cluster->status().records_resent + beta->cluster->status().records_resent, 0u);
  for (const WorldCore& core : beta->cores) EXPECT_EQ(core.broker.downs, 0);
}

// The listener has lost a lane, and the dialer does not know: it sends nothing, or what it sends
// vanishes. Within failure_after it asks, and dials anew.
TEST_F(Failure, ALaneThatTheListenerHasForgottenIsOpenedAnew) {
  StartBoth(2, 2);
  for (WorldNode* const publisher : {beta, alpha}) {
    SCOPED_TRACE(publisher->name);
    world.Run(3000);
    ASSERT_EQ(beta->cores[1].port->ForgetAll(), 1u);
    publisher->cores[1].broker.Append(
        broker::PublishRecord{.message = MakeMessage("t", "behind the loss")});
    EXPECT_LE(MillisecondsUntil([&] { return AllApplied(*alpha) && AllApplied(*beta); }), 1'700);
    EXPECT_EQ(alpha->cluster->status().epoch, 1u);
    EXPECT_EQ(beta->cluster->status().epoch, 1u);
  }
}

// An idle lane is asked after now and then, and stays.
TEST_F(Failure, AnIdleLaneStays) {
  StartBoth(2, 3);
  world.Run(1'000);
  const auto opened = [&] {
    return alpha->cores[0].port->opened() + alpha->cores[1].port->opened();
  };
  const std::uint64_t before = opened();
  world.Run(20'000);
  EXPECT_EQ(opened(), before);
  EXPECT_EQ(alpha->cluster->status().lanes_up, 3u);
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
}

TEST_F(Failure, AKilledPartnerIsNoticedAtOnceByTheListener) {
  StartBoth(2, 2);
  alpha->Kill();
  EXPECT_LE(MillisecondsUntil([&] { return beta->down(); }), 20);
  EXPECT_EQ(beta->cluster->status().last_down, DownReason::kRefused);
  EXPECT_TRUE(beta->cluster->status().ready);
}

TEST_F(Failure, AKilledPartnerIsNoticedAtOnceByTheDialer) {
  StartBoth(2, 2);
  beta->Kill();
  EXPECT_LE(MillisecondsUntil([&] { return alpha->down(); }), 20);
  EXPECT_EQ(alpha->cluster->status().last_down, DownReason::kRefused);
}

TEST_F(Failure, ASilentPartnerIsGoneAfterFailureAfter) {
  StartBoth();
  world.Partition();
  const int alpha_ms = MillisecondsUntil([&] { return alpha->down(); });
  const int beta_ms = MillisecondsUntil([&] { return beta->down(); });
  EXPECT_GE(alpha_ms, 850);
  EXPECT_LE(alpha_ms, 1150);
  EXPECT_LE(beta_ms, 250) << "both decide at about the same time";
  EXPECT_EQ(alpha->cluster->status().last_down, DownReason::kSilent);
  EXPECT_EQ(alpha->cluster->status().state, Pair::State::kAlone);
}

TEST_F(Failure, AOneWayCutEndsTheEpochOnBothSides) {
  StartBoth();
  world.Partition(false);  // alpha is heard no more, beta still is
  EXPECT_LE(MillisecondsUntil([&] { return alpha->down() && beta->down(); }), 1300);
}

TEST_F(Failure, APartitionThatHealsBeginsANewEpoch) {
  StartBoth();
  world.Partition();
  ASSERT_TRUE(world.RunUntil([&] { return alpha->down() && beta->down(); }));
  world.Run(3000);
  world.Heal();
  ASSERT_TRUE(WaitInStep());
  EXPECT_EQ(alpha->cluster->status().epoch, 2u);
  EXPECT_EQ(beta->cluster->status().epoch, 2u);
  EXPECT_TRUE(alpha->cluster->status().ready && beta->cluster->status().ready);
}

TEST_F(Failure, AShortSilenceChangesNothing) {
  StartBoth();
  Publish(*alpha, 100);
  world.Partition();
  world.Run(700);
  world.Heal();
  ASSERT_TRUE(world.RunUntil([&] { return AllApplied(*alpha); }));
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
  EXPECT_EQ(beta->cores[0].broker.downs, 0);
}

TEST_F(Failure, ARestartedPartnerIsTakenForANewOne) {
  StartBoth();
  const broker::PeerEpoch before = alpha->cores[0].broker.current;
  beta->Kill();
  beta = &world.Start("beta", 2);  // in the same millisecond: nothing was refused
  ASSERT_TRUE(WaitInStep());
  const broker::PeerEpoch& after = alpha->cores[0].broker.current;
  EXPECT_EQ(after.epoch, 2u);
  EXPECT_NE(after.peer_incarnation, before.peer_incarnation);
  EXPECT_EQ(after.peer_cores, 2);
  EXPECT_EQ(alpha->cores[0].broker.downs, 1);
}

TEST_F(Failure, ARestartedDialerIsTakenForANewOne) {
  StartBoth();
  alpha->Kill();
  alpha = &world.Start("alpha");
  ASSERT_TRUE(WaitInStep());
  EXPECT_EQ(beta->cores[0].broker.current.epoch, 2u);
}

TEST_F(Failure, GoodbyeLeavesThePartnerAloneAtOnce) {
  StartBoth(2, 1);
  Publish(*beta, 500);
  beta->Stop(world.now);
  ASSERT_TRUE(world.RunUntil([&] { return beta->stopped(); }, 1000));
  EXPECT_TRUE(alpha->down());
  EXPECT_EQ(alpha->cluster->status().last_down, DownReason::kGoodbye);
  EXPECT_EQ(alpha->cluster->status().failovers, 0u);
  // What it owed has arrived before.
  std::size_t arrived = 0;
  for (const WorldCore& core : alpha->cores) arrived += core.broker.received.size();
  EXPECT_EQ(arrived, 501u);  // and the end of its snapshot
}

TEST_F(Failure, StopWorksAlone) {
  alpha = &world.Start("alpha", 3);
  world.Run(50);
  alpha->Stop(world.now);
  EXPECT_TRUE(world.RunUntil([&] { return alpha->stopped(); }, 1000));
}

TEST_F(Failure, AStoppedNodeCanBeStartedAgain) {
  StartBoth();
  alpha->Stop(world.now);
  ASSERT_TRUE(world.RunUntil([&] { return alpha->stopped(); }));
  alpha = &world.Start("alpha", 2);
  ASSERT_TRUE(WaitInStep());
  EXPECT_EQ(alpha->cluster->status().epoch, 2u);
}

TEST_F(Failure, APartnerThatDoesNotApplyIsDroppedForLagging) {
  ASSERT_NO_FATAL_FAILURE(PublishWithoutAnAnswer());
  const int ms = MillisecondsUntil([&] { return alpha->down(); });
  EXPECT_GE(ms, 490);
  EXPECT_LE(ms, 600);
  EXPECT_EQ(alpha->cluster->status().last_down, DownReason::kLagging);
  // The other side is told at once, and nobody hurries to pair again.
  EXPECT_LE(MillisecondsUntil([&] { return beta->down(); }), 50);
  beta->cores[0].broker.acknowledge = true;
  world.Run(5000);
  EXPECT_TRUE(alpha->down());
  ASSERT_TRUE(WaitInStep(6000));
}

TEST_F(Failure, ANodeThatStoodStillDoesNotBlameItsPartner) {
  ASSERT_NO_FATAL_FAILURE(PublishWithoutAnAnswer());
  world.Run(50);
  alpha->frozen = true;
  world.Run(800);
  alpha->frozen = false;
  world.Run(300);
  EXPECT_FALSE(alpha->down());
  // The time before and after counts.
  EXPECT_LE(MillisecondsUntil([&] { return alpha->down(); }), 250);
  EXPECT_EQ(alpha->cluster->status().last_down, DownReason::kLagging);
}

TEST_F(Failure, ACoreThatSleptForLongIsNotLate) {
  StartBoth(2, 2);
  world.Run(30'000);  // core 1 has nothing to do, and no idea of the time
  alpha->cores[1].broker.Append(broker::PublishRecord{.message = MakeMessage("t", "x")});
  ASSERT_TRUE(world.RunUntil([&] { return AllApplied(*alpha); }, 20));
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
}

TEST_F(Failure, AListenerThatSleptForLongWelcomesItsPartner) {
  beta = &world.Start("beta", 2);
  world.Run(30'000);
  alpha = &world.Start("alpha", 2);
  EXPECT_TRUE(WaitInStep(100));
}

TEST_F(Failure, ABacklogBeyondItsBoundEndsTheEpoch) {
  ClusterOptions options = world.Options("alpha");
  options.backlog_bytes_max = 1024 * 1024;
  alpha = &world.Start(options);
  beta = &world.Start("beta");
  ASSERT_TRUE(WaitInStep());
  beta->cores[0].broker.acknowledge = false;
  Publish(*alpha, 20, 64 * 1024);
  EXPECT_LE(MillisecondsUntil([&] { return alpha->down(); }), 10);
  EXPECT_EQ(alpha->cluster->status().backlog_bytes, 0u);
}

class FailureOfAPath : public Failure {
 protected:
  void StartBothWithTwoPaths() {
    for (const std::string name : {"alpha", "beta"}) {
      ClusterOptions options = world.Options(name);
      options.members = {{"alpha", {{"10.0.0.1", 7883}, {"192.168.0.1", 7883}}},
                         {"beta", {{"10.0.0.2", 7883}, {"192.168.0.2", 7883}}}};
      (name == "alpha" ? alpha : beta) = &world.Start(options);
    }
    ASSERT_TRUE(WaitInStep());
  }
};

TEST_F(FailureOfAPath, LanesComeBackToTheFirstPathWhenItWorks) {
  world.net.blocked_listeners.insert("10.0.0.2:7883");
  StartBothWithTwoPaths();
  MemoryPort& port = *alpha->cores[0].port;
  EXPECT_EQ(port.DialedTo("192.168.0.2:7883"), 2u) << "control and lane";
  world.net.blocked_listeners.clear();
  ASSERT_TRUE(world.RunUntil([&] { return port.DialedTo("10.0.0.2:7883") == 2; }));
  EXPECT_EQ(port.DialedTo("192.168.0.2:7883"), 1u);
  Publish(*alpha, 10);
  ASSERT_TRUE(world.RunUntil([&] { return AllApplied(*alpha); }));
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
}

TEST_F(FailureOfAPath, LosingOneOfTwoChangesNothing) {
  StartBothWithTwoPaths();
  ASSERT_TRUE(world.RunUntil([&] {
    const ClusterStatus status = alpha->cluster->status();
    return status.links[0].up && status.links[1].up;
  }));
  world.net.blocked_listeners.insert("10.0.0.2:7883");
  alpha->CutAll();
  Publish(*alpha, 100);
  Publish(*beta, 100);
  ASSERT_TRUE(world.RunUntil([&] { return AllApplied(*alpha) && AllApplied(*beta); }));
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
  EXPECT_FALSE(alpha->cluster->status().links[0].up);
  EXPECT_TRUE(alpha->cluster->status().links[1].up);
}

TEST_F(Failure, FlappingNeverDisagreesForLongAndUsesFewEpochs) {
  StartBoth();
  const std::uint64_t first = alpha->cluster->status().epoch;
  constexpr int kFlaps = 15;
  for (int flap = 0; flap < kFlaps; ++flap) {
    world.Partition();
    world.Run(1500);
    world.Heal();
    world.Run(1500);
  }
  ASSERT_TRUE(world.RunUntil([&] { return alpha->up() && beta->up(); }, 2200));
  EXPECT_EQ(alpha->cluster->status().epoch, beta->cluster->status().epoch);
  EXPECT_LE(alpha->cluster->status().epoch - first, static_cast<std::uint64_t>(kFlaps) + 1);
}

// ------------------------------------------------------------------------------------------------------
// who may link up

TEST_F(Failure, AWrongSecretIsRefusedAndSaidSo) {
  alpha = &world.Start("alpha");
  ClusterOptions options = world.Options("beta");
  options.identity.secret = "another secret, of the same length";
  beta = &world.Start(options);
  world.Run(3000);
  EXPECT_TRUE(alpha->down() && beta->down());
  EXPECT_THAT(alpha->cluster->status().last_error, ::testing::HasSubstr("secret"));
  EXPECT_GT(alpha->cluster->status().refused, 0u);
}

TEST_F(Failure, AnotherClusterIsRefusedByName) {
  alpha = &world.Start("alpha");
  ClusterOptions options = world.Options("beta");
  options.identity.cluster = "other";
  beta = &world.Start(options);
  world.Run(500);
  EXPECT_TRUE(alpha->down() && beta->down());
  EXPECT_THAT(beta->cluster->status().last_error, ::testing::HasSubstr("\"other\""));
}

TEST_F(Failure, WithoutASecretOnlyLoopbackIsAccepted) {
  ClusterOptions options = world.Options("alpha");
  options.identity.secret.clear();
  alpha = &world.Start(options);
  options = world.Options("beta");
  options.identity.secret.clear();
  beta = &world.Start(options);
  world.Run(500);
  EXPECT_TRUE(alpha->down() && beta->down());
  EXPECT_THAT(alpha->cluster->status().last_error, ::testing::HasSubstr("loopback"));
}

TEST_F(Failure, ThirdNodeIsRefused) {
  StartBoth();
  ClusterOptions options = world.Options("alien");
  options.members = {{"alien", {{"10.0.0.3", 7883}}}, {"beta", {{"10.0.0.2", 7883}}}};
  WorldNode& alien = world.Start(options);
  world.Run(500);
  EXPECT_TRUE(alien.down());
  EXPECT_TRUE(alpha->up() && beta->up());
  EXPECT_THAT(beta->cluster->status().last_error, ::testing::HasSubstr("alien"));
}

TEST_F(Failure, GarbageOnTheClusterPortHarmsNobody) {
  StartBoth();
  struct Stranger final : reactor::StreamHandler {
    void OnConnected(const absl::Status& status) override { connected = status.ok(); }
    void OnReceived(reactor::ReceivedSlice) override {}
    void OnReceivedDirect(std::size_t) override {}
    void OnSent() override {}
    void OnClosed(reactor::CloseReason) override { closed = true; }
    bool connected = false;
    bool closed = false;
  };
  MemoryPort port(world.net, "10.0.0.9");
  for (int round = 0; round < 300; ++round) {
    Stranger stranger;
    std::string bytes(1 + world.net.Random(600), '\0');
    for (char& byte : bytes) byte = static_cast<char>(world.net.Random(256));
    if (round % 3 == 0) bytes = "GET / HTTP/1.1\r\n\r\n";
    // A plausible frame with nonsense inside.
    if (round % 3 == 1) bytes.replace(0, 8, std::string("\0\0\0\0\x04\0\0\0", 8));
    const auto id = port.Connect({.remote = {"10.0.0.2", 7883}}, stranger);
    ASSERT_TRUE(id.ok());
    port.Poll();
    ASSERT_TRUE(stranger.connected);
    const reactor::Fragment fragment{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                     bytes.size()};
    port.Send(*id, {&fragment, 1});
    for (int i = 0; i < 5; ++i) {
      port.Poll();
      world.Step();
    }
    if (!stranger.closed) port.Close(*id, reactor::CloseMode::kReset);
    port.Poll();
  }
  world.Run(1500);
  Publish(*alpha, 100);
  ASSERT_TRUE(world.RunUntil([&] { return AllApplied(*alpha); }));
  EXPECT_EQ(alpha->cluster->status().epoch, 1u);
  EXPECT_EQ(beta->cores[0].broker.downs, 0);
}

TEST_F(Failure, SomebodyWhoSaysNothingIsHungUpOn) {
  StartBoth();
  struct Mute final : reactor::StreamHandler {
    void OnConnected(const absl::Status&) override {}
    void OnReceived(reactor::ReceivedSlice) override {}
    void OnReceivedDirect(std::size_t) override {}
    void OnSent() override {}
    void OnClosed(reactor::CloseReason) override { closed = true; }
    bool closed = false;
  } mute;
  MemoryPort port(world.net, "10.0.0.9");
  ASSERT_TRUE(port.Connect({.remote = {"10.0.0.2", 7883}}, mute).ok());
  EXPECT_TRUE(world.RunUntil(
      [&] {
        port.Poll();
        return mute.closed;
      },
      1200));
}

// -------------------------------------------------------------------------------------------------------------
// readiness

TEST_F(Failure, AStartingNodeIsReadyAloneOnceItsPartnerRefuses) {
  alpha = &world.Start("alpha");
  EXPECT_FALSE(alpha->cluster->status().ready);
  EXPECT_LE(MillisecondsUntil([&] { return alpha->cluster->status().ready; }), 10);
}

TEST_F(Failure, AStartingListenerIsReadyAloneOnceItsPartnerRefuses) {
  beta = &world.Start("beta");
  EXPECT_LE(MillisecondsUntil([&] { return beta->cluster->status().ready; }), 10);
}

TEST_F(Failure, AStartingNodeWaitsOutASilentPartner) {
  world.Partition();
  alpha = &world.Start("alpha");
  EXPECT_NEAR(MillisecondsUntil([&] { return alpha->cluster->status().ready; }),
              static_cast<double>(ClusterOptions().start_grace / kNanosecondsPerMillisecond), 20);
}

TEST_F(Failure, AStartingNodeIsNotReadyBeforeItIsInStep) {
  beta = &world.Start("beta");
  ASSERT_TRUE(world.RunUntil([&] { return beta->cluster->status().ready; }));
  beta->cores[0].broker.snapshot = false;  // it takes its time
  alpha = &world.Start("alpha");
  ASSERT_TRUE(world.RunUntil([&] { return alpha->up(); }));
  world.Run(5000);
  EXPECT_FALSE(alpha->cluster->status().ready);
  beta->cores[0].broker.Append(broker::SnapshotEndRecord{});
  ASSERT_TRUE(WaitInStep());
  EXPECT_TRUE(alpha->cluster->status().ready);
}

TEST_F(Failure, ANodeThatMustNotServeAloneWaitsForItsPartner) {
  ClusterOptions options = world.Options("alpha");
  options.refuse_alone = true;
  alpha = &world.Start(options);
  world.Run(10'000);
  EXPECT_FALSE(alpha->cluster->status().ready);
  beta = &world.Start("beta");
  ASSERT_TRUE(WaitInStep());
  EXPECT_TRUE(alpha->cluster->status().ready);
}

TEST_F(Failure, FiguresAreToldToThePartner) {
  StartBoth();
  EXPECT_TRUE(alpha->cluster->status().peer_figures.empty());
  beta->cluster->SetFigures({1, -2, INT64_MAX});
  const std::vector<std::int64_t> told = {1, -2, INT64_MAX};
  EXPECT_LE(MillisecondsUntil([&] { return alpha->cluster->status().peer_figures == told; }), 210);
}

TEST_F(Failure, DrainingIsToldToThePartner) {
  StartBoth();
  beta->cluster->SetDraining(true);
  EXPECT_LE(MillisecondsUntil([&] { return alpha->cluster->status().peer_draining; }), 210);
}

// -----------------------------------------------------------------------------------------------------------
// a partner that talks nonsense

// A partner whose memory fails: its frames are broken at any place, in calls of the RPC system as
// in the batches and acknowledgements beside it. That may cost what was said, the connection or the
// epoch; but the process lives, and both get in step again.
class BrokenFrames : public Failure, public ::testing::WithParamInterface<int> {};

TEST_P(BrokenFrames, EndTheEpochAtMost) {
  constexpr int kRounds = 400;
  world.net = MemoryNet(static_cast<std::uint64_t>(GetParam()) * 7919 + 1);
  StartBoth(2, 1);
  int flipped = 0;
  for (int round = 0; round < kRounds; ++round) {
    const int before = flipped;
    world.net.tamper = [&](MutableBytes bytes) {
      if (flipped != before || world.net.Random(3) != 0) return;
      bytes[world.net.Random(bytes.size())] ^= static_cast<std::uint8_t>(1u << world.net.Random(8));
      ++flipped;
    };
    for (WorldNode* const node : {alpha, beta}) {
      for (WorldCore& core : node->cores) {
        if (!core.broker.up) continue;
        for (std::uint64_t n = world.net.Random(5); n > 0; --n) {
          core.broker.Append(broker::PublishRecord{
              .message = MakeMessage("t", std::string(world.net.Random(300), 'x'))});
        }
      }
    }
    ASSERT_TRUE(world.RunUntil([&] { return flipped != before; }, 60'000))
        << "round " << round << ": " << alpha->cluster->status().last_error << " / "
        << beta->cluster->status().last_error;
    world.net.tamper = nullptr;
    world.Run(static_cast<int>(world.net.Random(20)));
    StartAnewWhoeverMust();
    if (round % 20 != 19) continue;
    ASSERT_TRUE(world.RunUntil(
        [&] {
          StartAnewWhoeverMust();
          return InStepAndApplied();
        },
        30'000))
        << "round " << round << ": " << alpha->cluster->status().last_error << " / "
        << beta->cluster->status().last_error;
  }
  EXPECT_EQ(flipped, kRounds);
  EXPECT_GT(alpha->cluster->status().epoch, 1u) << "some of it was noticed";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BrokenFrames, ::testing::Range(1, 21));

// -----------------------------------------------------------------------------------------------------------
// random faults

class RandomFaults : public Failure, public ::testing::WithParamInterface<int> {};

// Whatever happens to links, processes and the network: FakeBroker insists on order, once, and
// records within epochs; and when all is quiet both are in step again.
TEST_P(RandomFaults, EndInStep) {
  const int seed = GetParam();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  world.net = MemoryNet(static_cast<std::uint64_t>(seed) * 7919 + 1);
  const auto cores = [&] { return static_cast<std::uint16_t>(1 + world.net.Random(3)); };
  StartBoth(cores(), cores());
  for (int i = 0; i < 60; ++i) {
    switch (world.net.Random(12)) {
      case 0:
        alpha->CutAll();
        break;
      case 1:
        beta->cores[world.net.Random(beta->cores.size())].port->CutAll();
        break;
      case 2:
        world.Partition(world.net.Random(2) == 0);
        break;
      case 3:
      case 4:
        world.Heal();
        break;
      case 5:
        if (world.net.Random(4) == 0) {
          alpha->Kill();
          alpha = &world.Start("alpha", cores());
        }
        break;
      case 6:
        if (world.net.Random(4) == 0) {
          beta->Kill();
          beta = &world.Start("beta", cores());
        }
        break;
      case 7:
        beta->frozen = true;
        break;
      case 8:
        beta->frozen = alpha->frozen = false;
        break;
      case 9:
        alpha->frozen = true;
        break;
      default:
        break;
    }
    for (WorldNode* const node : {alpha, beta}) {
      for (WorldCore& core : node->cores) {
        if (node->frozen || !core.broker.up) continue;
        for (std::uint64_t n = world.net.Random(200); n > 0; --n) {
          core.broker.Append(broker::PublishRecord{
              .message = MakeMessage("t", std::string(world.net.Random(3000), 'x'))});
        }
      }
    }
    world.Run(static_cast<int>(1 + world.net.Random(i % 10 == 0 ? 2000 : 60)));
    StartAnewWhoeverMust();
  }
  world.Heal();
  alpha->frozen = beta->frozen = false;
  ASSERT_TRUE(world.RunUntil(
      [&] {
        StartAnewWhoeverMust();
        return InStepAndApplied();
      },
      15'000))
      << alpha->cluster->status().last_error << " / " << beta->cluster->status().last_error;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaults, ::testing::Range(1, 41));

}  // namespace
}  // namespace tandem::cluster::testing
