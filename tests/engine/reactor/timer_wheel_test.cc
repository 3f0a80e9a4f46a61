#include "engine/reactor/timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <tuple>
#include <vector>

namespace tandem::reactor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr MonoNs kTick = TimerWheel::kTickNs;
constexpr MonoNs kDay = 86'400 * kNanosecondsPerSecond;

std::vector<std::uint64_t> AdvanceTo(TimerWheel& wheel, MonoNs now) {
  std::vector<std::uint64_t> fired;
  wheel.Advance(now, [&](std::uint64_t cookie) { fired.push_back(cookie); });
  return fired;
}

TEST(TimerWheel, FiresWithinOneTickAndNeverEarly) {
  TimerWheel wheel(5 * kNanosecondsPerSecond);
  const MonoNs deadline = 5 * kNanosecondsPerSecond + 12'345'678;
  wheel.Schedule(deadline, 7);
  EXPECT_THAT(AdvanceTo(wheel, deadline - 1), IsEmpty());
  EXPECT_GE(wheel.NextDeadline(), deadline);
  EXPECT_LT(wheel.NextDeadline(), deadline + kTick);
  EXPECT_THAT(AdvanceTo(wheel, deadline + kTick), ElementsAre(7));
  EXPECT_EQ(wheel.NextDeadline(), kNever);
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, OrdersByDeadlineThenByInsertionWithinOneTick) {
  TimerWheel wheel;
  wheel.Schedule(10 * kTick + 30, 1);
  wheel.Schedule(10 * kTick + 20, 2);
  wheel.Schedule(10 * kTick + 30, 3);
  wheel.Schedule(10 * kTick + 10, 4);
  EXPECT_THAT(AdvanceTo(wheel, 20 * kTick), ElementsAre(4, 2, 1, 3));
}

TEST(TimerWheel, CancelledTimerStaysSilentAndItsIdIsDead) {
  TimerWheel wheel;
  const TimerId id = wheel.Schedule(3 * kTick, 1);
  EXPECT_TRUE(wheel.Cancel(id));
  EXPECT_FALSE(wheel.Cancel(id));
  const TimerId again = wheel.Schedule(3 * kTick, 2);  // same place, other generation
  EXPECT_NE(again, id);
  EXPECT_FALSE(wheel.Cancel(id));
  EXPECT_FALSE(wheel.Reschedule(id, 9 * kTick));
  EXPECT_THAT(AdvanceTo(wheel, 5 * kTick), ElementsAre(2));
  EXPECT_FALSE(wheel.Cancel(again));
  EXPECT_FALSE(wheel.Cancel(kNoTimer));
}

TEST(TimerWheel, RescheduleMovesATimerAndKeepsItsId) {
  TimerWheel wheel;
  const TimerId id = wheel.Schedule(3 * kTick, 1);
  EXPECT_TRUE(wheel.Reschedule(id, kDay));
  EXPECT_THAT(AdvanceTo(wheel, kDay - kTick), IsEmpty());
  EXPECT_TRUE(wheel.Reschedule(id, kDay + 5 * kTick));
  EXPECT_THAT(AdvanceTo(wheel, kDay + 4 * kTick), IsEmpty());
  EXPECT_THAT(AdvanceTo(wheel, kDay + 6 * kTick), ElementsAre(1));
}

TEST(TimerWheel, HoldsDeadlinesOfYears) {
  TimerWheel wheel(kDay);
  const MonoNs far =
      (MonoNs{1} << 32) * kNanosecondsPerSecond;  // the longest Session Expiry Interval: 136 years
  wheel.Schedule(far, 1);
  wheel.Schedule(7 * kDay, 2);
  wheel.Schedule(kNever, 3);
  EXPECT_THAT(AdvanceTo(wheel, 7 * kDay - 1), IsEmpty());
  EXPECT_THAT(AdvanceTo(wheel, 7 * kDay + kTick), ElementsAre(2));
  EXPECT_THAT(AdvanceTo(wheel, far - 1), IsEmpty());
  EXPECT_THAT(AdvanceTo(wheel, far + kTick), ElementsAre(1));
  EXPECT_THAT(AdvanceTo(wheel, kNever), IsEmpty());
  EXPECT_EQ(wheel.NextDeadline(), kNever);
  EXPECT_EQ(wheel.size(), 1u);
}

