#include "engine/reactor/mailbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "engine/reactor/sleep_gate.h"

namespace tandem::reactor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

static_assert(!std::is_copy_constructible_v<Mailbox<int>>);

std::vector<int> DrainAll(Mailbox<int>& mailbox, std::size_t max = SIZE_MAX) {
  std::vector<int> taken;
  mailbox.Drain([&](int item) { taken.push_back(item); }, max);
  return taken;
}

TEST(Mailbox, ShowsItemsOnlyAfterPublish) {
  Mailbox<int> mailbox;
  mailbox.Push(1);
  mailbox.Push(2);
  EXPECT_TRUE(mailbox.IsEmpty());
  EXPECT_THAT(DrainAll(mailbox), IsEmpty());
  EXPECT_EQ(mailbox.depth(), 2u);
  EXPECT_TRUE(mailbox.Publish());
  EXPECT_FALSE(mailbox.Publish()) << "nothing new";
  EXPECT_FALSE(mailbox.IsEmpty());
  EXPECT_THAT(DrainAll(mailbox), ElementsAre(1, 2));
  EXPECT_EQ(mailbox.depth(), 0u);
}

TEST(Mailbox, DrainStopsAtItsMaximum) {
  Mailbox<int> mailbox;
  for (int i = 0; i < 5; ++i) mailbox.Push(i);
  mailbox.Publish();
  EXPECT_THAT(DrainAll(mailbox, 2), ElementsAre(0, 1));
  EXPECT_EQ(mailbox.depth(), 3u);
  EXPECT_THAT(DrainAll(mailbox), ElementsAre(2, 3, 4));
}

struct OwnWeight {
  std::size_t operator()(int item) const { return static_cast<std::size_t>(item); }
};

TEST(Mailbox, DepthIsTheWeightOfWhatNobodyTook) {
  Mailbox<int, OwnWeight> mailbox;
  mailbox.Push(7);
  mailbox.Push(100);
  EXPECT_EQ(mailbox.depth(), 107u);
  mailbox.Publish();
  mailbox.Drain([](int) {}, 1);
  EXPECT_EQ(mailbox.depth(), 100u);
  mailbox.Drain([](int) {});
  EXPECT_EQ(mailbox.depth(), 0u);
}

TEST(Mailbox, TakesAnyNumberWithoutAReceiver) {
  constexpr int kItems = 10 * static_cast<int>(Mailbox<int>::kSegmentItems) + 3;
  Mailbox<int> mailbox;
  for (int i = 0; i < kItems; ++i) mailbox.Push(i);
  mailbox.Publish();
  EXPECT_EQ(mailbox.depth(), static_cast<std::size_t>(kItems));
  const std::vector<int> taken = DrainAll(mailbox);
  ASSERT_EQ(taken.size(), static_cast<std::size_t>(kItems));
  for (int i = 0; i < kItems; ++i) ASSERT_EQ(taken[i], i);
}

TEST(Mailbox, DestroysWhatNobodyTook) {
  const auto witness = std::make_shared<int>(0);
  {
    Mailbox<std::shared_ptr<int>> mailbox;
    for (std::size_t i = 0; i < 2 * Mailbox<int>::kSegmentItems; ++i) mailbox.Push(witness);
    mailbox.Publish();
    mailbox.Push(witness);
    mailbox.Drain([](std::shared_ptr<int>) {}, 1500);
    EXPECT_EQ(witness.use_count(), 1 + 2048 - 1500 + 1);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(Mailbox, CarriesMoveOnlyItems) {
  Mailbox<std::unique_ptr<int>> mailbox;
  mailbox.Push(std::make_unique<int>(42));
  mailbox.Publish();
  mailbox.Drain([](std::unique_ptr<int> item) { EXPECT_EQ(*item, 42); });
}

TEST(Mailbox, BehavesLikeADeque) {
  const bool ok = rc::check("mailbox == deque with a publish mark", [] {
    Mailbox<int> mailbox;
    std::deque<int> published;
    std::deque<int> staged;
    int next = 0;
    const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::inRange(0, 700)));
    for (const auto& [action, count] : steps) {
      if (action == 0) {
        for (int i = 0; i < count; ++i) {
          mailbox.Push(next);
          staged.push_back(next++);
        }
      } else if (action == 1) {
        RC_ASSERT(mailbox.Publish() == !staged.empty());
        published.insert(published.end(), staged.begin(), staged.end());
        staged.clear();
      } else {
        const std::size_t expected = std::min<std::size_t>(published.size(), count);
        const std::vector<int> taken = DrainAll(mailbox, count);
        RC_ASSERT(std::equal(taken.begin(), taken.end(), published.begin(),
                             published.begin() + expected));
        published.erase(published.begin(), published.begin() + expected);
      }
      RC_ASSERT(mailbox.IsEmpty() == published.empty());
      RC_ASSERT(mailbox.depth() == published.size() + staged.size());
    }
  });
  EXPECT_TRUE(ok);
}

