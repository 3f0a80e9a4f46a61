// Linked into a test binary, it replaces operator new by one that counts.
#pragma once

#include <cstddef>

namespace tandem::mqtt {

// Calls of operator new in this process so far.
std::size_t HeapAllocations() noexcept;

}  // namespace tandem::mqtt
