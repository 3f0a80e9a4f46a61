#include "engine/node/inbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tandem::node {
namespace {

TEST(Inbox, GivesTasksOnceInTheirOrder) {
  Inbox inbox;
  EXPECT_TRUE(inbox.IsEmpty());
  EXPECT_TRUE(inbox.Take().empty());
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) inbox.Post([&ran, i] { ran.push_back(i); });
  EXPECT_FALSE(inbox.IsEmpty());
  for (Task& task : inbox.Take()) task();
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(inbox.IsEmpty());
  EXPECT_TRUE(inbox.Take().empty());
}

TEST(Inbox, LosesNothingThatSeveralThreadsPost) {
  constexpr int kThreads = 3;
  constexpr int kTasks = 5'000;
  Inbox inbox;
  std::vector<int> next(kThreads, 0);  // touched by the taking thread only
  bool in_order = true;
  std::vector<std::thread> posters;
  for (int t = 0; t < kThreads; ++t) {
    posters.emplace_back([&inbox, &next, &in_order, t] {
      for (int i = 0; i < kTasks; ++i)
        inbox.Post([&next, &in_order, t, i] { in_order = in_order && next[t]++ == i; });
    });
  }
  for (int ran = 0; ran < kThreads * kTasks;) {
    for (Task& task : inbox.Take()) {
      task();
      ++ran;
    }
  }
  for (std::thread& poster : posters) poster.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(next, std::vector<int>(kThreads, kTasks));
}

}  // namespace
}  // namespace tandem::node
