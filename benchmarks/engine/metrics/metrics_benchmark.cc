// What counting costs on the way of a message, and a scrape of a node with many cores.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "engine/metrics/broker_metrics.h"
#include "engine/metrics/registry.h"

namespace tandem::metrics {
namespace {

void BM_CounterAdd(benchmark::State& state) {
  BrokerMetrics metrics;
  for (auto _ : state) {
    metrics.PublishReceived(1, 64);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_CounterAdd);

void BM_HistogramObserve(benchmark::State& state) {
  BrokerMetrics metrics;
  std::int64_t duration_ns = 1;
  for (auto _ : state) {
    metrics.DeliveryTook(DeliveryPath::kLocal, duration_ns);
    duration_ns = (duration_ns * 7) & 0xFFFFFFF;
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_HistogramObserve);

void BM_Scrape(benchmark::State& state) {
  std::vector<std::unique_ptr<BrokerMetrics>> cores;
  Registry registry;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    cores.push_back(std::make_unique<BrokerMetrics>());
    registry.Add(*cores.back());
  }
  for (auto _ : state) benchmark::DoNotOptimize(registry.Scrape());
}
BENCHMARK(BM_Scrape)->Arg(2)->Arg(64);

}  // namespace
}  // namespace tandem::metrics
