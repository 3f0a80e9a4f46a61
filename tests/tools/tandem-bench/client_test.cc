#include "tools/tandem-bench/client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tools/tandem-bench/tiny_broker.h"

namespace tandem::bench {
namespace {

using mqtt::QoS;

struct Log : ClientEvents {
  void OnConnack(Client&, mqtt::ReasonCode code) override { connacks.push_back(code); }
  void OnSuback(Client&, std::span<const mqtt::ReasonCode> codes) override {
    subacks.assign(codes.begin(), codes.end());
  }
  void OnMessage(Client&, const mqtt::PublishView& message) override {
    messages.push_back(*ReadStamp(message.payload));
    payload_bytes = message.payload.size();
  }
  void OnAcknowledged(Client&, MonoNs planned_ns, mqtt::ReasonCode code) override {
    acknowledged.push_back(planned_ns);
    reason = code;
  }

  std::vector<mqtt::ReasonCode> connacks, subacks;
  std::vector<Stamp> messages;
  std::vector<MonoNs> acknowledged;
  std::size_t payload_bytes = 0;
  mqtt::ReasonCode reason{};
};

// One client that talks to itself through a broker, a few bytes at a time.
class ClientTest : public ::testing::TestWithParam<std::tuple<mqtt::Version, QoS>> {
 protected:
  mqtt::Version version() const { return std::get<0>(GetParam()); }
  QoS qos() const { return std::get<1>(GetParam()); }

  void Exchange(std::size_t piece = 1) {
    while (!client.output().empty() || !broker.output(0).empty()) {
      broker.Receive(0, AsBytes(TakeOutput(client)));
      ByteBuffer down = std::move(broker.output(0));
      for (std::size_t at = 0; at < down.size(); at += piece) {
        ASSERT_TRUE(client.Receive(down.bytes(at, std::min(piece, down.size() - at)), log))
            << client.error();
      }
    }
  }

