#include <gtest/gtest.h>
#include <malloc.h>

#include <functional>
#include <string>

#include "engine/broker/shard.h"
#include "tests/support/shard_load.h"

// Only glibc's heap tells what it holds.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace tandem::testing {
namespace {

using broker::MemoryUse;
using mqtt::QoS;

constexpr std::size_t kClients = 4000;

std::size_t Heap() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

class ShardMemoryTest : public ::testing::Test {
 protected:
  // What `step` makes the shard tell more of `part` is what it takes: from the heap, and from the
  // trie's own arenas.
  void Holds(std::size_t MemoryUse::*part, const std::function<void()>& step) {
    const std::size_t told_before = load_.shard().memory().*part;
    const std::size_t heap_before = Heap() + Arenas();
    step();
    const double told = static_cast<double>(load_.shard().memory().*part - told_before);
    const double taken = static_cast<double>(Heap() + Arenas() - heap_before);
    EXPECT_GT(told, taken * 0.75) << taken / kClients << " bytes each";
    EXPECT_LT(told, taken * 1.25) << taken / kClients << " bytes each";
  }
  void Each(const std::function<void(std::size_t)>& what) {
    for (std::size_t client = 0; client < kClients; ++client) what(client);
  }

  ShardLoad load_{kClients + 1};

 private:
  std::size_t Arenas() {
    const broker::SubscriptionTrie& trie = load_.shard().trie();
    return trie.bytes() - trie.heap_bytes();
  }
};

TEST_F(ShardMemoryTest, IsToldAsTheHeapHasIt) {
  const auto connections_and_sessions = [&] {
    const MemoryUse use = load_.shard().memory();
    return use.connections + use.sessions;
  };
  const std::size_t before = connections_and_sessions();
  const std::size_t heap_before = Heap();
  Each([&](std::size_t client) { load_.Connect(client, 3600); });
  const double told = static_cast<double>(connections_and_sessions() - before);
  const double taken = static_cast<double>(Heap() - heap_before);
  EXPECT_GT(told, taken * 0.75) << taken / kClients;
  EXPECT_LT(told, taken * 1.25) << taken / kClients;

  Holds(&MemoryUse::subscriptions, [&] {
    Each([&](std::size_t client) {
      load_.Subscribe(client, "devices/" + std::to_string(client) + "/commands/+");
    });
  });
  Each([&](std::size_t client) { load_.Leave(client); });
  load_.Connect(kClients, 0);
  Holds(&MemoryUse::queues, [&] {
    for (int i = 0; i < 10; ++i) {
      Each([&](std::size_t client) {
        load_.Publish(kClients, "devices/" + std::to_string(client) + "/commands/x", 64,
                      QoS::kAtLeastOnce);
      });
    }
  });
  Holds(&MemoryUse::retained, [&] {
    Each([&](std::size_t client) {
      load_.Publish(kClients, "state/" + std::to_string(client), 64, QoS::kAtMostOnce, true);
    });
  });
}

}  // namespace
}  // namespace tandem::testing

#endif
