#include "engine/broker/publish_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using mqtt::PacketId;
using mqtt::QoS;
using mqtt::Version;

class PublishSenderTest : public ::testing::Test {
 protected:
  static Client ClientOf(Version version) {
    Client client;
    client.id = ConnectionId{1};
    client.version = version;
    client.stage = Client::Stage::kConnected;
    return client;
  }
  const std::vector<SendEffect>& sends() const { return parts_.context.outbox.sends; }

  ShardParts parts_;
  PublishSender sender_{parts_.context};
};

TEST_F(PublishSenderTest, EncodesOncePerFormAndPatchesThePacketId) {
  Client first = ClientOf(Version::k5);
  Client second = ClientOf(Version::k5);
  Client old = ClientOf(Version::k311);
  RoutedMessage message(MessageOn("t", "payload"));
  EXPECT_TRUE(sender_.Send(first, message, {.qos = QoS::kAtLeastOnce, .packet_id = PacketId{7}}));
  EXPECT_TRUE(sender_.Send(second, message, {.qos = QoS::kAtLeastOnce, .packet_id = PacketId{9}}));
  EXPECT_TRUE(sender_.Send(old, message, {.qos = QoS::kAtLeastOnce, .packet_id = PacketId{9}}));
  EXPECT_TRUE(sender_.Send(first, message, {.qos = QoS::kAtMostOnce}));
  ASSERT_EQ(sends().size(), 4u);
  EXPECT_EQ(sends()[0].offset, sends()[1].offset);
  EXPECT_EQ(sends()[0].packet_id, 7);
  EXPECT_EQ(sends()[1].packet_id, 9);
  EXPECT_EQ(sends()[0].id_offset, 5u) << "behind fixed header and topic";
  EXPECT_NE(sends()[2].offset, sends()[0].offset);
  EXPECT_EQ(sends()[3].id_offset, 0u);
  EXPECT_EQ(first.unsent_bytes, sends()[0].size + sends()[3].size);
}

TEST_F(PublishSenderTest, EncodesAnewForAnotherMessageAndAnotherOutbox) {
  Client client = ClientOf(Version::k5);
  RoutedMessage first(MessageOn("t", "one"));
  RoutedMessage second(MessageOn("t", "two"));
  sender_.Send(client, first, {});
  sender_.Send(client, second, {});
  EXPECT_NE(sends()[0].offset, sends()[1].offset);
  parts_.context.outbox.Clear();
  sender_.Send(client, second, {});
  const SendEffect& send = sends()[0];
  EXPECT_TRUE(AsText(parts_.context.outbox.bytes.bytes(send.offset, send.size)).ends_with("two"));
}

TEST_F(PublishSenderTest, RefersToALargePayloadAndKeepsItAlive) {
  Client client = ClientOf(Version::k5);
  const std::string payload(100'000, 'x');
  const MessageFields fields{.topic = "t", .payload = AsBytes(payload)};
  {
    RoutedMessage message(fields);
    EXPECT_TRUE(sender_.Send(client, message, {}));
    sender_.ForgetFrames();
  }
  ASSERT_NE(sends()[0].payload, nullptr);
  EXPECT_EQ(AsText(sends()[0].payload->payload()), payload);
  EXPECT_LT(sends()[0].size, 100u);
  EXPECT_EQ(client.unsent_bytes, sends()[0].size + payload.size());
}

TEST_F(PublishSenderTest, RefusesWhatTheClientDoesNotAllow) {
  Client client = ClientOf(Version::k5);
  RoutedMessage message(MessageOn("t", "0123456789"));  // 2 + 3 + 1 + 10
  client.packet_bytes_max = 15;
  EXPECT_FALSE(sender_.Send(client, message, {}));
  EXPECT_TRUE(sends().empty());
  EXPECT_EQ(client.unsent_bytes, 0u);
  client.packet_bytes_max = 16;
  EXPECT_TRUE(sender_.Send(client, message, {}));
}

TEST_F(PublishSenderTest, SharesNoFrameThatIsForOneSubscriberAlone) {
  Client client = ClientOf(Version::k5);
  RoutedMessage message(MessageOn("t", "x"));
  const std::uint32_t identifiers[] = {5};
  sender_.Send(client, message, {});
  sender_.Send(client, message, {.identifiers = identifiers});
  sender_.Send(client, message, {.qos = QoS::kAtLeastOnce, .dup = true, .packet_id = PacketId{1}});
  sender_.Send(client, message, {});
  EXPECT_EQ(sends()[0].offset, sends()[3].offset);
  EXPECT_GT(sends()[1].size, sends()[0].size);
  EXPECT_EQ(parts_.context.outbox.bytes.data()[sends()[2].offset] & 0x08, 0x08) << "DUP";
}

TEST(RoutedMessage, IsMadeOnceWhenSomebodyKeepsIt) {
  const MessageFields fields{.topic = "t"};
  RoutedMessage message(fields);
  EXPECT_FALSE(message.shared());
  const MessagePtr kept = message.Share();
  EXPECT_EQ(message.Share(), kept);
  EXPECT_TRUE(message.shared());
}

}  // namespace
}  // namespace tandem::broker
