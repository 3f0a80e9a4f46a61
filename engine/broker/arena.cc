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
AddressRange::AddressRange(std::size_t bytes)
    : mapped_bytes_(RoundUp(bytes) + kStep),
      mapped_(mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0)) {
  TANDEM_CHECK_MSG(mapped_ != MAP_FAILED, "reserving addresses");
  data_ = reinterpret_cast<char*>(RoundUp(reinterpret_cast<std::uintptr_t>(mapped_)));
}

AddressRange::~AddressRange() { munmap(mapped_, mapped_bytes_); }

void Arena::Grow(std::size_t bytes) {
  char* const end = from_ + usable_;
  const std::size_t more = RoundUp(bytes) - usable_;
  TANDEM_CHECK_MSG(mprotect(end, more, PROT_READ | PROT_WRITE) == 0, "out of memory");
  if (usable_ > 0) madvise(end, more, MADV_HUGEPAGE);  // a hint: small pages work too
  usable_ += more;
}

}  // namespace tandem::broker
