// Messages on the hot path take nothing from the heap once queues and buffers have their size.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "tests/support/hot_path.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Every allocation of this program comes by here: operator new, malloc, and realloc that grows.
namespace {
std::size_t g_allocations = 0;
}
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* malloc(std::size_t size) {
  ++g_allocations;
  return __libc_malloc(size);
}
void* realloc(void* memory, std::size_t size) {
  ++g_allocations;
  return __libc_realloc(memory, size);
}
}

namespace tandem::node {
namespace {

constexpr std::uint64_t kMessages = 20'000;

struct Case {
  const char* mode;
  mqtt::QoS qos;
  std::size_t payload_bytes;
  std::uint16_t cores = 1;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.mode << " QoS " << static_cast<int>(one.qos) << ", " << one.payload_bytes
       << " bytes, " << one.cores << " cores";
}

class AllocationTest : public testing::TestWithParam<Case> {};

TEST_P(AllocationTest, SteadyStateTakesNothingFromTheHeap) {
  bench::Options options;
  options.mode = GetParam().mode;
  options.qos = GetParam().qos;
  options.payload_bytes = GetParam().payload_bytes;
  options.count = 10;
  // As much under way as a thread keeps blocks for (BlockCache); more is the heap's.
  if (options.payload_bytes > 4'096) options.window = 5;
  // A thread of its own has a BlockCache without what other cases have left.
  std::thread([&] {
    HotPath path(options, GetParam().cores);
    path.Run(kMessages, [](auto& core) { core.Turn(); });
    std::size_t allocations = 0;
    path.Run(kMessages, [&](auto& core) {
      const std::size_t before = g_allocations;
      core.Turn();
      allocations += g_allocations - before;
    });
    EXPECT_EQ(allocations, 0u) << "for " << kMessages << " messages";
  }).join();
}

INSTANTIATE_TEST_SUITE_P(
    All, AllocationTest,
    testing::Values(
        Case{"pair", mqtt::QoS::kAtMostOnce, 64}, Case{"pair", mqtt::QoS::kAtLeastOnce, 64},
        Case{"pair", mqtt::QoS::kExactlyOnce, 64}, Case{"fan-in", mqtt::QoS::kAtLeastOnce, 64},
        Case{"fan-out", mqtt::QoS::kAtMostOnce, 64}, Case{"fan-out", mqtt::QoS::kAtLeastOnce, 64},
        Case{"shared", mqtt::QoS::kAtLeastOnce, 64}, Case{"wildcard", mqtt::QoS::kAtMostOnce, 64},
        Case{"pair", mqtt::QoS::kAtMostOnce, 64, 2}, Case{"pair", mqtt::QoS::kAtLeastOnce, 64, 2},
        Case{"fan-out", mqtt::QoS::kAtLeastOnce, 64, 2},
        Case{"pair", mqtt::QoS::kAtMostOnce, 2'048}, Case{"pair", mqtt::QoS::kAtLeastOnce, 2'048},
        Case{"pair", mqtt::QoS::kExactlyOnce, 2'048},
        Case{"fan-out", mqtt::QoS::kAtLeastOnce, 2'048},
        Case{"pair", mqtt::QoS::kAtLeastOnce, 2'048, 2},
        Case{"pair", mqtt::QoS::kAtLeastOnce, 10'000},
        Case{"fan-in", mqtt::QoS::kAtLeastOnce, 30'000},
        Case{"pair", mqtt::QoS::kAtLeastOnce, 30'000, 2}));

TEST(Allocations, AreCounted) {
  const std::size_t before = g_allocations;
  ::operator delete(::operator new(8));
  EXPECT_EQ(g_allocations, before + 1);
}

}  // namespace
}  // namespace tandem::node

#endif
