#include "engine/reactor/affinity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <string>
#include <thread>

namespace tandem::reactor {
namespace {

TEST(Affinity, PinnedThreadRunsOnItsCpuOnly) {
  const std::vector<unsigned> before = AvailableCpus();
  ASSERT_FALSE(before.empty());
  EXPECT_TRUE(std::is_sorted(before.begin(), before.end()));
  std::thread pinned([&] {
    const unsigned cpu = before.back();
    ASSERT_TRUE(PinThread(cpu).ok());
    EXPECT_THAT(AvailableCpus(), ::testing::ElementsAre(cpu));
    EXPECT_EQ(sched_getcpu(), static_cast<int>(cpu));
  });
  pinned.join();
  EXPECT_EQ(AvailableCpus(), before) << "other threads stay free";
}

TEST(Affinity, SaysWhichCpusAreAllowed) {
  for (const unsigned cpu : {1'023u, 1'000'000u}) {
    const absl::Status status = PinThread(cpu);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(std::to_string(cpu)));
  }
}

TEST(Affinity, CutsLongThreadNames) {
  std::thread named([] {
    NameThread("tandem-core-1234567890");
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    EXPECT_STREQ(name, "tandem-core-123");
  });
  named.join();
}

}  // namespace
}  // namespace tandem::reactor
