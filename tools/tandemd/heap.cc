#include "tools/tandemd/heap.h"

#include <malloc.h>

namespace tandem::tandemd {
namespace {

constexpr int kKeptAtTopBytes = 16 << 20;  // of each heap; glibc has one for each core
// Larger blocks are the kernel's at once when they are freed.
constexpr int kOwnMappingFromBytes = 4 << 20;

}  // namespace

void KeepFreedMemory() {
  mallopt(M_TRIM_THRESHOLD, kKeptAtTopBytes);
  mallopt(M_MMAP_THRESHOLD, kOwnMappingFromBytes);
}

}  // namespace tandem::tandemd
