#include "engine/reactor/memory_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/reactor/memory_client.h"
#include "tests/engine/reactor/transport_contract.h"

namespace tandem::reactor {
namespace {

// Virtual time; `Net` says what the network does to segments.
template <class Net>
class MemoryWorld {
 public:
  using Transport = MemoryTransport;

  static std::unique_ptr<MemoryTransport> Make(MemoryWorld& world) {
    return std::make_unique<MemoryTransport>(world.network, MemoryTransportOptions{});
  }
  static Endpoint AnyEndpoint() { return {"127.0.0.1", 0}; }
  void Idle() {
    ++idle_turns_;
    network.Step();
  }
  bool Expired() const { return idle_turns_ > 10'000'000; }

  MemoryNetwork network{Net::Options()};

 private:
  std::uint64_t idle_turns_ = 0;
};

struct SmoothNet {
  static MemoryNetworkOptions Options() { return {}; }
};
struct RoughNet {
  static MemoryNetworkOptions Options() { return {.seed = 42, .jitter_ns = 2'000'000}; }
};

using Worlds = ::testing::Types<MemoryWorld<SmoothNet>, MemoryWorld<RoughNet>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, TransportContract, Worlds);

using World = MemoryWorld<SmoothNet>;

class MemoryTransportTest : public TransportContract<World> {};

TEST_F(MemoryTransportTest, NothingLeavesBeforeSubmit) {
  Listen();
  const auto pair = Join();
  const std::string text = "later";
  client.Send(pair.here, text);
  for (int i = 0; i < 100; ++i) {
    world.Idle();
    server.Turn();
    client.transport->Poll(world.network.now(), client);
  }
  EXPECT_EQ(server.Of(pair.there).received, "");
  EXPECT_EQ(client.Of(pair.here).sent, 0);
  Until([&] { return server.Of(pair.there).received == text; }, "the text after Submit()");
}

TEST_F(MemoryTransportTest, WaitMovesTimeToTheNextEventOrTheDeadline) {
  const MonoNs began = world.network.now();
  server.transport->Wait(world.network.now(), began + 5);
  EXPECT_EQ(world.network.now(), began + 5);
  server.transport->waker().Wake();
  server.transport->Wait(world.network.now(), began + 10);
  EXPECT_EQ(world.network.now(), began + 5) << "woken: returns at once";
  Listen();
  StartConnect();
  server.transport->Wait(world.network.now(), began + kNanosecondsPerSecond);
  EXPECT_EQ(world.network.now(), began + 5 + world.network.options().latency_ns);
}

TEST_F(MemoryTransportTest, SharedEndpointSpreadsConnections) {
  Listen();
  auto second = client.transport->Listen({.endpoint = address});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(client.transport->Listen({.endpoint = address, .reuse_port = false}).ok());
  std::vector<std::unique_ptr<MemoryClient>> clients;
  for (int i = 0; i < 4; ++i)
    clients.push_back(std::make_unique<MemoryClient>(world.network, address));
  Until([&] { return server.accepted.size() + client.accepted.size() == 4; }, "four connections");
  EXPECT_EQ(server.accepted.size(), 2u);
}

TEST_F(MemoryTransportTest, ClientTalksReadsAndLeaves) {
  Listen();
  EchoOn(server);
  MemoryClient peer(world.network, address, "10.0.0.9");
  peer.Write("early ");
  peer.Write("bird");
  Until([&] { return peer.received() == "early bird"; }, "the echo");
  EXPECT_EQ(server.last_peer.host, "10.0.0.9");
  EXPECT_EQ(peer.Take(), "early bird");
  EXPECT_EQ(peer.received(), "");
  peer.Finish();
  ExpectClosed(server, server.accepted.at(0), CloseReason::kPeerClosed);
  Until([&] { return peer.at_end(); }, "the server's end");
  EXPECT_FALSE(peer.was_reset());
}

TEST_F(MemoryTransportTest, ClientThatStopsReadingHoldsTheSenderBack) {
  Listen();
  MemoryClient peer(world.network, address);
  peer.StopReading();
  Until([&] { return server.accepted.size() == 1; }, "a connection");
  const std::string text = Pattern(1 << 20);
  server.Send(server.accepted[0], text);
  Settle();
  EXPECT_EQ(server.Of(server.accepted[0]).sent, 0);
  EXPECT_EQ(peer.received(), "");
  peer.ResumeReading();
  Until([&] { return peer.received().size() == text.size(); }, "all bytes");
  EXPECT_EQ(server.Of(server.accepted[0]).sent, 1);
}

TEST_F(MemoryTransportTest, ClientSeesRefusalAndReset) {
  MemoryClient nobody(world.network, {"127.0.0.1", 1});
  Listen();
  MemoryClient peer(world.network, address);
  Until([&] { return server.accepted.size() == 1 && !nobody.status().ok(); }, "both answers");
  server.transport->Close(server.accepted[0], CloseMode::kReset);
  Until([&] { return peer.was_reset(); }, "the reset");
  EXPECT_FALSE(nobody.connected());
}

// The same seed tells the same story, byte for byte and event for event.
TEST(MemoryNetwork, IsDeterministic) {
  const auto story = [](std::uint64_t seed) {
    MemoryNetwork network({.seed = seed, .jitter_ns = 100'000});
    MemoryTransport transport(network);
    struct Scribe : NullHandler {
      void OnAccepted(ListenerId, ConnectionId id, const Endpoint&) {
        text += "+" + std::to_string(std::uint64_t(id));
      }
      void OnReceived(ConnectionId, ReceivedSlice slice) {
        text +=
            "r" + std::to_string(slice.bytes.size()) + "@" + std::to_string(network->now()) + ";";
        transport->Release(slice);
      }
      MemoryNetwork* network = nullptr;
      MemoryTransport* transport = nullptr;
      std::string text;
    } scribe;
    scribe.network = &network;
    scribe.transport = &transport;
    const ListenerId listener = transport.Listen({.endpoint = {"127.0.0.1", 0}}).value();
    MemoryClient peer(network, transport.LocalEndpoint(listener));
    peer.Write(Pattern(100'000));
    do {
      transport.Poll(network.now(), scribe);
      transport.Submit();
    } while (network.Step());
    return scribe.text;
  };
  EXPECT_EQ(story(7), story(7));
  EXPECT_NE(story(7), story(8));
}

using MemoryTransportDeathTest = MemoryTransportTest;

TEST_F(MemoryTransportDeathTest, FindsBrokenRules) {
  Listen();
  const auto pair = Join();
  const std::string text = "x";
  client.Send(pair.here, text);
  EXPECT_DEATH(client.Send(pair.here, text), "Send before OnSent");
  Settle();
  client.transport->Close(pair.here, CloseMode::kGraceful);
  EXPECT_DEATH(client.Send(pair.here, text), "Send after Close");
  EXPECT_DEATH(server.transport->Release({{}, 77}), "released twice");
}

}  // namespace
}  // namespace tandem::reactor
