#include "engine/net/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tandem::net {
namespace {

// PINGREQ (MQTT 5.0, 3.12): type 12, no flags, remaining length 0.
const std::vector<std::uint8_t> kPing = {0xC0, 0x00};

// QoS 0 PUBLISH to "t" with a payload of `size` bytes 'p', in MQTT 3.1.1 as a connection begins
// with.
std::vector<std::uint8_t> Publish(std::size_t size) {
  std::vector<std::uint8_t> packet = {0x30};  // type 3, QoS 0
  std::size_t remaining = 3 + size;
  do {
    packet.push_back(static_cast<std::uint8_t>((remaining & 0x7F) | (remaining > 0x7F ? 0x80 : 0)));
    remaining >>= 7;
  } while (remaining != 0);
  packet.insert(packet.end(), {0x00, 0x01, 't'});  // topic
  packet.insert(packet.end(), size, 'p');
  return packet;
}

// CONNECT 3.1.1: clean session, keep alive 60 s, client id "c".
const std::vector<std::uint8_t> kConnect = {0x10, 0x0D, 0x00, 0x04, 'M',  'Q',  'T', 'T',
                                            0x04, 0x02, 0x00, 0x3C, 0x00, 0x01, 'c'};

struct Sink {
  bool wants_more() const { return taken < limit; }
  bool OnPacket(const mqtt::Packet& packet, broker::Buffer* block) {
    if (refuse) return false;
    ++taken;
    if (const auto* publish = std::get_if<mqtt::PublishView>(&packet)) {
      payloads.push_back(publish->payload.size());
      if (block != nullptr) held.emplace_back(broker::BufferPtr(block), publish->payload);
    }
    return true;
  }
  void OnMalformed(const mqtt::DecodeResult&) { ++malformed; }

  int limit = 1'000'000;
  bool refuse = false;
  int taken = 0;
  int malformed = 0;
  std::vector<std::size_t> payloads;
  std::vector<std::pair<broker::BufferPtr, Bytes>> held;  // blocks, and payloads that stand in them
};

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() {
    connection_.Receive(kConnect, sink_);
    EXPECT_EQ(sink_.taken, 1);
    sink_ = Sink();
  }
  Connection connection_{ConnectionId{1}, 0, {"127.0.0.1", 5}};
  Sink sink_;
};

TEST_F(ConnectionTest, DecodesInPlaceAndKeepsNothing) {
  std::vector<std::uint8_t> bytes = kPing;
  bytes.insert(bytes.end(), kPing.begin(), kPing.end());
  connection_.Receive(bytes, sink_);
  EXPECT_EQ(sink_.taken, 2);
  EXPECT_EQ(connection_.kept_bytes(), 0u);
}

TEST_F(ConnectionTest, JoinsPacketsThatComeByteByByte) {
  const std::vector<std::uint8_t> packet = Publish(300);
  for (int round = 0; round < 2; ++round) {
    for (const std::uint8_t byte : packet) connection_.Receive({&byte, 1}, sink_);
  }
  EXPECT_EQ(sink_.payloads, (std::vector<std::size_t>{300, 300}));
  EXPECT_EQ(connection_.kept_bytes(), 0u);
}

TEST_F(ConnectionTest, FindsEveryPacketHoweverTheStreamIsCut) {
  std::vector<std::uint8_t> stream;
  for (const std::size_t size : {0u, 1u, 127u, 128u, 1000u, 0u}) {
    const auto packet = Publish(size);
    stream.insert(stream.end(), packet.begin(), packet.end());
  }
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    sink_ = Sink();
    connection_.Receive(Bytes(stream).first(cut), sink_);
    connection_.Receive(Bytes(stream).subspan(cut), sink_);
    ASSERT_EQ(sink_.payloads, (std::vector<std::size_t>{0, 1, 127, 128, 1000, 0}))
        << "cut at " << cut;
    ASSERT_EQ(connection_.kept_bytes(), 0u);
  }
}

