#include "engine/base/intrusive_ptr.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

namespace tandem {
namespace {

class Thing : public RefCounted<Thing> {
 public:
  explicit Thing(int* destroyed) : destroyed_(destroyed) {}
  static void Destroy(Thing* thing) noexcept {
    ++*thing->destroyed_;
    delete thing;
  }

 private:
  int* destroyed_;
};

TEST(IntrusivePtr, DestroysWithTheLastReference) {
  int destroyed = 0;
  IntrusivePtr<Thing> first(new Thing(&destroyed));
  EXPECT_TRUE(first->IsOnlyReference());
  IntrusivePtr<Thing> second = first;
  EXPECT_FALSE(first->IsOnlyReference());
  EXPECT_EQ(first, second);
  first = IntrusivePtr<Thing>();
  EXPECT_FALSE(first);
  EXPECT_EQ(destroyed, 0);
  second = IntrusivePtr<Thing>();
  EXPECT_EQ(destroyed, 1);
}

TEST(IntrusivePtr, MovesWithoutTouchingTheCount) {
  int destroyed = 0;
  IntrusivePtr<Thing> first(new Thing(&destroyed));
  IntrusivePtr<Thing> second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT: a moved-from pointer is empty
  EXPECT_TRUE(second->IsOnlyReference());
}

TEST(IntrusivePtr, SurvivesAssignmentToItself) {
  int destroyed = 0;
  IntrusivePtr<Thing> pointer(new Thing(&destroyed));
  const IntrusivePtr<Thing>& same = pointer;
  pointer = same;
  EXPECT_EQ(destroyed, 0);
  EXPECT_TRUE(pointer->IsOnlyReference());
}

// Under the thread sanitizer this also proves that marking again races with nobody.
TEST(IntrusivePtr, CountsOnSeveralThreadsOnceItIsShared) {
  int destroyed = 0;
  {
    IntrusivePtr<Thing> pointer(new Thing(&destroyed));
    pointer->MarkShared();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([pointer] {
        for (int n = 0; n < 10'000; ++n) {
          IntrusivePtr<Thing> copy = pointer;
          copy->MarkShared();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(pointer->IsOnlyReference());
  }
  EXPECT_EQ(destroyed, 1);
}

}  // namespace
}  // namespace tandem
