#include "tools/tandem-bench/process_cpu.h"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <ctime>

namespace tandem::bench {
namespace {

std::uint64_t OwnThreadNs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

TEST(ProcessCpu, GrowsWithTheWorkOfTheProcess) {
  const auto before = ProcessCpuNs(getpid());
  ASSERT_TRUE(before.ok()) << before.status();
  const std::uint64_t begin = OwnThreadNs();
  while (OwnThreadNs() - begin < 50'000'000) {
  }
  const auto after = ProcessCpuNs(getpid());
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_GT(*after - *before, 30'000'000u);  // the count lags by a scheduler tick
}

TEST(ProcessCpu, KnowsNoProcessThatDoesNotExist) {
  EXPECT_EQ(ProcessCpuNs(1 << 30).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tandem::bench