TEST_F(ConnectionTest, KeepsWhatTheSinkDoesNotWantYet) {
  std::vector<std::uint8_t> bytes = kPing;
  bytes.insert(bytes.end(), kPing.begin(), kPing.end());
  sink_.limit = 1;
  connection_.Receive(bytes, sink_);
  EXPECT_EQ(sink_.taken, 1);
  EXPECT_EQ(connection_.kept_bytes(), kPing.size());
  sink_.limit = 10;
  connection_.Receive({}, sink_);
  EXPECT_EQ(sink_.taken, 2);
  EXPECT_EQ(connection_.kept_bytes(), 0u);
}

TEST_F(ConnectionTest, KeepsAPacketThatIsRefusedWithAllBehindIt) {
  std::vector<std::uint8_t> bytes = kPing;
  bytes.insert(bytes.end(), kPing.begin(), kPing.end());
  sink_.refuse = true;
  connection_.Receive(bytes, sink_);
  EXPECT_EQ(connection_.kept_bytes(), bytes.size());
  // On its way to another core the bytes go along.
  Connection moved(ConnectionId{2}, 0, {"127.0.0.1", 5});
  moved.Keep(connection_.TakeKept());
  EXPECT_EQ(moved.kept_bytes(), bytes.size());
  EXPECT_EQ(connection_.kept_bytes(), 0u);
}

TEST_F(ConnectionTest, ALargePublishKeepsTheMemoryThatItWasGatheredIn) {
  // Two large ones and what comes with the end of each, as receives of 8 KiB would cut them.
  std::vector<std::uint8_t> stream;
  for (const std::size_t size : {100'000u, 3u, 64u * 1024, 5u}) {
    const auto packet = Publish(size);
    stream.insert(stream.end(), packet.begin(), packet.end());
  }
  for (Bytes rest = stream; !rest.empty(); rest = rest.subspan(std::min(rest.size(), 8192ul))) {
    connection_.Receive(rest.first(std::min(rest.size(), 8192ul)), sink_);
  }
  EXPECT_EQ(sink_.payloads, (std::vector<std::size_t>{100'000, 3, 64 * 1024, 5}));
  EXPECT_EQ(connection_.kept_bytes(), 0u);
  ASSERT_EQ(sink_.held.size(), 2u);
  for (const auto& [block, payload] : sink_.held) {
    EXPECT_LT(block->size(), payload.size() + 4096);  // little more than it needs
    EXPECT_EQ(std::count(payload.begin(), payload.end(), 'p'), payload.size());
  }
}

TEST_F(ConnectionTest, ALargePublishThatIsNotWantedYetStaysKept) {
  const auto packet = Publish(50'000);
  connection_.Receive(Bytes(packet).first(20'000), sink_);
  sink_.limit = 0;
  connection_.Receive(Bytes(packet).subspan(20'000), sink_);
  connection_.Receive(kPing, sink_);
  EXPECT_EQ(sink_.taken, 0);
  EXPECT_EQ(connection_.kept_bytes(), packet.size() + kPing.size());
  sink_.limit = 10;
  connection_.Receive({}, sink_);
  EXPECT_EQ(sink_.taken, 2);
  EXPECT_EQ(sink_.payloads, (std::vector<std::size_t>{50'000}));
  EXPECT_EQ(connection_.kept_bytes(), 0u);
}

TEST_F(ConnectionTest, NothingBehindALargeMalformedPacketIsLookedAt) {
  auto packet = Publish(20'000);
  packet[packet.size() - 20'000 - 1] = 0;  // the topic is U+0000 [MQTT-1.5.4-2]
  connection_.Receive(Bytes(packet).first(10), sink_);
  packet.insert(packet.end(), kPing.begin(), kPing.end());
  connection_.Receive(Bytes(packet).subspan(10), sink_);
  connection_.Receive(kPing, sink_);
  EXPECT_EQ(sink_.malformed, 1);
  EXPECT_EQ(sink_.taken, 0);
}

TEST_F(ConnectionTest, NothingBehindAMalformedPacketIsLookedAt) {
  std::vector<std::uint8_t> bytes = {0xC1,
                                     0x00};  // PINGREQ with a reserved flag set [MQTT-2.1.3-1]
  bytes.insert(bytes.end(), kPing.begin(), kPing.end());
  connection_.Receive(bytes, sink_);
  EXPECT_EQ(sink_.malformed, 1);
  EXPECT_EQ(sink_.taken, 0);
  EXPECT_EQ(connection_.kept_bytes(), 0u);
}

}  // namespace
}  // namespace tandem::net
