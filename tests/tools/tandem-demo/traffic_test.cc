#include "tools/tandem-demo/traffic.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

namespace tandem::demo {
namespace {

bool Beating(const Pulse& pulse) {
  pollfd readable{pulse.fd(), POLLIN, 0};
  return poll(&readable, 1, 0) == 1;
}

TEST(Pulse, LastsUntilItIsCleared) {
  Pulse pulse;
  EXPECT_FALSE(Beating(pulse));
  pulse.Beat();
  pulse.Beat();
  EXPECT_TRUE(Beating(pulse));
  pulse.Clear();
  EXPECT_FALSE(Beating(pulse));
  pulse.Clear();  // does not block
}

TEST(Traffic, AChangeBeatsAndALookDoesNot) {
  Pulse pulse;
  Traffic traffic(pulse);
  EXPECT_FALSE(traffic.Look([](const TrafficState& state) { return state.subscribed; }));
  EXPECT_FALSE(Beating(pulse));
  traffic.Change([](TrafficState& state) { state.subscribed = true; });
  EXPECT_TRUE(Beating(pulse));
  EXPECT_TRUE(traffic.Look([](const TrafficState& state) { return state.subscribed; }));
}

TEST(Traffic, ThreadsDoNotGetInEachOthersWay) {
  Pulse pulse;
  Traffic traffic(pulse);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1'000; ++n)
        traffic.Change([](TrafficState& state) { state.ledger.Begin(); });
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(traffic.Look([](const TrafficState& state) { return state.ledger.tally().published; }),
            4'000u);
}

}  // namespace
}  // namespace tandem::demo
