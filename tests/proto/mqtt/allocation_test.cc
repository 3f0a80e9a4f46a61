// The decoder never allocates: every sample packet, whole and cut short, with the heap watched.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "proto/mqtt/decoder.h"
#include "tests/proto/mqtt/sample_packets.h"

namespace {
std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace tandem::mqtt {
namespace {

TEST(Decoder, NeverAllocates) {
  std::size_t packets = 0;
  const std::vector<SamplePacket>& samples = SamplePackets();
  const std::size_t before = allocations;
  for (const SamplePacket& sample : samples) {
    Decoder decoder(sample.sender);
    if (sample.bytes[0] != 0x10) decoder.set_version(sample.version);
    for (std::size_t size = 0; size <= sample.bytes.size(); ++size) {
      if (decoder.Next(Bytes(sample.bytes).first(size)).status == DecodeStatus::kPacket) ++packets;
    }
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(packets, samples.size());
}

}  // namespace
}  // namespace tandem::mqtt
