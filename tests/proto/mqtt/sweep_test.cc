// Sweeps over every sample packet: whole, cut short, damaged, encoded again.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "proto/mqtt/decoder.h"
#include "tests/proto/mqtt/encode_packet.h"
#include "tests/proto/mqtt/sample_packets.h"

namespace tandem::mqtt {
namespace {

// A decoder in the state in which this packet may come.
Decoder DecoderFor(const SamplePacket& sample) {
  Decoder decoder(sample.sender);
  const bool is_connect = sample.bytes[0] >> 4 == static_cast<int>(PacketType::kConnect);
  if (!is_connect) decoder.set_version(sample.version);
  return decoder;
}

// The bytes alone in a block of the heap, where a sanitizer sees a read past the end.
class Exact {
 public:
  Exact(const std::uint8_t* bytes, std::size_t size) : bytes_(new std::uint8_t[size]), size_(size) {
    if (size != 0) std::memcpy(bytes_.get(), bytes, size);
  }
  Bytes bytes() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_;
};

class EverySample : public testing::TestWithParam<SamplePacket> {};

TEST_P(EverySample, Decodes) {
  const SamplePacket& sample = GetParam();
  Decoder decoder = DecoderFor(sample);
  const DecodeResult result = decoder.Next(sample.bytes);
  ASSERT_EQ(result.status, DecodeStatus::kPacket) << result.explanation;
  EXPECT_EQ(result.size, sample.bytes.size());
  EXPECT_EQ(decoder.version(), sample.version);
}

TEST_P(EverySample, NeedsMoreAtEveryTruncation) {
  const SamplePacket& sample = GetParam();
  const bool has_long_header = (sample.bytes[1] & 0x80) != 0;
  const std::size_t header_bytes = has_long_header ? 3 : 2;
  for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
    const Exact cut(sample.bytes.data(), size);
    Decoder decoder = DecoderFor(sample);
    const DecodeResult result = decoder.Next(cut.bytes());
    ASSERT_EQ(result.status, DecodeStatus::kNeedMore) << size << ": " << result.explanation;
    ASSERT_EQ(result.size, size < header_bytes ? 0 : sample.bytes.size()) << size;
  }
}

TEST_P(EverySample, LeavesWhatFollowsAlone) {
  const SamplePacket& sample = GetParam();
  WireBytes two = sample.bytes;
  two.insert(two.end(), {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF});
  Decoder decoder = DecoderFor(sample);
  const DecodeResult result = decoder.Next(two);
  ASSERT_EQ(result.status, DecodeStatus::kPacket);
  EXPECT_EQ(result.size, sample.bytes.size());
}

// The fixed header claims less than the body holds: the body must not be read past its end, and
// hardly ever decodes.
TEST_P(EverySample, SurvivesAShorterRemainingLength) {
  const SamplePacket& sample = GetParam();
  if ((sample.bytes[1] & 0x80) != 0) return;
  for (std::uint8_t length = 0; length < sample.bytes[1]; ++length) {
    Exact cut(sample.bytes.data(), 2U + length);
    const_cast<std::uint8_t*>(cut.bytes().data())[1] = length;
    Decoder decoder = DecoderFor(sample);
    ASSERT_NE(decoder.Next(cut.bytes()).status, DecodeStatus::kNeedMore);
  }
}

TEST_P(EverySample, SurvivesEveryFlippedBit) {
  const SamplePacket& sample = GetParam();
  for (std::size_t bit = 0; bit < sample.bytes.size() * 8; ++bit) {
    WireBytes damaged = sample.bytes;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const Exact exact(damaged.data(), damaged.size());
    Decoder decoder = DecoderFor(sample);
    const DecodeResult result = decoder.Next(exact.bytes());
    if (result.status == DecodeStatus::kMalformed) {
      ASSERT_TRUE(IsError(result.reason)) << bit;
      ASSERT_STRNE(result.explanation, "") << bit;
    }
    if (result.status == DecodeStatus::kPacket) {
      ByteBuffer again;
      EncodePacket(decoder.version(), result.packet, again);
    }
  }
}

TEST_P(EverySample, SurvivesTheEncoder) {
  const SamplePacket& sample = GetParam();
  Decoder decoder = DecoderFor(sample);
  ByteBuffer first;
  EncodePacket(sample.version, decoder.Next(sample.bytes).packet, first);
  if (sample.is_canonical) {
    EXPECT_EQ(WireBytes(first.bytes().begin(), first.bytes().end()), sample.bytes);
  }
  Decoder second_decoder = DecoderFor(sample);
  const DecodeResult result = second_decoder.Next(first.bytes());
  ASSERT_EQ(result.status, DecodeStatus::kPacket) << result.explanation;
  ByteBuffer second;
  EncodePacket(sample.version, result.packet, second);
  EXPECT_EQ(AsText(first.bytes()), AsText(second.bytes()));
}

TEST_P(EverySample, IsRefusedAboveTheSizeLimitOnceItsHeaderIsThere) {
  const SamplePacket& sample = GetParam();
  Decoder decoder = DecoderFor(sample);
  decoder.set_version(sample.version);
  decoder.set_packet_bytes_max(sample.bytes.size());
  EXPECT_EQ(decoder.Next(sample.bytes).status, DecodeStatus::kPacket);
  decoder.set_packet_bytes_max(sample.bytes.size() - 1);
  const std::size_t header_bytes = (sample.bytes[1] & 0x80) != 0 ? 3 : 2;
  const DecodeResult result = decoder.Next(Bytes(sample.bytes).first(header_bytes));
  EXPECT_EQ(result.status, DecodeStatus::kMalformed);
  EXPECT_EQ(result.reason, ReasonCode::kPacketTooLarge);
}

INSTANTIATE_TEST_SUITE_P(Packets, EverySample, testing::ValuesIn(SamplePackets()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tandem::mqtt
