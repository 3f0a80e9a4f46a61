#include "cluster/receive_buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace tandem::cluster {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSpaceMin = 32 * 1024;  // a receive into less is not worth its system call
constexpr std::size_t kPooled = 8;

// The memory starts behind the object, on the next cache line.
class Slab final : public broker::Buffer {
 public:
  static constexpr std::size_t kHeader = kAlignment;

  static broker::BufferPtr Make(std::size_t capacity) {
    const std::size_t total = (kHeader + capacity + kAlignment - 1) / kAlignment * kAlignment;
    void* const memory = std::aligned_alloc(kAlignment, total);
    TANDEM_CHECK_MSG(memory != nullptr, "out of memory");
    broker::BufferPtr slab(new (memory) Slab(total - kHeader));
    slab->MarkShared();
    return slab;
  }
  std::uint8_t* memory() noexcept { return reinterpret_cast<std::uint8_t*>(this) + kHeader; }

 private:
  explicit Slab(std::size_t capacity) noexcept : Buffer(capacity, &Free) {}
  static void Free(Buffer* buffer) noexcept {
    auto* const slab = static_cast<Slab*>(buffer);
    slab->~Slab();
    std::free(slab);
  }
};
static_assert(sizeof(Slab) <= Slab::kHeader);

}  // namespace

std::uint8_t* ReceiveBuffer::base() const noexcept {
  return static_cast<Slab*>(slab_.get())->memory();
}
std::size_t ReceiveBuffer::capacity() const noexcept { return slab_ ? slab_->size() : 0; }

MutableBytes ReceiveBuffer::Space(bool exact) {
  const std::size_t pending = filled_ - parsed_;
  const bool fits = capacity() - parsed_ >= needed_ && capacity() > filled_;
  const bool roomy = capacity() - filled_ >= kSpaceMin || (pending != 0 && needed_ > kSpaceMin);
  if (!slab_ || !fits || (!roomy && !exact)) Renew(needed_);
  const std::size_t end = exact ? parsed_ + needed_ : capacity();
  TANDEM_CHECK(end > filled_);
  return {base() + filled_, end - filled_};
}

void ReceiveBuffer::Filled(std::size_t bytes) {
  TANDEM_CHECK(bytes <= capacity() - filled_);
  filled_ += bytes;
}

absl::StatusOr<std::optional<ReceiveBuffer::Frame>> ReceiveBuffer::Next() {
  if (!slab_) return std::optional<Frame>();
  const Bytes pending{base() + parsed_, filled_ - parsed_};
  TANDEM_ASSIGN_OR_RETURN(needed_, FrameBytes(pending, limits_));
  if (needed_ > pending.size()) return std::optional<Frame>();
  Frame frame{pending.first(needed_), slab_};
  parsed_ += needed_;
  needed_ = 8;
  return std::optional<Frame>(std::move(frame));
}

void ReceiveBuffer::SetLimits(const FrameLimits& limits) {
  TANDEM_CHECK(!partial());
  limits_ = limits;
}

// Makes room for a frame of `needed` bytes, of which the present slab has the beginning.
void ReceiveBuffer::Renew(std::size_t needed) {
  const std::size_t pending = filled_ - parsed_;
  broker::BufferPtr old = std::move(slab_);
  if (pending == 0) old = {};  // so that the pool may yield the same one again
  const std::size_t old_parsed = parsed_;
  slab_ = TakeSlab(needed <= kSlabBytes ? kSlabBytes : needed);
  if (pending != 0) {
    std::memcpy(base(), static_cast<Slab*>(old.get())->memory() + old_parsed, pending);
    bytes_moved_ += pending;
  }
  parsed_ = 0;
  filled_ = pending;
}

broker::BufferPtr ReceiveBuffer::TakeSlab(std::size_t capacity) {
  if (capacity != kSlabBytes) return Slab::Make(capacity);
  for (const broker::BufferPtr& slab : pool_) {
    if (slab->IsOnlyReference()) return slab;
  }
  broker::BufferPtr slab = Slab::Make(kSlabBytes);
  if (pool_.size() < kPooled) pool_.push_back(slab);
  return slab;
}

}  // namespace tandem::cluster
