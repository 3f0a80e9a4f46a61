#include "engine/reactor/buffer_group.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"

namespace tandem::reactor {

BufferGroup::BufferGroup(UringRing& ring, std::uint16_t group, std::uint32_t buffer_bytes,
                         std::uint32_t count)
    : ring_(ring),
      group_(group),
      buffer_bytes_(buffer_bytes),
      count_(count),
      free_count_(count),
      is_lent_(count) {}

absl::StatusOr<std::unique_ptr<BufferGroup>> BufferGroup::Create(UringRing& ring,
                                                                 std::uint16_t group,
                                                                 std::uint32_t buffer_bytes,
                                                                 std::uint32_t count,
                                                                 HugePages huge_pages) {
  if (!std::has_single_bit(count) || count > 32'768 || buffer_bytes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " receive buffers of ", buffer_bytes,
                     " bytes: the count must be a power of two up to 32768"));
  }
  std::unique_ptr<BufferGroup> made(new BufferGroup(ring, group, buffer_bytes, count));
  TANDEM_ASSIGN_OR_RETURN(made->memory_,
                          PinnedMemory::Map(std::size_t{buffer_bytes} * count, huge_pages));
  if (!ring.features().Has(UringFeature::kMultishotReceive)) {
    for (std::uint32_t i = count; i-- > 0;) made->free_.push_back(static_cast<std::uint16_t>(i));
    return made;
  }
  TANDEM_ASSIGN_OR_RETURN(made->ring_memory_,
                          PinnedMemory::Map(sizeof(io_uring_buf) * count, HugePages::kOff));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(made->ring_memory_.data());
  registration.ring_entries = count;
  registration.bgid = group;
  if (const int result = io_uring_register_buf_ring(ring.get(), &registration, 0); result != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot register ", count, " receive buffers: ", std::strerror(-result)));
  }
  made->kernel_ring_ = reinterpret_cast<io_uring_buf_ring*>(made->ring_memory_.data());
  io_uring_buf_ring_init(made->kernel_ring_);
  for (std::uint32_t i = 0; i < count; ++i) made->Provide(static_cast<std::uint16_t>(i));
  return made;
}

BufferGroup::~BufferGroup() {
  if (kernel_ring_ != nullptr) io_uring_unregister_buf_ring(ring_.get(), group_);
}

Bytes BufferGroup::Lend(std::uint16_t buffer, std::size_t size) {
  TANDEM_CHECK_MSG(buffer < count_ && !is_lent_[buffer],
                   "the kernel filled a buffer that it did not have");
  is_lent_[buffer] = true;
  --free_count_;
  return {Memory(buffer).data(), size};
}

void BufferGroup::Return(std::uint16_t buffer) {
  TANDEM_CHECK_MSG(buffer < count_ && is_lent_[buffer], "a slice was released twice");
  is_lent_[buffer] = false;
  ++free_count_;
  if (kernel_ring_ != nullptr) {
    Provide(buffer);
  } else {
    PutBack(buffer);
  }
}

bool BufferGroup::Take(std::uint16_t& buffer) {
  if (free_.empty()) return false;
  buffer = free_.back();
  free_.pop_back();
  return true;
}

void BufferGroup::Provide(std::uint16_t buffer) {
  const MutableBytes memory = Memory(buffer);
  io_uring_buf_ring_add(kernel_ring_, memory.data(), buffer_bytes_, buffer,
                        static_cast<int>(count_ - 1), 0);
  io_uring_buf_ring_advance(kernel_ring_, 1);
}

}  // namespace tandem::reactor
