// What a timer costs while so many others are armed: the keep-alive and session timers of a core.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "engine/reactor/timer_wheel.h"

namespace tandem::reactor {
namespace {

constexpr MonoNs kMinute = 60 * kNanosecondsPerSecond;

std::vector<TimerId> Arm(TimerWheel& wheel, std::size_t count) {
  std::vector<TimerId> ids;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(wheel.Schedule(kMinute + static_cast<MonoNs>(i) * 1'000, i));
  }
  return ids;
}

void BM_Reschedule(benchmark::State& state) {
  TimerWheel wheel;
  const std::vector<TimerId> ids = Arm(wheel, static_cast<std::size_t>(state.range(0)));
  MonoNs deadline = 2 * kMinute;
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(wheel.Reschedule(ids[next], deadline));
    deadline += 1'000;
    if (++next == ids.size()) next = 0;
  }
}
BENCHMARK(BM_Reschedule)->Arg(1)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void BM_ScheduleAndCancel(benchmark::State& state) {
  TimerWheel wheel;
  Arm(wheel, static_cast<std::size_t>(state.range(0)));
  MonoNs deadline = kMinute;
  for (auto _ : state) {
    benchmark::DoNotOptimize(wheel.Cancel(wheel.Schedule(deadline, 0)));
    deadline += 1'000;
  }
}
BENCHMARK(BM_ScheduleAndCancel)->Arg(0)->Arg(100'000);

// A turn in which nothing is due.
void BM_IdleAdvance(benchmark::State& state) {
  TimerWheel wheel;
  Arm(wheel, static_cast<std::size_t>(state.range(0)));
  MonoNs now = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(wheel.Advance(now, [](std::uint64_t) {}));
    benchmark::DoNotOptimize(wheel.NextDeadline());
    now = (now + 10'000) % kNanosecondsPerSecond;
  }
}
BENCHMARK(BM_IdleAdvance)->Arg(1)->Arg(100'000);

// The whole life of timers that fire: armed up to a minute ahead, moved down, fired, armed again.
void BM_FireAndRearm(benchmark::State& state) {
  TimerWheel wheel;
  std::mt19937_64 random(1);
  MonoNs now = 0;
  const auto any = [&] {
    return now + static_cast<MonoNs>(random() % static_cast<std::uint64_t>(kMinute));
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) wheel.Schedule(any(), 0);
  std::size_t fired = 0;
  for (auto _ : state) {
    now += kNanosecondsPerMillisecond;
    fired += wheel.Advance(now, [&](std::uint64_t) { wheel.Schedule(any(), 0); });
  }
  state.counters["timers/s"] =
      benchmark::Counter(static_cast<double>(fired), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_FireAndRearm)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace tandem::reactor
