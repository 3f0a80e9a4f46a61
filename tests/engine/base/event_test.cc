#include "engine/base/event.h"

#include <gtest/gtest.h>

#include <thread>

namespace tandem {
namespace {

TEST(Event, IsWaitedForByAnyNumberOfThreads) {
  Event event;
  int written = 0;
  int read[2] = {};
  std::thread first([&] {
    event.Wait();
    read[0] = written;
  });
  std::thread second([&] {
    event.Wait();
    read[1] = written;
  });
  written = 7;
  event.Notify();
  first.join();
  second.join();
  EXPECT_EQ(read[0], 7);
  EXPECT_EQ(read[1], 7);
}

TEST(Event, IsNotWaitedForAnyLongerThanAllowed) {
  Event event;
  EXPECT_FALSE(event.WaitFor(0));
  EXPECT_FALSE(event.WaitFor(kNanosecondsPerMillisecond));
  event.Notify();
  EXPECT_TRUE(event.WaitFor(0));
}

}  // namespace
}  // namespace tandem
