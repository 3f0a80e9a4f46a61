// One core on the transport in memory: bytes in, bytes out, without a kernel.
#include "engine/node/core.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/reactor/memory_client.h"
#include "engine/reactor/memory_network.h"
#include "engine/reactor/memory_transport.h"
#include "proto/mqtt/encoder.h"

namespace tandem::node {
namespace {

constexpr int kTurnsMax = 2000;
constexpr std::size_t kMailBytesMaxHere = 1024 * 1024;

std::string Text(const ByteBuffer& buffer) { return std::string(AsText(buffer.bytes())); }

std::string Connect(std::string_view client_id) {
  ByteBuffer out;
  mqtt::ConnectView connect;
  connect.version = mqtt::Version::k311;
  connect.clean_start = true;
  connect.client_id = client_id;
  mqtt::EncodeConnect(connect, out);
  return Text(out);
}

std::string Subscribe(std::string_view filter) {
  ByteBuffer out;
  const mqtt::SubscribeEntry entry{.filter = filter, .options = {.qos = mqtt::QoS::kAtLeastOnce}};
  mqtt::EncodeSubscribe(mqtt::Version::k311, mqtt::PacketId{1}, {&entry, 1}, std::nullopt, out);
  return Text(out);
}

std::string Publish(std::string_view topic, std::string_view payload) {
  ByteBuffer out;
  mqtt::PublishHead head;
  head.version = mqtt::Version::k311;
  head.topic = topic;
  head.payload_bytes = payload.size();
  mqtt::EncodePublishHead(head, out);
  out.Append(AsBytes(payload));
  return Text(out);
}

constexpr std::string_view kConnack("\x20\x02\x00\x00", 4);
constexpr std::string_view kSuback("\x90\x03\x00\x01\x01", 5);

class CoreTest : public testing::Test {
 protected:
  explicit CoreTest(const ConnectionLimitOptions& limits = {}, std::uint16_t cores = 1,
                    std::unique_ptr<PartnerLink> partner = nullptr)
      : limits_(limits),
        mail_(cores),
        core_(Options(), transport_, mail_, inbox_, counters_, std::move(partner)) {
    mail_.SetWaker(CoreId{0}, transport_.waker());
    const absl::Status status = core_.Start();
    EXPECT_TRUE(status.ok()) << status;
  }

  CoreOptions Options() {
    CoreOptions options;
    options.listeners = {{.endpoint = kAddress}};
    options.limits = {&limits_};
    options.mail_bytes_max = kMailBytesMaxHere;
    options.cores = options.shard.cores = mail_.cores();
    return options;
  }

  // Takes turns until `done`; false if that takes too long.
  template <class Done>
  bool TurnUntil(Done done) {
    for (int turn = 0; turn < kTurnsMax && !done(); ++turn) {
      core_.Turn();
      network_.Step();
    }
    return done();
  }
  bool Receives(reactor::MemoryClient& client, std::string_view bytes) {
    return TurnUntil([&] { return client.received().size() >= bytes.size(); }) &&
           client.Take() == bytes;
  }

