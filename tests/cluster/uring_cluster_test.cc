// The same two nodes as in cluster_test, but each core a thread with a ring of its own, and TCP
// between them.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include "engine/base/log.h"
#include "tests/cluster/support/uring_core.h"

// The kernel gives a descriptor number back when the ring has closed it, which ThreadSanitizer does
// not see: it takes the next user of the number, on another thread, for a rival.
extern "C" const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() { return "race:tandem::reactor::OwnedFd::~OwnedFd"; }

namespace tandem::cluster::testing {
namespace {

using namespace std::chrono_literals;

// Sends `to_send` records as fast as the backlog allows, checks what comes, acknowledges it.
class BusyBroker final : public broker::ReplicatorEvents {
 public:
  void OnPeerUp(const broker::PeerEpoch& epoch) override {
    EXPECT_FALSE(up_);
    up_ = true;
    last_ = applied_ = 0;
    expected_.clear();
    epochs = epoch.epoch;
    Append(broker::SnapshotEndRecord{});
  }
  void OnPeerDown() override {
    EXPECT_TRUE(up_);
    up_ = false;
    ++downs;
  }
  void OnPeerHeld() override { ADD_FAILURE() << "nothing to decide under \"serve\""; }
  void OnClientsTaken(bool taken) override { EXPECT_TRUE(taken); }
  void OnClientsWait(bool /*wait*/) override {}
  void OnPeerRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) override {
    EXPECT_TRUE(up_);
    EXPECT_EQ(number, ++expected_[stream]);
    if (const auto* const publish = std::get_if<broker::PublishRecord>(&record)) {
      const Bytes payload = publish->message->payload();
      if (publish->message->topic() == "big") {
        big_bytes = payload.size();
        EXPECT_EQ(std::count(payload.begin(), payload.end(), 'p'),
                  static_cast<std::ptrdiff_t>(payload.size()));
        return link->Acknowledge(stream, number);
      }
      EXPECT_EQ(payload.size(), publish->message->id().number % kSizes * 97);
      for (std::size_t i = 0; i < payload.size(); i += 101)
        EXPECT_EQ(payload[i], static_cast<std::uint8_t>(i));
      ++received;
    }
    link->Acknowledge(stream, number);
  }
  void OnPeerApplied(std::uint64_t number) override {
    EXPECT_GT(number, applied_);
    applied_ = number;
    settled = applied_ == last_;
  }
  void Work(const Now&) {
    while (up_ && to_send != 0 && last_ - applied_ < 2000) {
      --to_send;
      const std::uint64_t number = to_send;
      std::string payload(number % kSizes * 97, '\0');
      for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i);
      Append(broker::PublishRecord{
          .message = broker::Message::Create(
              {.topic = "a/b", .payload = AsBytes(payload), .id = {.number = number}})});
    }
  }

