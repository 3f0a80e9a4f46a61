// What a match, a subscribe and an unsubscribe cost, from a hundred filters to a million.
//
// Topics are asked in random order from a prepared list as long as there are filters (at most
// kTopics), so a large trie is as cold as it will be in a broker that does nothing else: the worst
// case.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/broker/subscription_trie.h"

namespace tandem::broker {
namespace {

using Name = std::function<std::string(std::uint32_t)>;

constexpr std::uint32_t kTopics = 1 << 16;

Subscription By(std::uint32_t subscriber) {
  return {.subscriber = SubscriberId{subscriber}, .options = {}, .identifier = 0};
}

// Four levels, one of them the device's own.
std::string Device(std::uint32_t n) {
  return "site/" + std::to_string(n % 100) + "/dev" + std::to_string(n) + "/temp";
}
// Sixteen levels; filters part at the ninth.
std::string Deep(std::uint32_t n) {
  return "a/b/c/d/e/f/g/h/" + std::to_string(n) + "/j/k/l/m/n/o/p";
}
// A UUID: 36 bytes, which do not fit into a node.
std::string Uuid(std::uint32_t n) {
  std::mt19937 random(n);
  char text[64];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%08x%04x",
                static_cast<unsigned>(random()), static_cast<unsigned>(random() & 0xFFFF),
                static_cast<unsigned>(random() & 0xFFF), static_cast<unsigned>(random() & 0xFFF),
                static_cast<unsigned>(random()), static_cast<unsigned>(random() & 0xFFFF));
  return std::string("devices/") + text + "/state";
}

std::unique_ptr<SubscriptionTrie> Filled(std::uint32_t filters, const Name& name) {
  auto trie = std::make_unique<SubscriptionTrie>(CoreId{0});
  for (std::uint32_t n = 0; n < filters; ++n) trie->Subscribe(name(n), By(n));
  return trie;
}

// Names of `count` of the filters, in random order, in memory of their own.
std::vector<std::string> Some(std::uint32_t filters, std::uint32_t count, const Name& name) {
  std::mt19937 random(1);
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < count; ++i)
    names.push_back(name(static_cast<std::uint32_t>(random() % filters)));
  return names;
}

void MatchAll(benchmark::State& state, const SubscriptionTrie& trie,
              const std::vector<std::string>& topics) {
  std::uint64_t matches = 0;
  std::uint64_t sum = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    trie.Match(topics[next], [&](const FilterEntry& entry) {
      ++matches;
      for (const Subscription& s : entry.subscribers())
        sum += static_cast<std::uint32_t>(s.subscriber);
    });
    if (++next == topics.size()) next = 0;
  }
  benchmark::DoNotOptimize(sum);
  state.counters["matches"] =
      static_cast<double>(matches) / static_cast<double>(state.iterations());
  state.counters["bytes/filter"] =
      static_cast<double>(trie.bytes()) / static_cast<double>(trie.filters());
}

void MatchOf(benchmark::State& state, const Name& name) {
  const auto filters = static_cast<std::uint32_t>(state.range(0));
  const auto trie = Filled(filters, name);
  MatchAll(state, *trie, Some(filters, std::min(filters, kTopics), name));
}
void BM_MatchExact(benchmark::State& state) { MatchOf(state, Device); }
void BM_MatchDeep(benchmark::State& state) { MatchOf(state, Deep); }
void BM_MatchUuid(benchmark::State& state) { MatchOf(state, Uuid); }
BENCHMARK(BM_MatchExact)->RangeMultiplier(10)->Range(100, 1'000'000);
BENCHMARK(BM_MatchDeep)->RangeMultiplier(10)->Range(100, 1'000'000);
BENCHMARK(BM_MatchUuid)->RangeMultiplier(10)->Range(100, 1'000'000);

