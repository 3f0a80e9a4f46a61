// The decoder never allocates: every sample packet, whole and cut short, with the heap watched.
#include <gtest/gtest.h>

#include "proto/mqtt/decoder.h"
#include "tests/proto/mqtt/counting_heap.h"
#include "tests/proto/mqtt/sample_packets.h"

namespace tandem::mqtt {
namespace {

TEST(CountingHeap, Counts) {
  const std::size_t before = HeapAllocations();
  const std::vector<int> one(1000);
  EXPECT_EQ(HeapAllocations(), before + 1);
}

TEST(Decoder, NeverAllocates) {
  std::size_t packets = 0;
  const std::vector<SamplePacket>& samples = SamplePackets();
  const std::size_t before = HeapAllocations();
  for (const SamplePacket& sample : samples) {
    Decoder decoder(sample.sender);
    if (sample.bytes[0] != 0x10) decoder.set_version(sample.version);
    for (std::size_t size = 0; size <= sample.bytes.size(); ++size) {
      if (decoder.Next(Bytes(sample.bytes).first(size)).status == DecodeStatus::kPacket) ++packets;
    }
  }
  const std::size_t after = HeapAllocations();
  EXPECT_EQ(after, before);
  EXPECT_EQ(packets, samples.size());
}

}  // namespace
}  // namespace tandem::mqtt
