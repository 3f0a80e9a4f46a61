#include "engine/broker/trie_store.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

namespace tandem::broker {
namespace {

std::uintptr_t LineOf(const void* object) { return reinterpret_cast<std::uintptr_t>(object) / 64; }

TEST(TrieStore, EntryStandsBesideTheNodeThatEndsItsFilter) {
  TrieStore store;
  const NodeId node = store.NewNode(true);
  const EntryId entry = store.NewEntry(node);
  EXPECT_EQ(LineOf(&store[node]), LineOf(&store[entry]));
  store[node].entry = entry;
  const EntryId second = store.NewEntry(node);  // that of "/#"
  EXPECT_NE(LineOf(&store[node]), LineOf(&store[second]));
  store[node].multi_entry = second;
  store[node].entry = kNoEntry;
  store.Delete(entry);
  EXPECT_EQ(store.NewEntry(node), entry) << "the place is free again";
}

TEST(TrieStore, NodeInTheMiddleTakesNoRoomForAnEntry) {
  TrieStore store;
  const NodeId a = store.NewNode(false);
  const NodeId b = store.NewNode(false);
  EXPECT_EQ(
      reinterpret_cast<std::uintptr_t>(&store[b]) - reinterpret_cast<std::uintptr_t>(&store[a]),
      sizeof(TrieNode));
  const EntryId entry = store.NewEntry(a);
  EXPECT_NE(LineOf(&store[entry]), LineOf(&store[a]));
}

TEST(TrieStore, NumbersOfEntriesAreDenseAndLeadBack) {
  TrieStore store;
  std::set<std::uint32_t> numbers;
  constexpr std::uint32_t kNodes = 1'000;
  for (std::uint32_t i = 0; i < kNodes; ++i) {
    const NodeId node = store.NewNode(i % 2 == 0);
    store[node].entry = store.NewEntry(node);
    store[node].multi_entry = store.NewEntry(node);
    for (const EntryId entry : {store[node].entry, store[node].multi_entry}) {
      const std::uint32_t number = TrieStore::NumberOf(entry);
      EXPECT_EQ(TrieStore::EntryOf(number), entry);
      EXPECT_LT(number, 4 * kNodes);
      numbers.insert(number);
    }
  }
  EXPECT_EQ(numbers.size(), 2 * kNodes);
  EXPECT_EQ(store.entries(), 2 * kNodes);
}

TEST(TrieStore, ReusesWhatIsDeleted) {
  TrieStore store;
  std::size_t bytes = 0;
  for (int round = 0; round < 5; ++round) {
    std::vector<NodeId> nodes;
    for (int i = 0; i < 10'000; ++i) {
      nodes.push_back(store.NewNode(i % 2 == 0));
      store[nodes.back()].entry = store.NewEntry(nodes.back());
    }
    for (const NodeId node : nodes) {
      store.Delete(store[node].entry);
      store.Delete(node);
    }
    EXPECT_EQ(store.nodes(), 0);
    EXPECT_EQ(store.entries(), 0);
    if (round == 0) bytes = store.bytes();
    EXPECT_EQ(store.bytes(), bytes);
  }
}

}  // namespace
}  // namespace tandem::broker