// The same 1,000 topics, whatever the number of filters: a broker whose traffic is where it was,
// with more subscribers.
void BM_MatchExactHot(benchmark::State& state) {
  const auto filters = static_cast<std::uint32_t>(state.range(0));
  const auto trie = Filled(filters, Device);
  MatchAll(state, *trie, Some(filters, 1'000, Device));
}
BENCHMARK(BM_MatchExactHot)->RangeMultiplier(10)->Range(1'000, 1'000'000);

// Nobody wants the topic, which parts from the filters at its third level.
void BM_MatchNothing(benchmark::State& state) {
  const auto filters = static_cast<std::uint32_t>(state.range(0));
  const auto trie = Filled(filters, Device);
  MatchAll(state, *trie, Some(filters, std::min(filters, kTopics), [](std::uint32_t n) {
             return "site/" + std::to_string(n % 100) + "/nobody" + std::to_string(n) + "/temp";
           }));
}
BENCHMARK(BM_MatchNothing)->RangeMultiplier(10)->Range(100, 1'000'000);

// 6,900 filters (times the scale), 22 matches per publish: houses with rooms with sensors, and
// dashboards that watch them with wildcards at every level.
void BM_MatchWildcards(benchmark::State& state) {
  const auto scale = static_cast<std::uint32_t>(state.range(0));
  SubscriptionTrie trie(CoreId{0});
  std::uint32_t next = 0;
  const auto add = [&](const std::string& filter) { trie.Subscribe(filter, By(next++)); };
  const std::uint32_t houses = 340 * scale;
  for (std::uint32_t house = 0; house < houses; ++house) {
    const std::string h = "house" + std::to_string(house);
    for (const char* tail : {"/#",
                             "/+/#",
                             "/+/+/#",
                             "/+/+/temp",
                             "/+/s0/+",
                             "/+/s0/temp",
                             "/room0/#",
                             "/room0/+/#",
                             "/room0/+/temp",
                             "/room0/s0/#",
                             "/room0/s0/+",
                             "/room0/s0/temp",
                             "/room1/s0/temp",
                             "/room2/s0/temp",
                             "/room3/s0/temp",
                             "/room4/s0/temp",
                             "/room5/s0/temp",
                             "/room6/s0/temp",
                             "/room7/s0/temp",
                             "/room8/s0/temp"}) {
      add(h + tail);
    }
  }
  for (const char* filter :
       {"#", "+/#", "+/room0/#", "+/room0/s0/#", "+/room0/s0/temp", "+/+/s0/temp", "+/+/+/temp",
        "+/+/+/+", "+/room0/+/temp", "+/+/s0/#"}) {
    add(filter);
  }
  std::vector<std::string> topics;
  std::mt19937 random(1);
  for (std::uint32_t i = 0; i < std::min(houses, kTopics); ++i) {
    topics.push_back("house" + std::to_string(random() % houses) + "/room0/s0/temp");
  }
  MatchAll(state, trie, topics);
  state.counters["filters"] = static_cast<double>(trie.filters());
}
BENCHMARK(BM_MatchWildcards)->Arg(1)->Arg(15)->Arg(150);

// Each of `levels` is '+' or 'a', in every combination: 2^levels filters, all of which match.
void BM_MatchPlusForest(benchmark::State& state) {
  const auto levels = static_cast<std::uint32_t>(state.range(0));
  SubscriptionTrie trie(CoreId{0});
  std::string topic = "a";
  for (std::uint32_t level = 1; level < levels; ++level) topic += "/a";
  for (std::uint32_t n = 0; n < 1U << levels; ++n) {
    std::string filter = topic;
    for (std::uint32_t level = 0; level < levels; ++level) {
      if ((n >> level & 1) != 0) filter[2 * level] = '+';
    }
    trie.Subscribe(filter, By(n));
  }
  MatchAll(state, trie, {topic});
  state.counters["ns/match"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * (1U << levels) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_MatchPlusForest)->Arg(4)->Arg(8)->Arg(12)->Arg(16);

// One filter, many subscribers: what a fan-out pays per subscriber.
void BM_MatchFanOut(benchmark::State& state) {
  const auto subscribers = static_cast<std::uint32_t>(state.range(0));
  SubscriptionTrie trie(CoreId{0});
  for (std::uint32_t n = 0; n < subscribers; ++n) trie.Subscribe("news", By(n));
  MatchAll(state, trie, {"news"});
}
BENCHMARK(BM_MatchFanOut)->Arg(1)->Arg(2)->Arg(1'000)->Arg(100'000);

// Into and out of a trie that holds `range` filters already: as many new ones, in random order, at
// once.
void ChangeOf(benchmark::State& state, bool subscribe) {
  const auto filters = static_cast<std::uint32_t>(state.range(0));
  constexpr std::uint32_t kBatch = 1'000;
  const auto trie = Filled(filters, Device);
  std::vector<std::string> names;
  for (std::uint32_t n = 0; n < kBatch; ++n) names.push_back(Device(filters + n * 7'919));
  std::shuffle(names.begin(), names.end(), std::mt19937(1));
  const auto come = [&] {
    for (std::uint32_t n = 0; n < kBatch; ++n) trie->Subscribe(names[n], By(n));
  };
  const auto go = [&] {
    for (std::uint32_t n = 0; n < kBatch; ++n) trie->Unsubscribe(names[n], SubscriberId{n});
  };
  while (state.KeepRunningBatch(kBatch)) {
    if (!subscribe) {
      state.PauseTiming();
      come();
      state.ResumeTiming();
      go();
    } else {
      come();
      state.PauseTiming();
      go();
      state.ResumeTiming();
    }
  }
}
void BM_Subscribe(benchmark::State& state) { ChangeOf(state, true); }
void BM_Unsubscribe(benchmark::State& state) { ChangeOf(state, false); }
BENCHMARK(BM_Subscribe)->RangeMultiplier(10)->Range(100, 1'000'000);
BENCHMARK(BM_Unsubscribe)->RangeMultiplier(10)->Range(100, 1'000'000);

// The peer goes away: a tenth of the filters were its own, a tenth were shared with us.
void BM_ClearPeer(benchmark::State& state) {
  const auto filters = static_cast<std::uint32_t>(state.range(0));
  const auto trie = Filled(filters, Device);
  for (auto _ : state) {
    state.PauseTiming();
    for (std::uint32_t n = filters / 10 * 9; n < filters / 10 * 11; ++n) {
      trie->SetPeerInterest(Device(n), CoreId{1}, true);
    }
    state.ResumeTiming();
    trie->ClearPeer();
  }
  state.counters["ns/filter"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * filters / 5 * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_ClearPeer)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tandem::broker
