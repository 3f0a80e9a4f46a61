// Bytes of memory for each thing that a shard keeps: what the heap and the trie's arenas have more
// after many of them, divided. tandem_memory_bytes tells the same of a running node.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>

#include "tests/support/shard_load.h"

namespace tandem::testing {
namespace {

using mqtt::QoS;

constexpr std::size_t kClients = 20'000;

std::string Topic(std::size_t client) {
  return "devices/" + std::to_string(client) + "/commands/x";
}

std::size_t Taken(ShardLoad& load) {
  const broker::SubscriptionTrie& trie = load.shard().trie();
  return mallinfo2().uordblks + mallinfo2().hblkhd + trie.bytes() - trie.heap_bytes();
}

// `step(load, client)` for each client, after `before(load, client)` for all of them.
template <class Before, class Step>
void Measure(benchmark::State& state, Before before, Step step) {
  for (auto _ : state) {
    ShardLoad load(kClients + 1);
    load.Connect(kClients, 0);
    for (std::size_t client = 0; client < kClients; ++client) before(load, client);
    const std::size_t taken_before = Taken(load);
    for (std::size_t client = 0; client < kClients; ++client) step(load, client);
    state.counters["bytes_each"] =
        static_cast<double>(Taken(load) - taken_before) / static_cast<double>(kClients);
  }
}

void Nothing(ShardLoad&, std::size_t) {}
void Connect(ShardLoad& load, std::size_t client) { load.Connect(client, 3600); }
void Subscribe(ShardLoad& load, std::size_t client) { load.Subscribe(client, Topic(client)); }
void Leave(ShardLoad& load, std::size_t client) { load.Leave(client); }
void ConnectAndSubscribe(ShardLoad& load, std::size_t client) {
  Connect(load, client);
  Subscribe(load, client);
}
void Offline(ShardLoad& load, std::size_t client) {
  ConnectAndSubscribe(load, client);
  Leave(load, client);
}
void Publish(ShardLoad& load, std::size_t client) {
  for (int i = 0; i < 8; ++i) load.Publish(kClients, Topic(client), 64, QoS::kAtLeastOnce);
}

void BM_ConnectedClient(benchmark::State& state) { Measure(state, Nothing, Connect); }
void BM_Subscription(benchmark::State& state) { Measure(state, Connect, Subscribe); }
void BM_OfflineSession(benchmark::State& state) { Measure(state, Nothing, Offline); }
void BM_EightQueuedMessages(benchmark::State& state) { Measure(state, Offline, Publish); }
void BM_RetainedMessage(benchmark::State& state) {
  Measure(state, Nothing, [](ShardLoad& load, std::size_t client) {
    load.Publish(kClients, Topic(client), 64, QoS::kAtMostOnce, true);
  });
}
BENCHMARK(BM_ConnectedClient)->Iterations(1);
BENCHMARK(BM_Subscription)->Iterations(1);
BENCHMARK(BM_OfflineSession)->Iterations(1);
BENCHMARK(BM_EightQueuedMessages)->Iterations(1);
BENCHMARK(BM_RetainedMessage)->Iterations(1);

}  // namespace
}  // namespace tandem::testing
