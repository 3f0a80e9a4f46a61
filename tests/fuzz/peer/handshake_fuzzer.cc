// Frames of a handshake from somebody unknown, for either role. Nobody gets in without the secret.
#include <cstring>
#include <memory>

#include "cluster/discovery/multicast_discovery.h"
#include "cluster/framing.h"
#include "cluster/hello.h"
#include "engine/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  using namespace tandem::cluster;
  if (size < 1) return 0;
  const NodeIdentity self{.cluster = "c",
                          .node = data[0] % 2 == 0 ? "beta" : "alpha",
                          .secret = "unknown to the fuzzer"};
  Handshake handshake = data[0] % 2 == 0
                            ? Handshake::Listener(self, "alpha", false, Nonce())
                            : Handshake::Dialer(self, "beta", false, LinkRequest(), Nonce());
  handshake.Start();
  Bytes rest{data + 1, size - 1};
  while (!rest.empty()) {
    const auto frame_bytes = FrameBytes(rest, kHandshakeFrame);
    if (!frame_bytes.ok() || *frame_bytes > rest.size()) break;
    auto aligned = std::make_unique<std::uint64_t[]>(*frame_bytes / 8);
    std::memcpy(aligned.get(), rest.data(), *frame_bytes);
    handshake.OnFrame({reinterpret_cast<const std::uint8_t*>(aligned.get()), *frame_bytes});
    rest = rest.subspan(*frame_bytes);
  }
  TANDEM_CHECK(handshake.state() != Handshake::State::kProven &&
               handshake.state() != Handshake::State::kAccepted);
  (void)DecodeAnnouncement({data, size}, "");
  return 0;
}
