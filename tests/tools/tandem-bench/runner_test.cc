#include "tools/tandem-bench/runner.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "engine/reactor/memory_transport.h"
#include "tests/tools/tandem-bench/tiny_broker.h"

namespace tandem::bench {
namespace {

// The broker's side: a TinyBroker behind a transport of the same network.
class Server : public reactor::NullHandler {
 public:
  Server(reactor::MemoryTransport& transport, TinyBroker& broker)
      : transport_(transport), broker_(broker) {}

  void OnAccepted(reactor::ListenerId, ConnectionId id, const reactor::Endpoint&) {
    streams_[id];
    ++accepted;
  }
  void OnReceived(ConnectionId id, reactor::ReceivedSlice slice) {
    broker_.Receive(static_cast<std::uint64_t>(id), slice.bytes);
    transport_.Release(slice);
  }
  void OnSent(ConnectionId id) { streams_[id].is_sending = false; }
  void OnClosed(ConnectionId id, reactor::CloseReason reason) {
    if (reason == reactor::CloseReason::kPeerClosed) ++closed_orderly;
    streams_.erase(id);
  }

  void Turn() {
    transport_.Poll(0, *this);
    for (auto& [id, stream] : streams_) {
      ByteBuffer& output = broker_.output(static_cast<std::uint64_t>(id));
      if (stream.is_sending || output.empty()) continue;
      stream.memory = std::move(output);
      output = ByteBuffer();
      stream.is_sending = true;
      const reactor::Fragment fragment{stream.memory.data(), stream.memory.size()};
      transport_.Send(id, {&fragment, 1});
    }
    transport_.Submit();
  }
  void CutAll() {
    for (auto& [id, stream] : streams_) transport_.Close(id, reactor::CloseMode::kReset);
  }

  int accepted = 0;
  int closed_orderly = 0;

 private:
  struct Stream {
    ByteBuffer memory;
    bool is_sending = false;
  };
  reactor::MemoryTransport& transport_;
  TinyBroker& broker_;
  std::map<ConnectionId, Stream> streams_;
};

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() {
    options.mode = "pair";
    options.count = 5;
    options.qos = mqtt::QoS::kAtLeastOnce;
    options.warmup_ns = 20 * kNanosecondsPerMillisecond;
    options.duration_ns = 100 * kNanosecondsPerMillisecond;
    options.window = 3;
  }

  void Listen() {
    const auto listener = server_transport.Listen({.endpoint = options.hosts[0]});
    ASSERT_TRUE(listener.ok()) << listener.status();
  }
  void Start() {
    load = std::make_unique<Load>(options, FindMode(options.mode)->plan(options), network.now());
    runner = std::make_unique<Runner<reactor::MemoryTransport>>(transport, options, *load);
  }
  void Turn() {
    const MonoNs deadline = runner->Turn([this] { return network.now(); });
    transport.Submit();
    server.Turn();
    network.AdvanceTo(std::min({std::max(deadline, network.now() + 1'000), network.NextEvent(),
                                network.now() + kNanosecondsPerMillisecond}));
  }
  bool IsOver() const { return load->phase() == Phase::kDone && runner->open_streams() == 0; }
  void RunToTheEnd() {
    for (int i = 0; i < 200'000 && !IsOver(); ++i) Turn();
    ASSERT_TRUE(IsOver());
  }

  Options options;
  reactor::MemoryNetwork network{{.seed = 7, .jitter_ns = 200'000}};
  reactor::MemoryTransport transport{network};
  reactor::MemoryTransport server_transport{network};
  TinyBroker broker;
  Server server{server_transport, broker};
  std::unique_ptr<Load> load;
  std::unique_ptr<Runner<reactor::MemoryTransport>> runner;
};

TEST_F(RunnerTest, CarriesALoadFromConnectToDisconnect) {
  Listen();
  Start();
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  EXPECT_EQ(server.accepted, 10);
  EXPECT_GT(load->measured().received, 100u);
  EXPECT_EQ(load->Lost(), 0u);
  EXPECT_EQ(load->Flows().delivered, load->published_ever());
  EXPECT_EQ(broker.disconnects, 10);
  EXPECT_EQ(transport.lent(), 0u);
}

TEST_F(RunnerTest, ConnectsMoreThanABacklogHolds) {
  options.mode = "conn";
  options.count = 700;
  Listen();
  Start();
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  EXPECT_EQ(server.accepted, 700);
  EXPECT_GT(load->connect_time_ns(), 0);
}

TEST_F(RunnerTest, OpensConnectionsAgainThatCameAndWent) {
  options.mode = "reconnect";
  Listen();
  Start();
  RunToTheEnd();
  EXPECT_EQ(load->errors().total(), 0u) << load->errors().first;
  EXPECT_GT(load->measured().received, 50u);
  EXPECT_GE(server.accepted, static_cast<int>(load->measured().received));
  EXPECT_EQ(transport.lent(), 0u);
}

TEST_F(RunnerTest, EndsWhenNobodyListens) {
  Start();
  RunToTheEnd();
  EXPECT_GE(load->errors().clients_lost, 1u);  // the first one ends it
  EXPECT_EQ(load->published_ever(), 0u);
}

TEST_F(RunnerTest, EndsWhenTheBrokerDies) {
  Listen();
  Start();
  while (load->phase() != Phase::kMeasuring) Turn();
  server.CutAll();
  RunToTheEnd();
  EXPECT_EQ(load->errors().clients_lost, 10u);
}

}  // namespace
}  // namespace tandem::bench