TEST(TimerWheel, CallbackMayCancelItsNeighboursAndRearm) {
  TimerWheel wheel;
  TimerId victim = kNoTimer;
  std::vector<std::uint64_t> fired;
  const auto on_fire = [&](std::uint64_t cookie) {
    fired.push_back(cookie);
    if (cookie == 1) {
      EXPECT_TRUE(wheel.Cancel(victim));
      wheel.Schedule(0, 4);  // long over: next tick
    }
  };
  wheel.Schedule(2 * kTick, 1);
  victim = wheel.Schedule(2 * kTick, 2);
  wheel.Schedule(2 * kTick, 3);
  EXPECT_EQ(wheel.Advance(2 * kTick, on_fire), 2u);
  EXPECT_THAT(fired, ElementsAre(1, 3));
  EXPECT_EQ(wheel.Advance(3 * kTick, on_fire), 1u);
  EXPECT_THAT(fired, ElementsAre(1, 3, 4));
}

TEST(TimerWheel, SelfRearmingTimerDoesNotLoopWithinATick) {
  TimerWheel wheel;
  int fired = 0;
  wheel.Schedule(0, 0);
  wheel.Advance(10 * kTick, [&](std::uint64_t) {
    ++fired;
    wheel.Schedule(0, 0);
  });
  EXPECT_EQ(fired, 10);
}

// The wheel against an ordered map that does the same in the obvious way.
class NaiveTimers {
 public:
  using Key = std::tuple<MonoNs, bool, MonoNs, std::uint64_t>;  // tick, late, deadline, insertion

  explicit NaiveTimers(MonoNs now) : present_(now / kTick) {}

  Key Schedule(MonoNs deadline, std::uint64_t cookie) {
    const MonoNs due = (deadline / kTick) + (deadline % kTick != 0 ? 1 : 0);
    const Key key{std::max(due, present_ + 1), due < present_ + 1, deadline, sequence_++};
    timers_.emplace(key, cookie);
    return key;
  }
  bool Cancel(const Key& key) { return timers_.erase(key) != 0; }
  bool Reschedule(Key& key, MonoNs deadline) {
    const auto found = timers_.find(key);
    if (found == timers_.end()) return false;
    const std::uint64_t cookie = found->second;
    timers_.erase(found);
    key = Schedule(deadline, cookie);
    return true;
  }
  std::vector<std::uint64_t> Advance(MonoNs now) {
    std::vector<std::uint64_t> fired;
    while (!timers_.empty() && std::get<0>(timers_.begin()->first) <= now / kTick) {
      fired.push_back(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    present_ = std::max(present_, now / kTick);
    return fired;
  }
  MonoNs NextDeadline() const {
    return timers_.empty() ? kNever : std::get<0>(timers_.begin()->first) * kTick;
  }
  std::size_t size() const { return timers_.size(); }

 private:
  MonoNs present_;
  std::uint64_t sequence_ = 0;
  std::map<Key, std::uint64_t> timers_;
};

// A span of time whose magnitude is anything from nanoseconds to years.
MonoNs AnySpan() {
  const int bits = *rc::gen::inRange(0, 57);
  return *rc::gen::inRange<MonoNs>(0, (MonoNs{1} << bits) + 1);
}

TEST(TimerWheel, BehavesLikeAnOrderedMap) {
  const bool ok = rc::check("wheel == ordered map", [] {
    MonoNs now = AnySpan();
    TimerWheel wheel(now);
    NaiveTimers naive(now);
    std::vector<std::pair<TimerId, NaiveTimers::Key>> ids;
    const int steps = *rc::gen::inRange(1, 200);
    for (int step = 0; step < steps; ++step) {
      const int action = *rc::gen::inRange(0, 10);
      if (action < 5) {
        const bool past = *rc::gen::inRange(0, 8) == 0;
        const MonoNs span = AnySpan();
        const MonoNs deadline = past ? std::max<MonoNs>(0, now - span) : now + span;
        const auto cookie = static_cast<std::uint64_t>(step);
        ids.emplace_back(wheel.Schedule(deadline, cookie), naive.Schedule(deadline, cookie));
      } else if (action < 7 && !ids.empty()) {
        auto& [id, key] = ids[*rc::gen::inRange<std::size_t>(0, ids.size())];
        if (action == 5) {
          RC_ASSERT(wheel.Cancel(id) == naive.Cancel(key));
        } else {
          const MonoNs deadline = now + AnySpan();
          RC_ASSERT(wheel.Reschedule(id, deadline) == naive.Reschedule(key, deadline));
        }
      } else {
        now += AnySpan();
        RC_ASSERT(AdvanceTo(wheel, now) == naive.Advance(now));
      }
      RC_ASSERT(wheel.size() == naive.size());
      RC_ASSERT(wheel.NextDeadline() <= naive.NextDeadline());
      RC_ASSERT(wheel.NextDeadline() > now || wheel.size() == 0);
    }
    // Following NextDeadline() alone brings every timer home, each at its tick.
    while (!wheel.empty()) {
      const MonoNs next = wheel.NextDeadline();
      RC_ASSERT(AdvanceTo(wheel, next) == naive.Advance(next));
    }
    RC_ASSERT(naive.size() == 0u);
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace tandem::reactor
