#include "engine/reactor/checked_transport.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>

#include "engine/reactor/memory_transport.h"
#include "tests/engine/reactor/transport_contract.h"
#include "tests/support/scripted_transport.h"

namespace tandem::reactor {
namespace {

// A transport and its watch in one.
struct Inner {
  MemoryTransport inner;
};
class CheckedMemory : private Inner, public CheckedTransport<MemoryTransport> {
 public:
  explicit CheckedMemory(MemoryNetwork& network)
      : Inner{MemoryTransport(network, {})}, CheckedTransport(Inner::inner) {}
};
static_assert(Transport<CheckedMemory>);

// What keeps the rules passes: the whole contract, watched on both sides.
class CheckedWorld {
 public:
  using Transport = CheckedMemory;

  static std::unique_ptr<CheckedMemory> Make(CheckedWorld& world) {
    return std::make_unique<CheckedMemory>(world.network);
  }
  static Endpoint AnyEndpoint() { return {"127.0.0.1", 0}; }
  void Idle() {
    ++idle_turns_;
    network.Step();
  }
  bool Expired() const { return idle_turns_ > 10'000'000; }

  MemoryNetwork network{MemoryNetworkOptions{}};

 private:
  std::uint64_t idle_turns_ = 0;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Checked, TransportContract, CheckedWorld);

// A handler that does what the test says with each thing.
struct User {
  void OnAccepted(ListenerId, ConnectionId, const Endpoint&) {}
  void OnAcceptFailed(ListenerId, const absl::Status&) {}
  void OnConnected(ConnectionId, const absl::Status&) {}
  void OnReceived(ConnectionId, ReceivedSlice slice) { slices.push_back(slice); }
  void OnReceivedDirect(ConnectionId, std::size_t) {}
  void OnSent(ConnectionId) {}
  void OnDetached(ConnectionId, std::unique_ptr<Handoff>) {}
  void OnClosed(ConnectionId, CloseReason) {}

  std::vector<ReceivedSlice> slices;
};

class CheckedUserDeathTest : public ::testing::Test {
 protected:
  CheckedUserDeathTest() : id_(scripted_.Accept()) { checked_.Poll(0, user_); }

  void Send(Bytes bytes) {
    const Fragment fragment{bytes.data(), bytes.size()};
    checked_.Send(id_, {&fragment, 1});
  }

  ScriptedTransport scripted_;
  CheckedTransport<ScriptedTransport> checked_{scripted_};
  User user_;
  ConnectionId id_;
  std::array<std::uint8_t, 4> memory_ = {1, 2, 3, 4};
};

TEST_F(CheckedUserDeathTest, KeepsTheRulesAndLives) {
  Send(memory_);
  scripted_.Deliver(id_, memory_);
  checked_.Poll(0, user_);
  EXPECT_EQ(checked_.lent(), 1u);
  checked_.Release(user_.slices.at(0));
  EXPECT_EQ(checked_.lent(), 0u);
  memory_[0] = 9;  // sent: may be used again
  Send(memory_);
  checked_.Poll(0, user_);
  checked_.Close(id_, CloseMode::kReset);
  checked_.Poll(0, user_);
  Send(memory_);  // late, with an id that is gone
}

TEST_F(CheckedUserDeathTest, SendsWhileOneIsInFlight) {
  Send(memory_);
  EXPECT_DEATH(Send(memory_), "Send before OnSent");
}

TEST_F(CheckedUserDeathTest, SendsNothing) {
  EXPECT_DEATH(checked_.Send(id_, {}), "none or too many");
  EXPECT_DEATH(Send({memory_.data(), 0}), "empty fragment");
}

TEST_F(CheckedUserDeathTest, SendsAfterClose) {
  checked_.Close(id_, CloseMode::kGraceful);
  EXPECT_DEATH(Send(memory_), "Send after Close");
}

TEST_F(CheckedUserDeathTest, ChangesMemoryThatIsBeingSent) {
  Send(memory_);
  memory_[3] = 9;
  EXPECT_DEATH(checked_.Poll(0, user_), "memory changed");
}

TEST_F(CheckedUserDeathTest, ReleasesASliceTwice) {
  scripted_.Deliver(id_, memory_);
  checked_.Poll(0, user_);
  checked_.Release(user_.slices.at(0));
  EXPECT_DEATH(checked_.Release(user_.slices.at(0)), "not lent");
}

TEST_F(CheckedUserDeathTest, TurnsTimeBack) {
  checked_.Poll(5, user_);
  checked_.Wait(5, kNever);
  EXPECT_DEATH(checked_.Poll(4, user_), "time that goes back");
  EXPECT_DEATH(checked_.Wait(4, kNever), "time that goes back");
}

TEST_F(CheckedUserDeathTest, ComesFromAnotherThread) {
  EXPECT_DEATH(std::thread([this] { checked_.Submit(); }).join(), "another thread");
}

// A transport that reports what the test says, true or not.
class Liar : public ScriptedTransport {
 public:
  template <TransportHandler Handler>
  std::size_t Poll(MonoNs, Handler& handler) {
    if (lie == Lie::kSent) handler.OnSent(about);
    if (lie == Lie::kClosed) handler.OnClosed(about, CloseReason::kLocal);
    if (lie == Lie::kReceived) handler.OnReceived(about, {lent, 0});
    if (lie == Lie::kDirect) handler.OnReceivedDirect(about, 5);
    if (lie == Lie::kDetached) handler.OnDetached(about, nullptr);
    if (lie == Lie::kAccepted) handler.OnAccepted(ListenerId{0}, about, {});
    return 1;
  }

  enum class Lie { kSent, kClosed, kReceived, kDirect, kDetached, kAccepted };
  Lie lie = Lie::kAccepted;
  ConnectionId about{7};
  Bytes lent;
};

class CheckedLiarDeathTest : public ::testing::Test {
 protected:
  CheckedLiarDeathTest() { checked_.Poll(0, user_); }  // the connection is accepted

  void Says(Liar::Lie lie) {
    liar_.lie = lie;
    checked_.Poll(0, user_);
  }

  Liar liar_;
  CheckedTransport<Liar> checked_{liar_};
  User user_;
};

TEST_F(CheckedLiarDeathTest, ReportsWhatNobodyAskedFor) {
  EXPECT_DEATH(Says(Liar::Lie::kSent), "OnSent without a Send");
  EXPECT_DEATH(Says(Liar::Lie::kDirect), "more than was asked for");
  EXPECT_DEATH(Says(Liar::Lie::kDetached), "OnDetached without a Detach");
  EXPECT_DEATH(Says(Liar::Lie::kAccepted), "in use");
}

TEST_F(CheckedLiarDeathTest, SpeaksAfterTheEnd) {
  checked_.Close(liar_.about, CloseMode::kReset);
  const std::array<std::uint8_t, 1> byte = {1};
  liar_.lent = byte;
  EXPECT_DEATH(Says(Liar::Lie::kReceived), "OnReceived");
  Says(Liar::Lie::kClosed);
  EXPECT_DEATH(Says(Liar::Lie::kClosed), "gone");
}

TEST_F(CheckedLiarDeathTest, LendsMemoryTwice) {
  const std::array<std::uint8_t, 1> byte = {1};
  liar_.lent = byte;
  Says(Liar::Lie::kReceived);
  EXPECT_DEATH(Says(Liar::Lie::kReceived), "lent already");
}

}  // namespace
}  // namespace tandem::reactor