  TinyBroker broker{version()};
  Client client{{.index = 3, .client_id = "c", .version = version()}};
  Log log;
};

TEST_P(ClientTest, GetsItsOwnMessagesBack) {
  client.Connect();
  Exchange();
  ASSERT_EQ(log.connacks, std::vector{mqtt::ReasonCode::kSuccess});
  client.Subscribe(std::vector<std::string_view>{"a/+"}, qos());
  Exchange();
  ASSERT_EQ(log.subacks, std::vector{static_cast<mqtt::ReasonCode>(qos())});
  client.PreparePublish("a/b", qos(), 40);
  std::vector<Stamp> sent;
  for (std::uint64_t i = 0; i < 5; ++i) {
    sent.push_back({.publisher = 9, .sequence = i, .planned_ns = static_cast<MonoNs>(100 + i)});
    client.Publish(sent.back());
  }
  EXPECT_EQ(client.unacknowledged(), qos() == QoS::kAtMostOnce ? 0u : 5u);
  Exchange(7);
  EXPECT_EQ(log.messages, sent);
  EXPECT_EQ(log.payload_bytes, 40u);
  EXPECT_EQ(log.acknowledged.size(), qos() == QoS::kAtMostOnce ? 0u : 5u);
  EXPECT_EQ(client.unacknowledged(), 0u);
  client.Ping();
  client.Disconnect();
  Exchange();
  EXPECT_EQ(broker.pings, 1);
  EXPECT_EQ(broker.disconnects, 1);
}

// More than one send may carry, in pieces that cut the messages anywhere.
TEST_P(ClientTest, CopiesOfALargeMessageWhatItLooksAt) {
  client.Connect();
  Exchange();
  client.Subscribe(std::vector<std::string_view>{"a/+"}, qos());
  Exchange();
  client.PreparePublish("a/b", qos(), 20'000);
  for (const std::size_t piece : {1u, 1'023u, 4'096u, 65'536u}) {
    log.messages.clear();
    log.acknowledged.clear();
    std::vector<Stamp> sent;
    for (std::uint64_t i = 0; i < ClientOutput::kSharedMax + 5; ++i) {
      sent.push_back({.publisher = 9, .sequence = i, .planned_ns = static_cast<MonoNs>(i)});
      client.Publish(sent.back());
    }
    EXPECT_LT(client.output().own().size(), std::size_t{7} * 20'000);
    EXPECT_GT(client.output().size(), sent.size() * 20'000);
    Exchange(piece);
    EXPECT_EQ(log.messages, sent);
    const bool comes_whole = piece > 20'000;
    EXPECT_EQ(log.payload_bytes <= ClippedMessage::kKeptBytes, !comes_whole);
    EXPECT_EQ(log.acknowledged.size(), qos() == QoS::kAtMostOnce ? 0u : sent.size());
  }
}

TEST_P(ClientTest, UsesPacketIdsAgain) {
  client.Connect();
  Exchange(1000);
  client.PreparePublish("a", qos(), kStampBytes);
  for (int i = 0; i < 70'000; ++i) {
    ASSERT_TRUE(client.CanPublish());
    client.Publish({});
    if (i % 100 == 99) Exchange(1000);
  }
  EXPECT_EQ(client.unacknowledged(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, ClientTest,
    ::testing::Combine(::testing::Values(mqtt::Version::k31, mqtt::Version::k311,
                                         mqtt::Version::k5),
                       ::testing::Values(QoS::kAtMostOnce, QoS::kAtLeastOnce, QoS::kExactlyOnce)));

std::string Bytes5(std::initializer_list<int> bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Client, RespectsTheReceiveMaximumOfTheBroker) {
  Client client({.client_id = "c"});
  Log log;
  // CONNACK, 6 bytes: no session, success, 3 bytes of properties: Receive Maximum 2.
  ASSERT_TRUE(client.Receive(AsBytes(Bytes5({0x20, 6, 0, 0, 3, 0x21, 0, 2})), log));
  client.PreparePublish("a", QoS::kAtLeastOnce, kStampBytes);
  client.Publish({});
  EXPECT_TRUE(client.CanPublish());
  client.Publish({});
  EXPECT_FALSE(client.CanPublish());
  // PUBACK for packet id 1.
  ASSERT_TRUE(client.Receive(AsBytes(Bytes5({0x40, 2, 0, 1})), log));
  EXPECT_TRUE(client.CanPublish());
}

TEST(Client, HandsOnAQos2MessageOnceUntilItsIdIsReleased) {
  Client client({.client_id = "c"});
  Log log;
  ByteBuffer message;
  mqtt::EncodePublishHead({.version = mqtt::Version::k5,
                           .qos = QoS::kExactlyOnce,
                           .packet_id = mqtt::PacketId{7},
                           .topic = "a",
                           .payload_bytes = kStampBytes},
                          message);
  WriteStamp({}, message.Extend(kStampBytes));
  ASSERT_TRUE(client.Receive(message.bytes(), log));
  ASSERT_TRUE(client.Receive(message.bytes(), log));
  EXPECT_EQ(log.messages.size(), 1u);
  ASSERT_TRUE(client.Receive(AsBytes(Bytes5({0x62, 2, 0, 7})), log));  // PUBREL
  ASSERT_TRUE(client.Receive(message.bytes(), log));
  EXPECT_EQ(log.messages.size(), 2u);
}

TEST(Client, ReportsARefusedPublish) {
  Client client({.client_id = "c"});
  Log log;
  client.PreparePublish("a", QoS::kExactlyOnce, kStampBytes);
  client.Publish({});
  // PUBREC for packet id 1, Not authorized: the end of that exchange.
  ASSERT_TRUE(client.Receive(AsBytes(Bytes5({0x50, 3, 0, 1, 0x87})), log));
  EXPECT_EQ(log.reason, mqtt::ReasonCode::kNotAuthorized);
  EXPECT_EQ(client.unacknowledged(), 0u);
}

TEST(Client, SaysWhatBreaksTheProtocol) {
  const auto error_after = [](std::initializer_list<int> bytes) {
    Client client({.client_id = "c"});
    Log log;
    EXPECT_FALSE(client.Receive(AsBytes(Bytes5(bytes)), log));
    return client.error();
  };
  EXPECT_NE(error_after({0x40, 2, 0, 1}).find("PUBACK"), std::string::npos);  // nothing was sent
  EXPECT_NE(error_after({0x70, 2, 0, 1}).find("PUBCOMP"), std::string::npos);
  EXPECT_NE(error_after({0xf3, 0}).find("malformed"), std::string::npos);
  EXPECT_NE(error_after({0xe0, 2, 0x8b, 0}).find("disconnects"), std::string::npos);
}

}  // namespace
}  // namespace tandem::bench
