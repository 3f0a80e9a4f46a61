#include "engine/reactor/pinned_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tandem::reactor {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

constexpr std::size_t RoundUp(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

void* MapAnonymous(std::size_t bytes, int flags) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

// A mapping that starts on a huge page, so that transparent huge pages can back all of it.
void* MapAligned(std::size_t bytes) {
  const std::size_t slack = bytes + kHugePage;
  void* const place = MapAnonymous(slack, 0);
  if (place == MAP_FAILED) return MAP_FAILED;
  auto* const begin = static_cast<std::uint8_t*>(place);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t skip = RoundUp(address, kHugePage) - address;
  if (skip != 0) munmap(begin, skip);
  if (slack - skip - bytes != 0) munmap(begin + skip + bytes, slack - skip - bytes);
  return begin + skip;
}

}  // namespace

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) munmap(data_, mapped_bytes_);
}

absl::StatusOr<PinnedMemory> PinnedMemory::Map(std::size_t bytes, HugePages huge_pages) {
  if (huge_pages != HugePages::kOff) {
    const std::size_t whole = RoundUp(bytes, kHugePage);
    // Populating at map time also tells now, and not by SIGBUS later, that the pages are really
    // there.
    void* const place = MapAnonymous(whole, MAP_HUGETLB | MAP_POPULATE);
    if (place != MAP_FAILED) return PinnedMemory(static_cast<std::uint8_t*>(place), whole, true);
    if (huge_pages == HugePages::kRequire) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no huge pages for ", whole, " bytes: ", std::strerror(errno),
                       "; raise vm.nr_hugepages by ", whole / kHugePage,
                       " per core or set engine.huge_pages = \"try\""));
    }
  }
  const bool is_transparent = huge_pages == HugePages::kTry && bytes >= kHugePage;
  const std::size_t whole = RoundUp(bytes, is_transparent ? kHugePage : kPage);
  void* const place = is_transparent ? MapAligned(whole) : MapAnonymous(whole, 0);
  if (place == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot map ", whole, " bytes: ", std::strerror(errno)));
  }
  if (is_transparent)
    madvise(place, whole, MADV_HUGEPAGE);  // advice: a kernel without it goes on with small pages
  std::memset(place, 0, whole);            // fault everything in now
  return PinnedMemory(static_cast<std::uint8_t*>(place), whole, false);
}

}  // namespace tandem::reactor
