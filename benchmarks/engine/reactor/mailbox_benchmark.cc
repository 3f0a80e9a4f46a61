// What it costs to cross from one core to another.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "engine/reactor/affinity.h"
#include "engine/reactor/mailbox.h"

namespace tandem::reactor {
namespace {

struct Item {
  std::uint64_t number = 0;
  void* pointers[3] = {};
};

unsigned CpuAt(std::size_t index) {
  static const std::vector<unsigned> cpus = AvailableCpus();
  return cpus[index % cpus.size()];
}

// Both sides on one core: the instructions alone.
void BM_PushPublishDrain(benchmark::State& state) {
  Mailbox<Item> mailbox;
  const std::int64_t batch = state.range(0);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < batch; ++i) mailbox.Push({static_cast<std::uint64_t>(i), {}});
    mailbox.Publish();
    benchmark::DoNotOptimize(
        mailbox.Drain([](Item item) { benchmark::DoNotOptimize(item.number); }));
  }
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(BM_PushPublishDrain)->Arg(1)->Arg(16)->Arg(256);

// A producer and a consumer at full speed, published in batches.
void BM_Throughput(benchmark::State& state) {
  Mailbox<Item> mailbox;
  std::atomic<bool> stop{false};
  std::atomic<bool> pinned{false};
  std::thread consumer([&] {
    pinned.store(PinThread(CpuAt(1)).ok());
    while (!stop.load(std::memory_order_relaxed)) {
      mailbox.Drain([](Item item) { benchmark::DoNotOptimize(item.number); }, 4096);
    }
  });
  std::thread producer([&] {
    while (!PinThread(CpuAt(0)).ok()) return;
    const std::int64_t batch = state.range(0);
    for (auto _ : state) {
      for (std::int64_t i = 0; i < batch; ++i) mailbox.Push({static_cast<std::uint64_t>(i), {}});
      mailbox.Publish();
      while (mailbox.depth() > 64 * 1024) {
      }
    }
    state.SetItemsProcessed(state.iterations() * batch);
  });
  producer.join();
  stop.store(true);
  consumer.join();
}
BENCHMARK(BM_Throughput)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

// There and back with both cores awake: half of it is the latency of a crossing.
void BM_RoundTrip(benchmark::State& state) {
  Mailbox<std::uint64_t> there;
  Mailbox<std::uint64_t> back;
  std::atomic<bool> stop{false};
  std::thread echo([&] {
    benchmark::DoNotOptimize(PinThread(CpuAt(1)).ok());
    while (!stop.load(std::memory_order_relaxed)) {
      if (there.Drain([&](std::uint64_t item) { back.Push(item); }) != 0) back.Publish();
    }
  });
  std::thread pinger([&] {
    benchmark::DoNotOptimize(PinThread(CpuAt(0)).ok());
    for (auto _ : state) {
      there.Push(1);
      there.Publish();
      while (back.Drain([](std::uint64_t) {}) == 0) {
      }
    }
  });
  pinger.join();
  stop.store(true);
  echo.join();
}
BENCHMARK(BM_RoundTrip)->UseRealTime();

}  // namespace
}  // namespace tandem::reactor
