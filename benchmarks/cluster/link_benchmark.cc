// Records per second over one lane, core to core: two nodes of one core each in this process, rings
// and TCP on loopback.
//
//   link_benchmark [--benchmark_filter=...]
//
// Arguments: payload bytes; records that may be waiting for their acknowledgement (1: a round trip
// each). Counters: records/s, payload bytes/s, how many payload bytes were copied for each that was
// gathered, and the CPU time of both threads per record. Run it on an otherwise idle machine with
// two cores.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "engine/base/log.h"
#include "tests/cluster/support/uring_core.h"

namespace tandem::cluster {
namespace {

class Flood final : public broker::ReplicatorEvents {
 public:
  void OnPeerUp(const broker::PeerEpoch&) override {
    up = true;
    last = applied = 0;
    Append(broker::SnapshotEndRecord{});
  }
  void OnPeerDown() override { up = false; }
  void OnPeerHeld() override {}
  void OnClientsTaken(bool) override {}
  void OnClientsWait(bool /*wait*/) override {}
  void OnPeerRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) override {
    benchmark::DoNotOptimize(record);
    link->Acknowledge(stream, number);
  }
  void OnPeerApplied(std::uint64_t number) override {
    applied = number;
    confirmed.store(number, std::memory_order_relaxed);
  }
  void Work(const Now&) {
    if (!up || !message) return;
    const std::uint64_t goal = target.load(std::memory_order_relaxed);
    while (last < goal && last - applied < window)
      Append(broker::PublishRecord{.message = message});
  }
  void Append(broker::PeerRecord record) { link->Append(++last, std::move(record)); }

  node::PartnerLink* link = nullptr;
  broker::MessagePtr message;
  std::uint64_t window = 0;
  std::uint64_t last = 0;
  std::uint64_t applied = 0;
  bool up = false;
  std::atomic<std::uint64_t> target{0};
  std::atomic<std::uint64_t> confirmed{0};
};

using BenchNode = testing::UringNode<Flood>;

ClusterOptions Options(const std::string& name, std::uint16_t port) {
  static std::uint64_t incarnation = 1;
  ClusterOptions options;
  options.identity = {
      .cluster = "bench", .node = name, .incarnation = Incarnation{incarnation++}, .secret = "s"};
  options.members = {{"alpha", {{"127.0.0.1", port}}},
                     {"beta", {{"127.0.0.1", static_cast<std::uint16_t>(port + 1)}}}};
  options.failure_after = 10 * kNanosecondsPerSecond;
  return options;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void BM_Records(benchmark::State& state) {
  SetLogLevel(LogLevel::kError);
  static std::uint16_t port = static_cast<std::uint16_t>(15'000 + getpid() % 1000 * 4);
  port = static_cast<std::uint16_t>(port + 2);
  BenchNode alpha(Options("alpha", port), 1);
  BenchNode beta(Options("beta", port), 1);
  if (!beta.Start().ok() || !alpha.Start().ok()) return state.SkipWithError("a port is in use");
  while (!alpha.cluster->status().in_step || !beta.cluster->status().in_step) usleep(1000);

  Flood& flood = alpha.cores[0]->broker;
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  alpha.cores[0]->Call([&] {
    flood.message = broker::Message::Create(
        {.topic = "bench/topic/1", .payload = AsBytes(payload), .qos = mqtt::QoS::kAtLeastOnce});
    flood.window = static_cast<std::uint64_t>(state.range(1));
  });
  const std::uint64_t batch = std::max<std::uint64_t>(flood.window, 64) * 16;
  std::uint64_t goal = 1;
  const ClusterStatus before = alpha.cluster->status();
  const double cpu = CpuSeconds();
  for (auto _ : state) {
    goal += batch;
    flood.target.store(goal, std::memory_order_relaxed);
    alpha.cores[0]->Post([] {});
    while (flood.confirmed.load(std::memory_order_relaxed) < goal) usleep(20);
  }
  const double records = static_cast<double>(goal - 1);
  const ClusterStatus after = alpha.cluster->status();
  state.counters["records"] = benchmark::Counter(records, benchmark::Counter::kIsRate);
  state.counters["payload_bytes"] = benchmark::Counter(
      records * static_cast<double>(payload.size()), benchmark::Counter::kIsRate);
  state.counters["cpu_ns_per_record"] = (CpuSeconds() - cpu) * 1e9 / records;
  state.counters["copied_per_record"] =
      static_cast<double>(after.bytes_copied_out - before.bytes_copied_out) / records;
  state.counters["gathered_per_record"] =
      static_cast<double>(after.bytes_gathered_out - before.bytes_gathered_out) / records;
  alpha.Kill();
  beta.Kill();
}
BENCHMARK(BM_Records)
    ->ArgNames({"payload", "window"})
    ->Args({64, 1})
    ->Args({64, 50})
    ->Args({64, 4096})
    ->Args({512, 4096})
    ->Args({1024, 4096})
    ->Args({2048, 2048})
    ->Args({4096, 1024})
    ->Args({16 * 1024, 512})
    ->Args({64 * 1024, 128})
    ->Args({1024 * 1024, 16})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tandem::cluster
