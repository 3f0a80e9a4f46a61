#include "tools/tandemd/heap.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace tandem::tandemd {
namespace {

// As messages of 64 KiB come and go, forty at a time.
void ComeAndGo() {
  constexpr std::size_t kBytes = 64 * 1024 + 200;
  std::vector<void*> blocks;
  for (int i = 0; i < 40; ++i) {
    blocks.push_back(std::malloc(kBytes));
    std::memset(blocks.back(), 1, kBytes);
  }
  for (void* const block : blocks) std::free(block);
}

long Faults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

TEST(Heap, WhatLargeMessagesFreedIsThereForTheNextOnes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "not glibc's heap";
#endif
  KeepFreedMemory();
  long faults = 0;
  std::thread([&] {  // a heap of its own, as a core has
    ComeAndGo();
    const long before = Faults();
    for (int i = 0; i < 100; ++i) ComeAndGo();
    faults = Faults() - before;
  })
      .join();
  EXPECT_LT(faults, 100);  // 64,000 if the pages were given back
}

}  // namespace
}  // namespace tandem::tandemd
