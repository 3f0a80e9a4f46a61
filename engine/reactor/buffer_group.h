// Receive buffers that the kernel fills as data comes, so that idle connections own none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/reactor/pinned_memory.h"
#include "engine/reactor/uring_ring.h"

namespace tandem::reactor {

// `count` buffers of equal size, shared by all receives that name this group. A buffer is the
// kernel's, then (in a completion) the transport's, then lent to its user, and comes back by
// Return(). Where the kernel has no buffer rings, the transport takes buffers by itself with
// Take().
class BufferGroup {
 public:
  // `count` is a power of two up to 32,768. Memory as in PinnedMemory::Map.
  static absl::StatusOr<std::unique_ptr<BufferGroup>> Create(UringRing& ring, std::uint16_t group,
                                                             std::uint32_t buffer_bytes,
                                                             std::uint32_t count,
                                                             HugePages huge_pages);
  BufferGroup(const BufferGroup&) = delete;
  BufferGroup& operator=(const BufferGroup&) = delete;
  // No receive of the ring uses the group any more.
  ~BufferGroup();

  std::uint16_t group() const noexcept { return group_; }
  std::uint32_t buffer_bytes() const noexcept { return buffer_bytes_; }
  std::uint32_t count() const noexcept { return count_; }
  // Those not lent. Some of them may be filled already and wait in the completion queue.
  std::uint32_t free_count() const noexcept { return free_count_; }

  // Notes that the kernel has put `size` bytes into `buffer`; it is out until Return().
  Bytes Lend(std::uint16_t buffer, std::size_t size);
  // Gives a buffer back to the kernel. Twice is a bug of the caller.
  void Return(std::uint16_t buffer);

  // Without buffer rings: a free buffer to receive into, then Lend() or PutBack() it. False: none.
  bool Take(std::uint16_t& buffer);
  void PutBack(std::uint16_t buffer) { free_.push_back(buffer); }
  MutableBytes Memory(std::uint16_t buffer) noexcept {
    return {memory_.data() + std::size_t{buffer} * buffer_bytes_, buffer_bytes_};
  }

 private:
  BufferGroup(UringRing& ring, std::uint16_t group, std::uint32_t buffer_bytes,
              std::uint32_t count);
  void Provide(std::uint16_t buffer);

  UringRing& ring_;
  const std::uint16_t group_;
  const std::uint32_t buffer_bytes_;
  const std::uint32_t count_;
  std::uint32_t free_count_;
  PinnedMemory memory_;
  PinnedMemory ring_memory_;
  io_uring_buf_ring* kernel_ring_ = nullptr;  // null without buffer rings
  std::vector<std::uint16_t> free_;           // without buffer rings
  std::vector<bool> is_lent_;
};

}  // namespace tandem::reactor
