#include "engine/base/ring_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <memory>
#include <vector>

namespace tandem {
namespace {

TEST(RingQueue, OwnsNothingUntilTheFirstElement) {
  RingQueue<int> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.capacity(), 0u);
  queue.push_back(1);
  EXPECT_GT(queue.capacity(), 0u);
  queue.ReleaseIfEmpty();
  EXPECT_EQ(queue.size(), 1u) << "it is not empty";
  queue.pop_front();
  queue.ReleaseIfEmpty();
  EXPECT_EQ(queue.capacity(), 0u);
}

TEST(RingQueue, BeginsAgainWithHalfOfWhatItHad) {
  RingQueue<int> queue;
  const auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) queue.push_back(i);
    const std::size_t capacity = queue.capacity();
    queue.clear();
    queue.ReleaseIfEmpty();
    EXPECT_EQ(queue.capacity(), 0u);
    return capacity;
  };
  EXPECT_EQ(fill(1), 4u);
  EXPECT_EQ(fill(50), 64u);
  EXPECT_EQ(fill(1), 32u);
  EXPECT_EQ(fill(50), 64u);
  EXPECT_EQ(fill(1), 32u);
  EXPECT_EQ(fill(1), 16u) << "one burst is forgotten";
  EXPECT_EQ(fill(1), 8u);
  EXPECT_EQ(fill(1), 4u);
  EXPECT_EQ(fill(1), 4u);
}

TEST(RingQueue, KeepsTheOrderWhenItGrowsWhileItsHeadIsInTheMiddle) {
  RingQueue<int> queue;
  for (int i = 0; i < 4; ++i) queue.push_back(i);
  queue.pop_front();
  queue.pop_front();
  for (int i = 4; i < 40; ++i) queue.push_back(i);
  for (std::size_t i = 0; i < queue.size(); ++i) EXPECT_EQ(queue[i], static_cast<int>(i) + 2);
}

TEST(RingQueue, LetsGoOfAnElementThatIsTakenOut) {
  RingQueue<std::shared_ptr<int>> queue;
  const auto value = std::make_shared<int>(7);
  queue.push_back(value);
  queue.push_back(value);
  queue.push_back(value);
  queue.pop_front();
  EXPECT_EQ(value.use_count(), 3);
  queue.pop_back();
  EXPECT_EQ(value.use_count(), 2);
  queue.clear();
  EXPECT_EQ(value.use_count(), 1);
}

TEST(RingQueue, MovesWithEverythingInIt) {
  RingQueue<std::unique_ptr<int>> queue;
  queue.push_back(std::make_unique<int>(1));
  RingQueue<std::unique_ptr<int>> moved = std::move(queue);
  EXPECT_EQ(*moved.front(), 1);
  EXPECT_TRUE(queue.empty());  // NOLINT: a moved-from queue is an empty one
  queue = std::move(moved);
  EXPECT_EQ(*queue.back(), 1);
}

TEST(RingQueue, DoesWhatADequeDoes) {
  EXPECT_TRUE(rc::check("ring queue against std::deque", [](const std::vector<int>& actions) {
    RingQueue<int> queue;
    std::deque<int> model;
    for (const int action : actions) {
      if (action % 3 == 0 && !model.empty()) {
        queue.pop_front();
        model.pop_front();
      } else if (action % 3 == 1) {
        queue.push_back(action);
        model.push_back(action);
      } else {
        RC_ASSERT(queue.emplace_back() == 0);
        queue.back() = action;
        model.push_back(action);
      }
      RC_ASSERT(queue.size() == model.size());
      for (std::size_t i = 0; i < model.size(); ++i) RC_ASSERT(queue[i] == model[i]);
      if (!model.empty()) {
        RC_ASSERT(queue.front() == model.front());
        RC_ASSERT(queue.back() == model.back());
      }
    }
  }));
}

}  // namespace
}  // namespace tandem
