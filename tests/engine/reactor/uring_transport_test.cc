#include "engine/reactor/uring_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/reactor/monotonic_clock.h"
#include "tests/engine/reactor/transport_contract.h"

namespace tandem::reactor {
namespace {

UringOptions TestOptions() {
  UringOptions options;
  options.queue = 512;
  options.small_buffers = 64;
  options.large_buffers = 4;
  options.sockets.congestion_control = "reno";
  options.linger_timeout_ns = 200 * kNanosecondsPerMillisecond;
  return options;
}

// Kernel TCP over loopback in real time. `Kernel` says which features the ring may use.
template <class Kernel>
class UringWorld {
 public:
  using Transport = UringTransport;

  static std::unique_ptr<UringTransport> Make(UringWorld&) {
    UringOptions options = TestOptions();
    options.allowed = Kernel::Allowed();
    auto transport = UringTransport::Create(options);
    EXPECT_TRUE(transport.ok()) << transport.status();
    return *std::move(transport);
  }
  static Endpoint AnyEndpoint() { return {"127.0.0.1", 0}; }
  void Idle() { std::this_thread::yield(); }
  bool Expired() const { return MonotonicNow() > deadline_; }

 private:
  MonoNs deadline_ = MonotonicNow() + 60 * kNanosecondsPerSecond;
};

struct Linux61 {
  static UringFeatures Allowed() { return UringFeatures::All(); }
};
// As on a kernel of 2022: ring buffers but neither single issuer nor deferred work.
struct Linux519 {
  static UringFeatures Allowed() {
    UringFeatures features = UringFeatures::All();
    features.Set(UringFeature::kSingleIssuer, false);
    features.Set(UringFeature::kMultishotReceive, false);
    return features;
  }
};
struct Linux511 {
  static UringFeatures Allowed() { return {}; }
};

using Worlds = ::testing::Types<UringWorld<Linux61>, UringWorld<Linux519>, UringWorld<Linux511>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Uring, TransportContract, Worlds);

using World = UringWorld<Linux61>;

class UringTransportTest : public TransportContract<World> {};

TEST_F(UringTransportTest, WakeFromAnotherThreadEndsTheSleep) {
  std::atomic<int> woken{0};
  Waker& waker = server.transport->waker();
  std::thread other([&] {
    for (int round = 1; round <= 200; ++round) {
      waker.Wake();
      while (woken.load() < round) std::this_thread::yield();
    }
  });
  const MonoNs far = MonotonicNow() + 60 * kNanosecondsPerSecond;
  for (int round = 1; round <= 200; ++round) {
    server.transport->Wait(MonotonicNow(), far);
    server.transport->Poll(MonotonicNow(), server);
    // Also a wake-up that came before the sleep has ended it, and none is left over for the next.
    woken.store(round);
  }
  other.join();
  EXPECT_LT(MonotonicNow(), far);
}

TEST_F(UringTransportTest, SendThatNobodyWaitsForEndsNoSleep) {
  Listen();
  const auto [here, there] = Join();
  Settle();
  ASSERT_TRUE(client.transport->features().Has(UringFeature::kQuietSend));
  for (const SentNotice notice : {SentNotice::kLater, SentNotice::kSoon}) {
    const std::uint64_t before = client.transport->counters().completions;
    const int sent = client.Of(here).sent;
    client.Send(here, "x", notice);
    client.transport->Wait(MonotonicNow(), MonotonicNow() + kNanosecondsPerMillisecond);
    client.transport->Poll(MonotonicNow(), client);
    EXPECT_EQ(client.Of(here).sent, sent + 1);
    EXPECT_EQ(client.transport->counters().completions - before,
              notice == SentNotice::kSoon ? 1u : 0u);
  }
  Until([&] { return server.Of(there).received == "xx"; }, "both");
}

// Two rings on two threads that wake each other in turns; a missed wake-up would last a minute.
template <class Kernel>
std::uint64_t WakeEachOther() {
  using AnyWorld = UringWorld<Kernel>;
  constexpr int kRounds = 500;
  AnyWorld world;
  Party<AnyWorld> mine(world);
  Waker& my_waker = mine.transport->waker();
  std::atomic<Waker*> other_waker{nullptr};
  std::atomic<int> turn{0};  // even: ours, odd: the other's
  std::atomic<bool> may_die{false};
  const MonoNs far = MonotonicNow() + 60 * kNanosecondsPerSecond;
  std::thread other([&] {
    AnyWorld other_world;
    Party<AnyWorld> party(other_world);
    party.Turn();
    other_waker.store(&party.transport->waker());
    my_waker.Wake();
    while (turn.load() < kRounds) {
      party.transport->Wait(MonotonicNow(), far);
      party.transport->Poll(MonotonicNow(), party);
      if (turn.load() % 2 == 1) {
        turn.fetch_add(1);
        my_waker.Wake();
        party.transport->Submit();
      }
    }
    while (!may_die.load()) std::this_thread::yield();
  });
  while (turn.load() < kRounds) {
    mine.transport->Wait(MonotonicNow(), far);
    mine.transport->Poll(MonotonicNow(), mine);
    if (turn.load() % 2 == 0 && other_waker.load() != nullptr) {
      turn.fetch_add(1);
      other_waker.load()->Wake();
      mine.transport->Submit();
    }
  }
  may_die.store(true);
  other.join();
  EXPECT_LT(MonotonicNow(), far);
  return mine.transport->counters().doorbells_sent;
}

TEST(UringWaker, RingsWakeEachOtherByMessage) { EXPECT_GT(WakeEachOther<Linux61>(), 0u); }

TEST(UringWaker, RingsWakeEachOtherByEventFdOnAnOldKernel) {
  EXPECT_EQ(WakeEachOther<Linux511>(), 0u);
}

TEST_F(UringTransportTest, FullCompletionQueueLosesNothing) {
  UringOptions options = TestOptions();
  options.queue = 4;  // 64 completions
  server.transport = UringTransport::Create(options).value();
  Listen();
  EchoOn(server);
  constexpr std::size_t kConnections = 300;
  std::vector<ConnectionId> ids;
  for (std::size_t i = 0; i < kConnections; ++i) ids.push_back(StartConnect());
  // The server sleeps over all of the connects and their first words.
  const std::string text = "all at once";
  for (const ConnectionId id : ids) {
    while (!client.Of(id).connected.has_value()) client.Turn();
    client.Send(id, text);
  }
  client.transport->Submit();
  for (const ConnectionId id : ids) {
    Until([&] { return client.Of(id).received == text; }, "an echo");
  }
  EXPECT_GT(server.transport->counters().overflows, 0u);
  EXPECT_GT(server.transport->counters().early_submits, 0u);
}

TEST_F(UringTransportTest, PollIsBounded) {
  UringOptions options = TestOptions();
  options.poll_events_max = 10;
  server.transport = UringTransport::Create(options).value();
  Listen();
  for (int i = 0; i < 100; ++i) StartConnect();
  client.transport->Submit();
  server.transport->Submit();
  std::size_t most = 0;
  while (server.accepted.size() < 100 && !world.Expired()) {
    client.Turn();
    most = std::max(most, server.transport->Poll(MonotonicNow(), server));
    server.transport->Submit();
  }
  EXPECT_EQ(server.accepted.size(), 100u);
  EXPECT_LE(most, 10u);
}

TEST_F(UringTransportTest, GracefulCloseGivesUpOnAPeerThatTakesNothing) {
  UringOptions options = TestOptions();
  options.flush_timeout_ns = 100 * kNanosecondsPerMillisecond;
  server.transport = UringTransport::Create(options).value();
  Listen();
  const auto pair = Join(ReceiveMode::kDirect);  // never reads
  const std::string text = Pattern(32 << 20);
  server.Send(pair.there, text);
  Settle();
  const MonoNs began = MonotonicNow();
  server.Turn();  // a turn's time is that of its beginning
  server.transport->Close(pair.there, CloseMode::kGraceful);
  ExpectClosed(server, pair.there, CloseReason::kLocal);
  EXPECT_GE(MonotonicNow() - began, options.flush_timeout_ns);
  EXPECT_EQ(server.Of(pair.there).sent, 0);
}

TEST_F(UringTransportTest, WaitEndsAtItsDeadline) {
  const MonoNs began = MonotonicNow();
  server.Turn();
  server.transport->Wait(MonotonicNow(), began + 30 * kNanosecondsPerMillisecond);
  EXPECT_GE(MonotonicNow(), began + 30 * kNanosecondsPerMillisecond);
  server.transport->Wait(MonotonicNow(), began);  // over: does not sleep
  EXPECT_LT(MonotonicNow(), began + 10 * kNanosecondsPerSecond);
}

TEST_F(UringTransportTest, IdleTurnMakesNoSystemCall) {
  Settle();
  const std::uint64_t before = server.transport->counters().enters;
  for (int i = 0; i < 1'000; ++i) server.Turn();
  EXPECT_EQ(server.transport->counters().enters, before);
}

TEST_F(UringTransportTest, BulkMovesToLargeBuffersAndBack) {
  Listen();
  const auto pair = Join();
  const std::string bulk = Pattern(4 << 20);
  client.Send(pair.here, bulk);
  Until([&] { return server.Of(pair.there).received.size() == bulk.size(); }, "all bytes");
  const std::uint64_t to_large = server.transport->counters().group_switches;
  EXPECT_EQ(to_large, 1u);
  const std::string small = "ping";
  for (int i = 0; i < 40; ++i) {
    client.Send(pair.here, small);
    const std::size_t expected = bulk.size() + (i + 1) * small.size();
    Until([&] { return server.Of(pair.there).received.size() == expected; }, "a ping");
  }
  EXPECT_EQ(server.transport->counters().group_switches, to_large + 1);
  EXPECT_EQ(server.transport->counters().small_buffers_free_now, 64u);
  EXPECT_EQ(server.transport->counters().large_buffers_free_now, 4u);
}

TEST_F(UringTransportTest, RunningOutOfBuffersIsCountedAndEnds) {
  Listen();
  const auto pair = Join();
  std::vector<ReceivedSlice> held;
  server.on_received = [&](ConnectionId, ReceivedSlice slice) { held.push_back(slice); };
  const std::string text = Pattern(2 << 20);
  client.Send(pair.here, text);
  Until([&] { return server.transport->counters().starved_now == 1; }, "starvation");
  EXPECT_EQ(server.transport->counters().small_buffers_free_now, 0u);
  server.on_received = nullptr;
  for (const ReceivedSlice& slice : held) server.transport->Release(slice);
  Until([&] { return server.Of(pair.there).received.size() == text.size(); }, "all bytes");
  EXPECT_EQ(server.transport->counters().starved_now, 0u);
  EXPECT_GT(server.transport->counters().starvations, 0u);
}

// Lowers RLIMIT_NOFILE while it lives.
class TightDescriptors {
 public:
  explicit TightDescriptors(rlim_t limit) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit tight = before_;
    tight.rlim_cur = limit;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  }
  ~TightDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(UringTransportTest, AnswersDescriptorShortageByPausingAndGoesOn) {
  std::vector<ConnectionId> ids;
  {
    const TightDescriptors tight(60);
    Listen();
    for (int i = 0; i < 60; ++i) {
      const auto id = client.transport->Connect({.remote = address});
      if (!id.ok()) break;
      ids.push_back(*id);
    }
    ASSERT_LT(ids.size(), 60u) << "the limit does not bite";
    Until([&] { return !server.accept_failures.empty(); }, "OnAcceptFailed");
  }
  EXPECT_EQ(server.accept_failures.at(0).code(), absl::StatusCode::kResourceExhausted);
  Until([&] { return server.accepted.size() == ids.size(); }, "those who waited");
}

TEST_F(UringTransportTest, KeepsAReserveOfDescriptors) {
  {
    const TightDescriptors tight(64);  // the transport looks at the limit when it is made
    server.transport = UringTransport::Create(TestOptions()).value();
  }
  Listen();
  for (int i = 0; i < 64; ++i) StartConnect();
  Until([&] { return !server.accept_failures.empty(); }, "OnAcceptFailed");
  EXPECT_EQ(server.accept_failures.at(0).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(server.accepted.size(), 60u);
}

TEST_F(UringTransportTest, PeersLastBytesSurviveAFailedSend) {
  Listen();
  const auto pair = Join();
  // The client says goodbye and resets with bytes of ours unread, while we keep sending into the
  // void.
  const std::string words = "DISCONNECT";
  client.Send(pair.here, words);
  Until([&] { return client.Of(pair.here).sent == 1; }, "OnSent");
  const std::string text = Pattern(16 << 20);
  server.Send(pair.there, text);
  server.transport->Submit();
  client.transport->Close(pair.here, CloseMode::kReset);
  Until([&] { return client.Of(pair.here).closed.has_value(); }, "OnClosed");
  Until([&] { return server.Of(pair.there).closed.has_value(); }, "OnClosed");
  EXPECT_EQ(*server.Of(pair.there).closed, CloseReason::kPeerReset);
  EXPECT_EQ(server.Of(pair.there).received, words);
}

TEST_F(UringTransportTest, ListensAndConnectsOverIpv6) {
  auto listener = server.transport->Listen({.endpoint = {"::1", 0}});
  if (!listener.ok()) GTEST_SKIP() << listener.status();
  address = server.transport->LocalEndpoint(*listener);
  const auto pair = Join();
  EXPECT_EQ(server.last_peer.host, "::1");
  EXPECT_FALSE(server.Of(pair.there).closed.has_value());
}

TEST_F(UringTransportTest, ConnectsFromTheWantedAddress) {
  Listen();
  const auto id = client.transport->Connect(
      {.remote = address, .local_host = "127.0.0.7", .user_timeout_ms = 300});
  ASSERT_TRUE(id.ok()) << id.status();
  Until([&] { return !server.accepted.empty(); }, "a connection");
  EXPECT_EQ(server.last_peer.host, "127.0.0.7");
}

TEST_F(UringTransportTest, SaysWhatIsWrongWithAListener) {
  Listen();
  const auto taken = client.transport->Listen({.endpoint = address, .reuse_port = false});
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kFailedPrecondition) << taken.status();
  const auto nowhere = client.transport->Listen({.endpoint = {"192.0.2.1", 1}});
  EXPECT_FALSE(nowhere.ok());
  EXPECT_THAT(std::string(nowhere.status().message()), ::testing::HasSubstr("192.0.2.1:1"));
  const auto no_interface =
      client.transport->Listen({.endpoint = {"127.0.0.1", 0}, .interface = "nosuch0"});
  EXPECT_THAT(std::string(no_interface.status().message()), ::testing::HasSubstr("nosuch0"));
}

// From here on this thread gets `error` from io_uring_setup, as under a container's profile.
void ForbidIoUring(int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

TEST(UringTransport, SaysWhyThereIsNoRingAndWhatToDo) {
  struct Case {
    int error;
    absl::StatusCode code;
    const char* words;
  };
  for (const Case& c : {Case{ENOSYS, absl::StatusCode::kFailedPrecondition, "seccomp"},
                        Case{EPERM, absl::StatusCode::kPermissionDenied, "container"},
                        Case{ENOMEM, absl::StatusCode::kResourceExhausted, "LimitMEMLOCK"},
                        Case{EMFILE, absl::StatusCode::kResourceExhausted, "LimitNOFILE"},
                        Case{EINVAL, absl::StatusCode::kFailedPrecondition, "Linux 6.1"}}) {
    std::thread confined([&] {
      ForbidIoUring(c.error);
      const absl::Status status = UringTransport::Create(TestOptions()).status();
      EXPECT_EQ(status.code(), c.code) << status;
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(c.words));
    });
    confined.join();
  }
}

TEST(UringTransport, RefusesImpossibleBuffers) {
  UringOptions options = TestOptions();
  options.small_buffers = 100;
  EXPECT_EQ(UringTransport::Create(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = TestOptions();
  options.huge_pages = HugePages::kRequire;
  const auto required = UringTransport::Create(options);
  if (!required.ok()) {
    EXPECT_THAT(std::string(required.status().message()), ::testing::HasSubstr("vm.nr_hugepages"));
  }
}

TEST(UringFeatures, TableHasALinePerFeature) {
  const std::string table = UringFeatures::All().ToTable();
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), static_cast<int>(kUringFeatures));
  EXPECT_THAT(table, ::testing::HasSubstr("multishot receive"));
}

using UringTransportDeathTest = UringTransportTest;

TEST_F(UringTransportDeathTest, SecondSendInFlightIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Listen();
  const auto pair = Join();
  const std::string text = "x";
  client.Send(pair.here, text);
  EXPECT_DEATH(client.Send(pair.here, text), "Send before OnSent");
}

TEST_F(UringTransportDeathTest, ReleasingASliceTwiceIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Listen();
  const auto pair = Join();
  ReceivedSlice last;
  server.on_received = [&](ConnectionId, ReceivedSlice slice) { last = slice; };
  const std::string text = "x";
  client.Send(pair.here, text);
  Until([&] { return !last.bytes.empty(); }, "a slice");
  server.transport->Release(last);
  EXPECT_DEATH(server.transport->Release(last), "released twice");
}

}  // namespace
}  // namespace tandem::reactor
