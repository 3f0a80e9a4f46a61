// What a client may send to us, in every version.
#include "tests/fuzz/mqtt/fuzz_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::mqtt;
  DecodeStream(Sender::kClient, {data, size},
               [](const Decoder&, tandem::Bytes, Version version, const Packet& packet) {
                 std::visit(WalkPacket{version}, packet);
               });
  return 0;
}
