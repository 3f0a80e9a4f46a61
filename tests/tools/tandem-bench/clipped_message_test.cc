#include "tools/tandem-bench/clipped_message.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/bytes.h"
#include "proto/mqtt/encoder.h"
#include "tools/tandem-bench/stamp.h"

namespace tandem::bench {
namespace {

class ClippedMessageTest : public ::testing::Test {
 protected:
  ClippedMessageTest() { decoder_.set_version(mqtt::Version::k5); }

  static ByteBuffer Publish(std::string_view topic, std::size_t payload_bytes) {
    ByteBuffer packet;
    mqtt::EncodePublishHead(
        {.version = mqtt::Version::k5, .topic = topic, .payload_bytes = payload_bytes}, packet);
    std::memset(packet.Extend(payload_bytes), 'x', payload_bytes);
    return packet;
  }

  mqtt::Decoder decoder_{mqtt::Sender::kServer};
  ClippedMessage clipped_;
};

TEST_F(ClippedMessageTest, KeepsTheStartAndCountsTheRest) {
  const ByteBuffer packet = Publish("a/b", 50'000);
  ASSERT_TRUE(clipped_.Begin(packet.bytes(0, 2'000), decoder_));
  EXPECT_TRUE(clipped_.is_coming());
  const mqtt::DecodeResult kept = decoder_.Next(clipped_.packet());
  ASSERT_EQ(kept.status, mqtt::DecodeStatus::kPacket);
  EXPECT_EQ(kept.size, clipped_.packet().size());
  EXPECT_EQ(std::get<mqtt::PublishView>(kept.packet).topic, "a/b");
  EXPECT_TRUE(clipped_.Skip(packet.bytes(2'000, 40'000)).empty());
  EXPECT_TRUE(clipped_.is_coming());
  std::string last(AsText(packet.bytes().subspan(42'000)));
  last += "next";
  EXPECT_EQ(AsText(clipped_.Skip(AsBytes(last))), "next");
  EXPECT_FALSE(clipped_.is_coming());
}

TEST_F(ClippedMessageTest, LeavesAloneWhatIsShortOrNoMessageOrHasHardlyBegun) {
  const ByteBuffer shorter = Publish("a/b", ClippedMessage::kPacketBytesMin / 2);
  EXPECT_FALSE(clipped_.Begin(shorter.bytes(0, 2'000), decoder_));
  const ByteBuffer large = Publish("a/b", 50'000);
  EXPECT_FALSE(clipped_.Begin(large.bytes(0, 1'000), decoder_));
  EXPECT_FALSE(clipped_.Begin(large.bytes(0, 2), decoder_));
  ByteBuffer auth = Publish("a/b", 50'000);
  auth.data()[0] = 0xf0;
  EXPECT_FALSE(clipped_.Begin(auth.bytes(0, 2'000), decoder_));
  EXPECT_FALSE(clipped_.is_coming());
  EXPECT_TRUE(clipped_.packet().empty());
}

TEST_F(ClippedMessageTest, LeavesAloneWhatHasMoreBeforeThePayloadThanIsKept) {
  for (const std::size_t topic : {ClippedMessage::kKeptBytes, ClippedMessage::kKeptBytes - 10}) {
    const ByteBuffer packet = Publish(std::string(topic, 't'), 50'000);
    EXPECT_FALSE(clipped_.Begin(packet.bytes(0, 4'000), decoder_));
    EXPECT_TRUE(clipped_.packet().empty());
  }
}

}  // namespace
}  // namespace tandem::bench
