// Ten neighbouring TCP ports on loopback for one demo.
//
// They lie below the range from which the kernel takes the ports of outgoing connections: the demo
// makes thousands of those, and one of them must not sit on the port of a node while that node is
// dead. So that two demos starting at the same time choose different blocks, each holds an abstract
// Unix socket named after its block; the kernel frees it with the process, however that ends.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::demo {

class PortBlock {
 public:
  static constexpr std::uint16_t kSize = 10;
  // The first block tried; the next ones follow in steps of kSize.
  static constexpr std::uint16_t kFirst = 21'880;

  // The first free block, or the one that starts at `wanted`. Fails if that is not free, naming the
  // port and who has it.
  static absl::StatusOr<PortBlock> Reserve(std::optional<std::uint16_t> wanted);

  std::uint16_t port(std::uint16_t index) const {
    return static_cast<std::uint16_t>(first_ + index);
  }

 private:
  PortBlock(std::uint16_t first, reactor::OwnedFd lock) : first_(first), lock_(std::move(lock)) {}
  static absl::StatusOr<PortBlock> TryReserve(std::uint16_t first);

  std::uint16_t first_;
  reactor::OwnedFd lock_;
};

}  // namespace tandem::demo
