// Decoded, encoded, decoded, encoded: both encodings are the same bytes, and the decoder takes what
// the encoder writes. Bit 2 of the first byte says who sends.
#include "engine/base/byte_buffer.h"
#include "tests/fuzz/mqtt/fuzz_stream.h"
#include "tests/proto/mqtt/encode_packet.h"

namespace tandem::mqtt {
namespace {

void CheckRoundTrip(const Decoder& before, Bytes, Version version, const Packet& packet) {
  ByteBuffer first;
  EncodePacket(version, packet, first);
  Decoder decoder = before;
  const DecodeResult again = decoder.Next(first.bytes());
  TANDEM_CHECK_MSG(again.status == DecodeStatus::kPacket, again.explanation);
  TANDEM_CHECK(again.size == first.size());
  TANDEM_CHECK(again.packet.index() == packet.index());
  ByteBuffer second;
  EncodePacket(version, again.packet, second);
  TANDEM_CHECK(AsText(first.bytes()) == AsText(second.bytes()));
}

}  // namespace
}  // namespace tandem::mqtt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::mqtt;
  if (size == 0) return 0;
  DecodeStream((data[0] & 4) != 0 ? Sender::kServer : Sender::kClient, {data, size},
               CheckRoundTrip);
  return 0;
}