  node::PartnerLink* link = nullptr;
  std::atomic<std::uint64_t> to_send{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> big_bytes{0};
  std::atomic<std::uint64_t> epochs{0};
  std::atomic<int> downs{0};
  std::atomic<bool> settled{false};

 private:
  static constexpr std::uint64_t kSizes = 97;

  void Append(broker::PeerRecord record) {
    settled = false;
    link->Append(++last_, std::move(record));
  }

  bool up_ = false;
  std::uint64_t last_ = 0;
  std::uint64_t applied_ = 0;
  std::map<CoreId, std::uint64_t> expected_;
};

using TestNode = UringNode<BusyBroker>;

bool Wait(const std::function<bool()>& done, std::chrono::milliseconds limit = 20s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

ClusterOptions Options(const std::string& name, std::uint16_t port) {
  ClusterOptions options;
  static std::atomic<std::uint64_t> incarnation{1};
  options.identity = {.cluster = "test",
                      .node = name,
                      .incarnation = Incarnation{incarnation++},
                      .secret = "s3cret"};
  options.members = {{"alpha", {{"127.0.0.1", port}}},
                     {"beta", {{"127.0.0.1", static_cast<std::uint16_t>(port + 1)}}}};
  return options;
}

// For nodes that must not count as silent or slow, however long a busy machine keeps them waiting.
ClusterOptions Patient(const std::string& name, std::uint16_t port) {
  ClusterOptions options = Options(name, port);
  options.failure_after = options.max_lag = 120 * kNanosecondsPerSecond;
  return options;
}

// Below the ephemeral ports, different for each test and process.
std::uint16_t FreePort() {
  static std::uint16_t next = static_cast<std::uint16_t>(20'000 + getpid() % 1000 * 10);
  return next = static_cast<std::uint16_t>(next + 2);
}

bool InStep(const TestNode& node) { return node.cluster->status().in_step; }
std::uint64_t Received(const TestNode& node) {
  std::uint64_t sum = 0;
  for (const auto& core : node.cores) sum += core->broker.received;
  return sum;
}

class UringCluster : public ::testing::Test {
 protected:
  UringCluster() { SetLogLevel(LogLevel::kError); }
  const std::uint16_t port_ = FreePort();
};

TEST_F(UringCluster, RecordsCrossBetweenSeveralCoresBothWays) {
  TestNode alpha(Options("alpha", port_), 2);
  TestNode beta(Options("beta", port_), 3);
  ASSERT_TRUE(alpha.Start().ok());
  ASSERT_TRUE(beta.Start().ok());
  ASSERT_TRUE(Wait([&] { return InStep(alpha) && InStep(beta); }));
  constexpr std::uint64_t kEach = 3000;
  for (TestNode* const node : {&alpha, &beta}) {
    for (const auto& core : node->cores) {
      core->broker.to_send = kEach;
      core->Post([] {});
    }
  }
  EXPECT_TRUE(Wait([&] { return Received(beta) == 2 * kEach && Received(alpha) == 3 * kEach; }))
      << Received(alpha) << " " << Received(beta);
  EXPECT_GT(alpha.cluster->status().bytes_gathered_out, alpha.cluster->status().bytes_copied_out);
  alpha.Stop();
  EXPECT_TRUE(Wait([&] { return beta.cores[0]->broker.downs == 1; }));
  beta.Stop();
}

TEST_F(UringCluster, BrokenConnectionsResumeUnderLoad) {
  TestNode alpha(Patient("alpha", port_), 2);
  TestNode beta(Patient("beta", port_), 2);
  ASSERT_TRUE(beta.Start().ok());
  ASSERT_TRUE(alpha.Start().ok());
  ASSERT_TRUE(Wait([&] { return InStep(alpha) && InStep(beta); }));
  constexpr std::uint64_t kEach = 20'000;
  for (const auto& core : alpha.cores) core->broker.to_send = kEach;
  std::uint64_t seen = 0;
  for (int cut = 0; cut < 8; ++cut) {
    for (const auto& core : alpha.cores) core->Call([&] { core->port().CutAll(); });
    const std::uint64_t goal = std::min(seen + 3000, 2 * kEach);
    ASSERT_TRUE(Wait([&] { return Received(beta) >= goal; })) << cut << " " << Received(beta);
    seen = Received(beta);
  }
  EXPECT_TRUE(Wait([&] { return Received(beta) == 2 * kEach; }));
  EXPECT_EQ(alpha.cluster->status().epoch, 1u);
  EXPECT_EQ(beta.cores[0]->broker.downs, 0);
  alpha.Stop();
  beta.Stop();
}

TEST_F(UringCluster, AKilledPartnerIsNoticedWithoutWaitingForItsSilence) {
  auto alpha = std::make_unique<TestNode>(Patient("alpha", port_), 2);
  TestNode beta(Patient("beta", port_), 2);
  ASSERT_TRUE(alpha->Start().ok());
  ASSERT_TRUE(beta.Start().ok());
  ASSERT_TRUE(Wait([&] { return InStep(*alpha) && InStep(beta); }));
  alpha->Kill();
  const auto killed = std::chrono::steady_clock::now();
  ASSERT_TRUE(
      Wait([&] { return beta.cores[0]->broker.downs == 1 && beta.cores[1]->broker.downs == 1; }));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - killed);
  RecordProperty("noticed_after_ms", static_cast<int>(took.count()));
  EXPECT_EQ(beta.cluster->status().last_down, DownReason::kRefused);
  // And back.
  TestNode again(Options("alpha", port_), 1);
  ASSERT_TRUE(again.Start().ok());
  ASSERT_TRUE(Wait([&] { return InStep(again) && InStep(beta); }));
  EXPECT_EQ(again.cores[0]->broker.epochs, 2u);
  again.Stop();
  beta.Stop();
}

TEST_F(UringCluster, LargeMessagesCross) {
  TestNode alpha(Options("alpha", port_), 1);
  TestNode beta(Options("beta", port_), 1);
  ASSERT_TRUE(alpha.Start().ok());
  ASSERT_TRUE(beta.Start().ok());
  ASSERT_TRUE(Wait([&] { return InStep(alpha) && InStep(beta); }));
  // One record larger than the window, the batch, the send and the slab. Its size is no multiple of
  // a word.
  std::string payload(9 * 1024 * 1024 + 3, 'p');
  alpha.cores[0]->Call([&] {
    BusyBroker& broker = alpha.cores[0]->broker;
    broker.link->Append(
        2, broker::PublishRecord{
               .message = broker::Message::Create({.topic = "big", .payload = AsBytes(payload)})});
  });
  EXPECT_TRUE(Wait([&] { return beta.cores[0]->broker.big_bytes == payload.size(); }));
  EXPECT_EQ(alpha.cluster->status().bytes_gathered_out, payload.size());
  alpha.Kill();
  beta.Kill();
}

TEST_F(UringCluster, APortInUseIsAnErrorWithWords) {
  TestNode first(Options("alpha", port_), 1);
  ASSERT_TRUE(first.Start().ok());
  TestNode second(Options("alpha", port_), 1);
  const absl::Status status = second.Start();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("in use"), absl::string_view::npos) << status;
  first.Stop();
}

}  // namespace
}  // namespace tandem::cluster::testing