  const reactor::Endpoint kAddress{"127.0.0.1", 1883};
  ConnectionLimits limits_;
  reactor::MemoryNetwork network_;
  reactor::MemoryTransport transport_{network_};
  MailGrid mail_;
  Inbox inbox_;
  CoreCounters counters_{0, {"mqtt"}};
  Core<reactor::MemoryTransport> core_;
};

TEST_F(CoreTest, ServesAClientThatSendsByteByByte) {
  reactor::MemoryClient client(network_, kAddress);
  const std::string connect = Connect("c");
  for (const char byte : connect) {
    client.Write(std::string_view(&byte, 1));
    core_.Turn();
    network_.Step();
  }
  EXPECT_TRUE(Receives(client, kConnack));
}

TEST_F(CoreTest, TakesPacketsThatFollowTheConnectInOnePiece) {
  reactor::MemoryClient client(network_, kAddress);
  client.Write(Connect("c") + Subscribe("a/+") + Publish("a/b", "hello"));
  EXPECT_TRUE(
      Receives(client, std::string(kConnack) + std::string(kSuback) + Publish("a/b", "hello")));
}

TEST_F(CoreTest, SendsPayloadsThatAreReferencedAndNotCopied) {
  const std::string large(100'000, 'x');
  reactor::MemoryClient subscriber(network_, kAddress);
  subscriber.Write(Connect("s") + Subscribe("#"));
  ASSERT_TRUE(Receives(subscriber, std::string(kConnack) + std::string(kSuback)));
  reactor::MemoryClient publisher(network_, kAddress);
  publisher.Write(Connect("p") + Publish("t", large));
  EXPECT_TRUE(Receives(subscriber, Publish("t", large)));
}

TEST_F(CoreTest, EndsOnlyTheConnectionThatSendsGarbage) {
  reactor::MemoryClient good(network_, kAddress);
  good.Write(Connect("good") + Subscribe("#"));
  ASSERT_TRUE(Receives(good, std::string(kConnack) + std::string(kSuback)));
  reactor::MemoryClient bad(network_, kAddress);
  bad.Write("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(TurnUntil([&] { return bad.at_end() || bad.was_reset(); }));
  good.Write(Publish("still", "here"));
  EXPECT_TRUE(Receives(good, Publish("still", "here")));
}

TEST_F(CoreTest, ReturnsToNothingWhenItsClientsHaveGone) {
  {
    reactor::MemoryClient client(network_, kAddress);
    client.Write(Connect("c"));
    ASSERT_TRUE(Receives(client, kConnack));
    EXPECT_EQ(core_.shard().connections(), 1u);
  }
  EXPECT_TRUE(TurnUntil([&] { return core_.shard().connections() == 0; }));
  EXPECT_EQ(counters_.net.connections(), 0);
}

TEST_F(CoreTest, StopsWhenEveryClientHasBeenTold) {
  reactor::MemoryClient client(network_, kAddress);
  client.Write(Connect("c"));
  ASSERT_TRUE(Receives(client, kConnack));
  core_.Stop();
  EXPECT_TRUE(TurnUntil([&] { return client.at_end(); }));
  client.Finish();
  EXPECT_TRUE(TurnUntil([&] { return core_.stopped(); }));
}

// A link that says whether the core stood still, as a test wants it.
class StallingLink final : public PartnerLink {
 public:
  explicit StallingLink(bool& stands_still) : stands_still_(stands_still) {}
  void Append(std::uint64_t, broker::PeerRecord&&) override {}
  void Acknowledge(CoreId, std::uint64_t) override {}
  absl::Status Start(const CoreServices& services, const Now&) override {
    events_ = services.events;
    return absl::OkStatus();
  }
  void BeginTurn(const Now&) override {
    if (!stands_still_ || std::exchange(told_, true)) return;
    events_->OnClientsWait(true);
  }
  bool Turn(const Now&) override {
    if (!stands_still_ && std::exchange(told_, false)) events_->OnClientsWait(false);
    return false;
  }
  MonoNs NextDeadline() const override { return kNever; }
  void Stop(const Now&) override {}
  bool stopped() const override { return true; }

 private:
  bool& stands_still_;
  broker::ReplicatorEvents* events_ = nullptr;
  bool told_ = false;
};

class StalledCoreTest : public CoreTest {
 protected:
  StalledCoreTest() : CoreTest({}, 1, std::make_unique<StallingLink>(stands_still_)) {}
  void ConnectBoth() {
    subscriber_.Write(Connect("s") + Subscribe("t"));
    ASSERT_TRUE(Receives(subscriber_, std::string(kConnack) + std::string(kSuback)));
    publisher_.Write(Connect("p"));
    ASSERT_TRUE(Receives(publisher_, kConnack));
  }
  void Turn(int turns) {
    for (int turn = 0; turn < turns; ++turn) {
      core_.Turn();
      network_.Step();
    }
  }
  bool stands_still_ = false;
  reactor::MemoryClient subscriber_{network_, kAddress};
  reactor::MemoryClient publisher_{network_, kAddress};
};

TEST_F(StalledCoreTest, ClientsAreNotReadUntilItIsKnownWhoseTheyAre_F7) {
  ASSERT_NO_FATAL_FAILURE(ConnectBoth());
  reactor::MemoryClient stranger(network_, kAddress);
  // It is all there when the core wakes up: a message, the end of its client, somebody new.
  publisher_.Write(Publish("t", "1"));
  publisher_.Finish();
  stranger.Write(Connect("n"));
  for (int i = 0; i < 100; ++i) network_.Step();
  stands_still_ = true;
  Turn(200);
  EXPECT_EQ(subscriber_.received().size(), 0u);
  EXPECT_EQ(stranger.received().size(), 0u);
  EXPECT_EQ(core_.shard().connections(), 3u) << "the end stands behind what was not read";
  stands_still_ = false;
  EXPECT_TRUE(Receives(subscriber_, Publish("t", "1")));
  EXPECT_TRUE(Receives(stranger, kConnack));
}

TEST_F(StalledCoreTest, ClientsThatAreSentAwayAreNeverRead_F7) {
  ASSERT_NO_FATAL_FAILURE(ConnectBoth());
  publisher_.Write(Publish("t", "1"));
  for (int i = 0; i < 100; ++i) network_.Step();
  stands_still_ = true;
  Turn(20);
  core_.shard().OnClientsTaken(false);
  stands_still_ = false;
  ASSERT_TRUE(TurnUntil([&] { return core_.shard().connections() == 0; }));
  EXPECT_EQ(subscriber_.received().size(), 0u);
}

class LimitedCoreTest : public CoreTest {
 protected:
  LimitedCoreTest() : CoreTest({.connections = 1}) {}
};

TEST_F(LimitedCoreTest, RefusesMoreClientsThanTheListenerMayHave) {
  {
    reactor::MemoryClient first(network_, kAddress);
    first.Write(Connect("1"));
    ASSERT_TRUE(Receives(first, kConnack));
    reactor::MemoryClient second(network_, kAddress);
    second.Write(Connect("2"));
    EXPECT_TRUE(Receives(second, std::string_view("\x20\x02\x00\x03", 4)));
    EXPECT_TRUE(TurnUntil([&] { return second.was_reset() || second.at_end(); }));
    EXPECT_EQ(counters_.broker.connects_refused(metrics::RefuseReason::kBusy), 1u);
  }
  ASSERT_TRUE(TurnUntil([&] { return core_.shard().connections() == 0; }));
  reactor::MemoryClient third(network_, kAddress);
  third.Write(Connect("3"));
  EXPECT_TRUE(Receives(third, kConnack));
}

// Core 1 is there, wants everything, and is played by the test.
class CoreBesideAnotherTest : public CoreTest {
 protected:
  static constexpr std::size_t kPayloadBytes = 60'000;
  static constexpr std::size_t kMessages = 2 * kMailBytesMaxHere / kPayloadBytes;

  CoreBesideAnotherTest() : CoreTest({}, 2) {
    mail_.SetWaker(CoreId{1}, transport_.waker());
    Inbound().Push(broker::CoreMessage(broker::CoreInterest{"#", true, 1}));
    Inbound().Publish();
    for (int i = 0; broker::Shard::HomeOf(client_id_, 2) != CoreId{0}; ++i)
      client_id_ = std::to_string(i);
  }
  CoreMailbox& Inbound() { return mail_.Between(CoreId{1}, CoreId{0}); }
  CoreMailbox& Outbound() { return mail_.Between(CoreId{0}, CoreId{1}); }
  // Takes what has come for core 1; returns how many of it are messages of clients.
  std::size_t TakeRouted() {
    std::size_t routed = 0;
    Outbound().Drain([&](Mail mail) {
      const auto* const message = std::get_if<broker::CoreMessage>(&mail);
      if (message == nullptr) return;
      const auto* const batch = std::get_if<broker::RouteBatch>(message);
      if (batch != nullptr) routed += batch->messages();
      routed += std::holds_alternative<broker::RouteMessage>(*message);
    });
    return routed;
  }

  std::string client_id_ = "p";
};

TEST_F(CoreBesideAnotherTest, SendsBackTheMemoryOfBatchesThatItHasRead) {
  std::uint32_t returned = 0;
  const auto take_returned = [&] {
    Outbound().Drain([&](Mail mail) {
      auto* const message = std::get_if<broker::CoreMessage>(&mail);
      if (message == nullptr) return;
      if (const auto* const emptied = std::get_if<broker::EmptiedBatches>(message))
        returned += emptied->count();
    });
    return returned;
  };
  const auto send_batch = [&] {
    Inbound().Push(broker::CoreMessage(broker::RouteBatch({}, {.topic = "t"})));
    Inbound().Publish();
    core_.Turn();
  };
  for (std::uint32_t i = 1; i < broker::EmptiedBatches::kBatchesMax; ++i) send_batch();
  EXPECT_EQ(take_returned(), 0u);
  send_batch();
  EXPECT_EQ(take_returned(), broker::EmptiedBatches::kBatchesMax);
}

TEST_F(CoreBesideAnotherTest, ReadsPublishersOnlyAsFastAsTheOtherCoreTakesTheirMessages_O5) {
  reactor::MemoryClient publisher(network_, kAddress);
  publisher.Write(Connect(client_id_));
  ASSERT_TRUE(Receives(publisher, kConnack));
  const std::string packet = Publish("t", std::string(kPayloadBytes, 'x'));
  for (std::size_t i = 0; i < kMessages; ++i) publisher.Write(packet);

  EXPECT_TRUE(TurnUntil([&] { return counters_.core.mailbox_full() == 1; }));
  const std::size_t full = Outbound().depth();
  EXPECT_GT(full, kMailBytesMaxHere);
  for (int turn = 0; turn < 100; ++turn) {
    core_.Turn();
    network_.Step();
  }
  EXPECT_LT(Outbound().depth(), full + kMailBytesMaxHere / 4) << "read on although nobody takes it";

  std::size_t routed = 0;
  EXPECT_TRUE(TurnUntil([&] { return (routed += TakeRouted()) == kMessages; })) << routed;
}

}  // namespace
}  // namespace tandem::node
