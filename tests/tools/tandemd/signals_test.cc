#include "tools/tandemd/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace tandem::tandemd {
namespace {

TEST(SignalQueue, YieldsSignalsInsteadOfDyingOfThem) {
  const SignalQueue signals;
  EXPECT_EQ(signals.Next(0), 0);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(kill(getpid(), signal), 0);
    EXPECT_EQ(signals.Next(10'000), signal);
  }
  EXPECT_EQ(signals.Next(0), 0);
}

TEST(SignalQueue, ThreadsThatStartLaterLeaveSignalsToIt) {
  const SignalQueue signals;
  std::thread other([] { kill(getpid(), SIGTERM); });
  EXPECT_EQ(signals.Next(10'000), SIGTERM);
  other.join();
}

TEST(SignalQueue, ABrokenPipeIsAnErrorAndNotTheEnd) {
  const SignalQueue signals;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

}  // namespace
}  // namespace tandem::tandemd
