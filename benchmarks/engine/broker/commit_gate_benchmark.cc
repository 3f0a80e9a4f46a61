// What a promise costs where it waits for nothing, and where it is held until the other node has
// applied a batch.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>

#include "engine/broker/commit_gate.h"

namespace tandem::broker {
namespace {

// As large as what a shard holds of a PUBACK.
struct Held {
  std::uint64_t connection = 0;
  std::array<std::uint8_t, 80> rest{};
};

// A node alone, or a message that nobody keeps: the gate is looked at and open.
void BM_Open(benchmark::State& state) {
  CommitGate<Held> gate;
  gate.PeerReached(1);
  CommitPosition position{.peer = 1};
  for (auto _ : state) {
    benchmark::DoNotOptimize(position);
    benchmark::DoNotOptimize(gate.IsReached(position));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Open);

// So many acknowledgements are held, then one answer of the other node releases them all.
void BM_HoldAndRelease(benchmark::State& state) {
  CommitGate<Held> gate;
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t number = 0;
  std::uint64_t released = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < batch; ++i) gate.Hold({.peer = ++number}, {.connection = i});
    gate.PeerReached(number);
    gate.Release([&](Held held) {
      benchmark::DoNotOptimize(held);
      ++released;
    });
  }
  if (released != number) state.SkipWithError("something is still held");
  state.SetItemsProcessed(static_cast<std::int64_t>(released));
}
BENCHMARK(BM_HoldAndRelease)->Arg(1)->Arg(50)->Arg(4096);

}  // namespace
}  // namespace tandem::broker
