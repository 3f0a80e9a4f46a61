#include "engine/broker/arena.h"

#include <sys/mman.h>

#include <cstdint>

#include "engine/base/check.h"

namespace tandem::broker {
namespace {

constexpr std::size_t kStep = std::size_t{2} << 20;

std::size_t RoundUp(std::size_t bytes) noexcept { return (bytes + kStep - 1) / kStep * kStep; }

}  // namespace

// PROT_NONE costs addresses only: neither memory nor, under strict accounting, a promise of it.
Arena::Arena(std::size_t bytes_max)
    : mapped_bytes_(RoundUp(bytes_max) + kStep),
      mapped_(mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0)) {
  TANDEM_CHECK_MSG(mapped_ != MAP_FAILED, "reserving addresses");
  data_ = reinterpret_cast<void*>(RoundUp(reinterpret_cast<std::uintptr_t>(mapped_)));
}

Arena::~Arena() { munmap(mapped_, mapped_bytes_); }

void Arena::Grow(std::size_t bytes) {
  char* const from = static_cast<char*>(data_) + usable_;
  const std::size_t more = RoundUp(bytes) - usable_;
  TANDEM_CHECK_MSG(mprotect(from, more, PROT_READ | PROT_WRITE) == 0, "out of memory");
  if (usable_ > 0) madvise(from, more, MADV_HUGEPAGE);  // a hint: small pages work too
  usable_ += more;
}

}  // namespace tandem::broker
