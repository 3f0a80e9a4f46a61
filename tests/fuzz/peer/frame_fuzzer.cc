// Bytes from the network in pieces: the receive buffer yields frames that lie within its memory, or
// an error.
#include <algorithm>
#include <cstring>

#include "cluster/receive_buffer.h"
#include "engine/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  using namespace tandem::cluster;
  ReceiveBuffer buffer({.bytes_max = 1024 * 1024});
  std::size_t sum = 0;
  for (std::size_t at = 0; at < size;) {
    const MutableBytes space = buffer.Space(data[at] % 2 == 0);
    TANDEM_CHECK(!space.empty());
    const std::size_t piece = std::min({space.size(), size - at, std::size_t{1} + data[at]});
    std::memcpy(space.data(), data + at, piece);
    buffer.Filled(piece);
    at += piece;
    for (;;) {
      const auto frame = buffer.Next();
      if (!frame.ok()) return 0;
      if (!*frame) break;
      for (const std::uint8_t byte : (*frame)->bytes) sum += byte;  // ASan reads along
    }
  }
  return sum == SIZE_MAX ? 1 : 0;
}