// A doorbell made of a futex-backed atomic, so that a lost wake-up hangs the test instead of
// hiding.
class Doorbell {
 public:
  void Notify() {
    if (!gate_.Notify()) return;
    rings_.fetch_add(1);
    rings_.notify_one();
  }
  void Sleep() {
    const std::uint32_t seen = rings_.load();
    if (!gate_.TryClose()) return;
    rings_.wait(seen);
    gate_.Open();
  }
  std::uint32_t rings() const { return rings_.load(); }

 private:
  SleepGate gate_;
  std::atomic<std::uint32_t> rings_{0};
};

TEST(SleepGate, RemembersANotificationUntilTheNextSleep) {
  SleepGate gate;
  EXPECT_FALSE(gate.Notify()) << "awake: no doorbell";
  EXPECT_FALSE(gate.Notify());
  EXPECT_FALSE(gate.TryClose()) << "notified: must look again";
  EXPECT_TRUE(gate.TryClose());
  EXPECT_TRUE(gate.Notify()) << "asleep: ring";
  EXPECT_FALSE(gate.Notify()) << "once";
  gate.Open();
  EXPECT_TRUE(gate.TryClose());
}

// Sends `items` to another thread and back with at most `window` of them under way.
void EchoThroughTwoMailboxes(std::uint64_t items, std::uint64_t window) {
  Mailbox<std::uint64_t> there;
  Mailbox<std::uint64_t> back;
  Doorbell at_there;
  Doorbell at_back;

  std::thread echo([&] {
    std::uint64_t expected = 0;
    while (expected < items) {
      const std::size_t count = there.Drain([&](std::uint64_t item) {
        ASSERT_EQ(item, expected);
        ++expected;
        back.Push(item);
      });
      if (back.Publish()) at_back.Notify();
      if (count == 0) at_there.Sleep();
    }
  });

  std::uint64_t sent = 0;
  std::uint64_t expected = 0;
  while (expected < items) {
    // Batches of changing size, so that both sides run into empty mailboxes at changing moments.
    const std::uint64_t batch = 1 + sent % 61;
    for (std::uint64_t i = 0; i < batch && sent < items && sent - expected < window; ++i) {
      there.Push(sent++);
    }
    if (there.Publish()) at_there.Notify();
    const std::size_t count = back.Drain([&](std::uint64_t item) {
      ASSERT_EQ(item, expected);
      ++expected;
    });
    if (count == 0 && (sent == items || sent - expected >= window)) at_back.Sleep();
  }
  echo.join();
  EXPECT_TRUE(there.IsEmpty());
  EXPECT_TRUE(back.IsEmpty());
}

TEST(Mailbox, TwoCoresPassEverythingInOrder) { EchoThroughTwoMailboxes(300'000, 5'000); }

// With one item under way both sides fall asleep all the time; a missed wake-up would hang the
// test.
TEST(Mailbox, TwoCoresNeverMissAWakeUp) { EchoThroughTwoMailboxes(20'000, 1); }

}  // namespace
}  // namespace tandem::reactor
