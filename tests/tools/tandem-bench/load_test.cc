#include "tools/tandem-bench/load.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/tools/tandem-bench/tiny_broker.h"

namespace tandem::bench {
namespace {

constexpr MonoNs kStep = 5 * kNanosecondsPerMillisecond;

// A load and a broker whose bytes take one step of time in each direction.
class LoadTest : public ::testing::Test {
 protected:
  LoadTest() {
    options.count = 3;
    options.payload_bytes = 64;
    options.window = 4;
    options.settle_ns = kStep;
    options.warmup_ns = 100 * kNanosecondsPerMillisecond;
    options.duration_ns = 2 * kNanosecondsPerSecond;
  }

  void Start(const char* mode) {
    options.mode = mode;
    load = std::make_unique<Load>(options, FindMode(mode)->plan(options), now);
    for (std::uint32_t i = 0; i < load->size(); ++i) load->OnConnected(i, now);
  }
  void Step() {
    std::vector<std::uint32_t> dirty;
    load->Tick(now);
    load->TakeDirty(dirty);
    for (const std::uint32_t i : dirty) {
      if (!load->client(i).error().empty()) load->OnClosed(i, "", now);
      broker.Receive(i, AsBytes(TakeOutput(load->client(i))));
      if (load->IsLeaving(i)) {
        load->OnClosed(i, "", now);
      } else {
        load->OnWritten(i, now);
      }
    }
    std::vector<std::uint32_t> reopening;
    load->TakeReopening(reopening);
    for (const std::uint32_t i : reopening) {
      load->OnOpening(i, now);
      load->OnConnected(i, now);
    }
    now += kStep;
    for (std::uint32_t i = 0; i < load->size(); ++i) {
      ByteBuffer down = std::move(broker.output(i));
      if (!down.empty()) load->OnReceived(i, down.bytes(), now);
    }
  }
  void RunToTheEnd() {
    for (int i = 0; i < 10'000 && load->phase() != Phase::kDone; ++i) Step();
    ASSERT_EQ(load->phase(), Phase::kDone);
  }

  Options options;
  TinyBroker broker;
  std::unique_ptr<Load> load;
  MonoNs now = kNanosecondsPerSecond;
};

TEST_F(LoadTest, ClosedLoopOfEachQosLosesNothingAndKeepsTheWindow) {
  for (const auto qos :
       {mqtt::QoS::kAtMostOnce, mqtt::QoS::kAtLeastOnce, mqtt::QoS::kExactlyOnce}) {
    options.qos = qos;
    broker = TinyBroker();
    Start("pair");
    RunToTheEnd();
    EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
    EXPECT_EQ(load->Lost(), 0u);
    EXPECT_EQ(load->Flows().delivered, load->published_ever());
    // Messages come back one step later (QoS 2 also completes), so each step sends a window.
    EXPECT_NEAR(load->measured_ns(), 2e9, 1e7);
    const double windows = static_cast<double>(load->measured().received) / (3 * 4);
    const double steps = static_cast<double>(load->measured_ns()) / kStep;
    EXPECT_NEAR(windows, qos == mqtt::QoS::kExactlyOnce ? steps / 2 : steps, 3);
    EXPECT_EQ(load->measured().latency.Quantile(0.5), load->measured().latency.max_ns());
    EXPECT_EQ(load->measured().latency.max_ns(), static_cast<std::uint64_t>(kStep));
  }
}

TEST_F(LoadTest, FanOutCountsEachCopy) {
  Start("fan-out");
  RunToTheEnd();
  EXPECT_EQ(load->Flows().delivered, 3 * load->published_ever());
  EXPECT_EQ(load->Lost(), 0u);
}

TEST_F(LoadTest, FanInTellsThePublishersApart) {
  options.qos = mqtt::QoS::kAtLeastOnce;
  Start("fan-in");
  RunToTheEnd();
  EXPECT_EQ(load->Flows().delivered, load->published_ever());
  EXPECT_EQ(load->Flows().reordered, 0u);
}

TEST_F(LoadTest, MembersOfAGroupShareTheMessages) {
  options.qos = mqtt::QoS::kAtLeastOnce;
  options.members = 4;
  Start("shared");
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  EXPECT_GT(load->published_ever(), 100u);
  EXPECT_EQ(load->Flows().delivered, load->published_ever());
  EXPECT_EQ(load->Flows().reordered, 0u);
  EXPECT_EQ(load->Lost(), 0u);
}

TEST_F(LoadTest, AMessageForTwoMembersIsADuplicateAndOneForNoneIsLost) {
  options.members = 2;
  int number = 0;
  broker.copies = [&](const mqtt::PublishView&) {
    return ++number == 10 ? 0 : number == 20 ? 2 : 1;
  };
  Start("shared");
  RunToTheEnd();
  EXPECT_EQ(load->Lost(), 1u);
  EXPECT_EQ(load->Flows().duplicates, 1u);
}

TEST_F(LoadTest, IdleFiltersAreSubscribedToInSeveralPackets) {
  options.count = 1;
  options.filters = 30'000;
  Start("wildcard");
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  EXPECT_EQ(broker.subscriptions, 30'000u);
  EXPECT_EQ(load->Flows().delivered, 22 * load->published_ever());
  EXPECT_EQ(load->Lost(), 0u);
}

TEST_F(LoadTest, EndsWhenASubscriptionIsRefused) {
  broker.refuses_subscriptions = true;
  Start("fan-out");
  RunToTheEnd();
  EXPECT_EQ(load->errors().clients_lost, 3u);
}

TEST_F(LoadTest, PublishersWithoutSubscribersGoAsFastAsTheyAreWritten) {
  Start("pub");
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  const double steps = static_cast<double>(load->measured_ns()) / kStep;
  EXPECT_NEAR(static_cast<double>(load->measured().published), 3 * 4 * steps, 3 * 4 * 2);
  EXPECT_EQ(load->measured().received, 0u);
}

TEST_F(LoadTest, AcknowledgementsPacePublishersWithoutSubscribers) {
  options.qos = mqtt::QoS::kAtLeastOnce;
  Start("pub");
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  EXPECT_GT(load->measured().acknowledgement.count(), 1'000u);
}

TEST_F(LoadTest, SubscribersTakeWhatOthersPublish) {
  options.topic = "t";
  Start("sub");
  while (load->phase() != Phase::kMeasuring) Step();
  ByteBuffer message;
  mqtt::EncodePublishHead({.version = mqtt::Version::k5, .topic = "t", .payload_bytes = 0},
                          message);
  load->OnReceived(0, message.bytes(), now);
  RunToTheEnd();
  EXPECT_EQ(load->measured().received, 1u);
  EXPECT_EQ(load->measured().latency.count(), 0u);  // it carried no time
  EXPECT_EQ(load->errors().total(), 0u);
}

TEST_F(LoadTest, ClientsThatComeAndGoAreCountedAndTimed) {
  Start("reconnect");
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  const double steps = static_cast<double>(load->measured_ns()) / kStep;
  EXPECT_NEAR(static_cast<double>(load->measured().received), 3 * steps / 2, 3 * 3);
  EXPECT_EQ(load->measured().latency.count(), load->measured().received);
  EXPECT_GE(load->measured().latency.Quantile(0.5), static_cast<std::uint64_t>(kStep));
  EXPECT_GT(broker.disconnects, 100);
}

TEST_F(LoadTest, AClientThatIsRefusedWhenItComesAgainIsLost) {
  Start("reconnect");
  while (load->phase() != Phase::kMeasuring) Step();
  broker.connack = mqtt::ReasonCode::kServerBusy;
  RunToTheEnd();
  EXPECT_EQ(load->errors().clients_lost, 3u);
}

TEST_F(LoadTest, ARateIsSharedAmongThePublishers) {
  options.rate_per_s = 150;
  Start("pair");
  RunToTheEnd();
  EXPECT_NEAR(static_cast<double>(load->measured().published), 300, 6);
}

// A broker that reads nothing must not fill our memory.
TEST_F(LoadTest, OpenLoopBeyondWhatTheConnectionTakesWaits) {
  options.rate_per_s = 1e6;
  options.payload_bytes = 1'000;
  Start("pair");
  while (load->phase() != Phase::kMeasuring) Step();
  for (int i = 0; i < 100; ++i) {
    load->Tick(now);
    now += kStep;
  }
  for (std::uint32_t i = 0; i < load->size(); ++i) {
    EXPECT_LT(load->client(i).output().size(), std::size_t{2} << 20);
  }
}

TEST_F(LoadTest, SaysHowFarItIs) {
  Start("pair");
  EXPECT_EQ(load->Progress(now), "0/6");
  while (load->phase() != Phase::kMeasuring) Step();
  now += kNanosecondsPerSecond;
  EXPECT_EQ(load->Progress(now), "1/2 s");
}

TEST_F(LoadTest, OpenLoopPublishesAsPlannedAndMeasuresFromThePlan) {
  options.interval_ns = 20 * kNanosecondsPerMillisecond;
  Start("pair");
  RunToTheEnd();
  EXPECT_NEAR(static_cast<double>(load->measured().published), 3 * 2e9 / 2e7, 6);
  // The offsets of the three publishers are 0, 6.7 and 13.3 ms: a step of 5 ms later each.
  EXPECT_GE(load->measured().latency.max_ns(), 5'000'000u);
  EXPECT_LE(load->measured().latency.max_ns(), 10'000'000u);
}

TEST_F(LoadTest, OpenLoopMakesAStallVisible) {
  options.interval_ns = 20 * kNanosecondsPerMillisecond;
  Start("pair");
  while (load->phase() != Phase::kMeasuring) Step();
  now += 500 * kNanosecondsPerMillisecond;  // nothing moves
  RunToTheEnd();
  // What was due in that time is sent afterwards, and has waited.
  EXPECT_NEAR(static_cast<double>(load->measured().published), 3 * 2e9 / 2e7, 6);
  EXPECT_GT(load->measured().latency.Quantile(0.9), 100'000'000u);
}

TEST_F(LoadTest, OpenLoopBeyondTheReceiveMaximumWaitsAndGoesOn) {
  options.qos = mqtt::QoS::kAtLeastOnce;
  options.interval_ns = kNanosecondsPerMillisecond;  // five per step
  broker.receive_maximum = 3;
  Start("pair");
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u);
  EXPECT_NEAR(static_cast<double>(load->measured().published), 3 * 3 * 2e9 / kStep, 30);
  EXPECT_EQ(load->Lost(), 0u);
}

TEST_F(LoadTest, CountsLossAndGoesOnWhenTheWindowIsEaten) {
  int number = 0;
  broker.copies = [&](const mqtt::PublishView&) { return ++number % 10 == 0 ? 0 : 1; };
  Start("pair");
  RunToTheEnd();
  EXPECT_GT(load->Lost(), 0u);
  EXPECT_EQ(load->Lost(), load->published_ever() - load->Flows().delivered);
  EXPECT_GT(load->errors().copies_given_up, 0u);
}

TEST_F(LoadTest, CountsDuplicates) {
  broker.copies = [](const mqtt::PublishView&) { return 2; };
  Start("pair");
  RunToTheEnd();
  EXPECT_EQ(load->Flows().duplicates, load->published_ever());
  EXPECT_EQ(load->Lost(), 0u);
}

TEST_F(LoadTest, CountsForeignMessages) {
  Start("pair");
  while (load->phase() != Phase::kMeasuring) Step();
  ByteBuffer message;
  mqtt::EncodePublishHead({.version = mqtt::Version::k5, .topic = "a", .payload_bytes = 0},
                          message);
  load->OnReceived(0, message.bytes(), now);
  EXPECT_EQ(load->errors().foreign_messages, 1u);
}

TEST_F(LoadTest, EndsWhenAClientIsRefused) {
  broker.connack = mqtt::ReasonCode::kNotAuthorized;
  Start("conn");
  RunToTheEnd();
  EXPECT_EQ(load->errors().clients_lost, 3u);
  EXPECT_NE(load->errors().first.find("Not authorized"), std::string::npos);
}

TEST_F(LoadTest, EndsWhenTheBrokerNeverAnswers) {
  options.mode = "conn";
  load = std::make_unique<Load>(options, FindMode("conn")->plan(options), now);
  RunToTheEnd();
  EXPECT_EQ(load->errors().clients_lost, 1u);
  EXPECT_NE(load->errors().first.find("3 clients did not get ready"), std::string::npos);
}

TEST_F(LoadTest, ALostConnectionIsAnErrorUntilTheEnd) {
  Start("pair");
  while (load->phase() != Phase::kMeasuring) Step();
  load->OnClosed(0, "gone", now);
  load->OnClosed(0, "gone again", now);
  RunToTheEnd();
  load->OnClosed(1, "closed after DISCONNECT", now);
  EXPECT_EQ(load->errors().clients_lost, 1u);
  EXPECT_EQ(broker.disconnects, 5);
}

TEST_F(LoadTest, StopEndsItEarly) {
  Start("pair");
  while (load->phase() != Phase::kMeasuring) Step();
  Step();
  load->Stop(now);
  RunToTheEnd();
  EXPECT_LT(load->measured_ns(), 100 * kNanosecondsPerMillisecond);
  EXPECT_EQ(load->Lost(), 0u);
}

TEST_F(LoadTest, KeepsIdleConnectionsAlive) {
  options.keep_alive_s = 1;
  Start("conn");
  RunToTheEnd();
  EXPECT_GE(broker.pings, 6);  // three clients, two seconds, every 0.75 s
}

TEST_F(LoadTest, SubscribersHaveSessionsThatOutliveThemIfAskedTo) {
  options.session_expiry_s = 60;
  Start("pair");
  RunToTheEnd();
  EXPECT_EQ(broker.kept_sessions, 3);  // of three pairs; publishers have none
}

TEST_F(LoadTest, RecentMeasurementsAddUpToAll) {
  Start("pair");
  while (load->phase() != Phase::kMeasuring) Step();
  load->TakeRecent();
  std::uint64_t recent = load->measured().received;
  for (int i = 0; i < 100; ++i) {
    Step();
    recent += load->TakeRecent().received;
  }
  EXPECT_EQ(load->measured().received, recent);
  EXPECT_EQ(load->measured().latency.count(), recent);
}

}  // namespace
}  // namespace tandem::bench
