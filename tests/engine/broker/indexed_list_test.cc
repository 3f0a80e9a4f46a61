#include "engine/broker/indexed_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <functional>
#include <map>

#include "absl/hash/hash.h"

namespace tandem::broker {
namespace {

struct Pair {
  int key = 0;
  int value = 0;
};
struct PairTraits {
  using Key = int;
  using Hash = absl::Hash<int>;
  using Equal = std::equal_to<int>;
  static int KeyOf(const Pair& pair) { return pair.key; }
};
using List = IndexedList<Pair, PairTraits>;

TEST(IndexedList, TheLastElementTakesThePlaceOfARemovedOne) {
  List list;
  for (int key = 0; key < 4; ++key) list.Add({key, key});
  list.Remove(1);
  EXPECT_EQ(list[1].key, 3);
  EXPECT_EQ(list.size(), 3);
  EXPECT_EQ(list.Find(1), std::nullopt);
  EXPECT_EQ(list.Find(3), 1);
}

TEST(IndexedList, GivesMemoryBackWhenItShrinks) {
  List list;
  for (int key = 0; key < 100'000; ++key) list.Add({key, 0});
  const std::size_t full = list.heap_bytes();
  while (list.size() > 10) list.Remove(0);
  EXPECT_LT(list.heap_bytes(), full / 1'000);
}

// Keys below `keys` in a list that crosses the borders of its index both ways.
void BehavesLikeAMap(int keys) {
  List list;
  std::map<int, int> model;
  const int steps = *rc::gen::inRange(0, 600);
  for (int step = 0; step < steps; ++step) {
    const int key = *rc::gen::inRange(0, keys);
    const bool add = *rc::gen::inRange(0, 600) >= step;  // grows first, shrinks later
    const auto position = list.Find(key);
    RC_ASSERT(position.has_value() == model.contains(key));
    if (position) RC_ASSERT(list[*position].value == model[key]);
    if (add && !position) {
      list.Add({key, step});
      model[key] = step;
    } else if (!add && position) {
      list.Remove(*position);
      model.erase(key);
    } else if (position && list.size() > 1) {
      list.Swap(*position, static_cast<std::uint32_t>(list.size() - 1));
    }
    RC_ASSERT(list.size() == model.size());
  }
  for (const auto& [key, value] : model) RC_ASSERT(list[*list.Find(key)].value == value);
}

TEST(IndexedList, BehavesLikeAMapWhateverItsLength) {
  EXPECT_TRUE(rc::check("short", [] { BehavesLikeAMap(10); }));
  EXPECT_TRUE(rc::check("long", [] { BehavesLikeAMap(200); }));
}

}  // namespace
}  // namespace tandem::broker
