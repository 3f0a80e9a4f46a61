// What a message costs that is handed from one core to another: written into a batch by one, read
// by the other. With both on one core it is the instructions alone; the difference is the cache
// lines that change hands.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/strings.h"
#include "engine/broker/route_batch.h"
#include "engine/reactor/affinity.h"
#include "engine/reactor/mailbox.h"
#include "engine/reactor/monotonic_clock.h"

namespace tandem::broker {
namespace {

constexpr std::uint32_t kBatchMessages = 50;
// Batches under way at most: a closed loop's windows, and not more than a cache holds.
constexpr std::size_t kBatchesMax = 16;

unsigned CpuAt(std::size_t index) {
  static const std::vector<unsigned> cpus = reactor::AvailableCpus();
  return cpus[index % cpus.size()];
}

class Source {
 public:
  explicit Source(std::size_t payload_bytes) : payload_(payload_bytes, 7) {
    fields_.topic = "bench/pair/12345";
    fields_.payload = payload_;
    fields_.publisher = 1;
  }
  RouteBatch Batch() {
    ++fields_.hlc;
    RouteBatch batch({}, fields_);
    for (std::uint32_t i = 1; i < kBatchMessages; ++i) {
      ++fields_.hlc;
      benchmark::DoNotOptimize(batch.TryAdd({}, fields_));
    }
    return batch;
  }

 private:
  std::vector<std::uint8_t> payload_;
  MessageFields fields_;
};

// As a core does that keeps each message: all of it is read.
std::uint64_t Read(const RouteBatch& batch) {
  std::uint64_t sum = 0;
  batch.Each([&](const MessageFields& fields) {
    std::uint8_t kept[RouteBatch::kMessageBytesMax];
    std::memcpy(kept, fields.topic.data(), fields.topic.size());
    std::memcpy(kept + fields.topic.size(), fields.payload.data(), fields.payload.size());
    benchmark::DoNotOptimize(kept);
    sum += fields.hlc;
  });
  return sum;
}

void BM_OneCore(benchmark::State& state) {
  Source source(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Read(source.Batch()));
  state.SetItemsProcessed(state.iterations() * kBatchMessages);
}
BENCHMARK(BM_OneCore)->Arg(64)->Arg(120);

// write_ns, read_ns: what a message takes each of the two, without waiting for the other. Time is
// that of the slower one.
void BM_TwoCores(benchmark::State& state) {
  reactor::Mailbox<RouteBatch> mailbox;
  reactor::Mailbox<EmptiedBatches> back;
  std::atomic<bool> stop{false};
  MonoNs read_ns = 0;
  std::uint64_t read = 0;
  std::thread reader([&] {
    benchmark::DoNotOptimize(reactor::PinThread(CpuAt(1)).ok());
    EmptiedBatches emptied;
    while (!stop.load(std::memory_order_relaxed)) {
      if (mailbox.IsEmpty()) continue;
      const MonoNs began = reactor::MonotonicNow();
      mailbox.Drain([&](RouteBatch batch) {
        benchmark::DoNotOptimize(Read(batch));
        read += batch.messages();
        emptied.Add(std::move(batch));
      });
      if (emptied.is_full()) {
        back.Push(std::exchange(emptied, {}));
        back.Publish();
      }
      read_ns += reactor::MonotonicNow() - began;
    }
  });
  MonoNs write_ns = 0;
  std::thread writer([&] {
    benchmark::DoNotOptimize(reactor::PinThread(CpuAt(0)).ok());
    Source source(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
      while (mailbox.depth() >= kBatchesMax) {
      }
      const MonoNs began = reactor::MonotonicNow();
      back.Drain([](EmptiedBatches) {});
      mailbox.Push(source.Batch());
      mailbox.Publish();
      write_ns += reactor::MonotonicNow() - began;
    }
    while (mailbox.depth() != 0) {
    }
  });
  writer.join();
  stop.store(true);
  reader.join();
  const std::int64_t messages = state.iterations() * kBatchMessages;
  state.SetItemsProcessed(messages);
  state.counters["write_ns"] = static_cast<double>(write_ns) / static_cast<double>(messages);
  state.counters["read_ns"] = static_cast<double>(read_ns) / static_cast<double>(read);
}
BENCHMARK(BM_TwoCores)->Arg(64)->Arg(120)->UseRealTime();

}  // namespace
}  // namespace tandem::broker
