#include "engine/broker/edge_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace tandem::broker {
namespace {

// All in one segment and at its end, so that the runs of the table meet and wrap around.
PathKey Crowded(std::uint32_t n) { return PathKey{std::uint64_t{0x03FF'FFFF - n} << 32}; }

NodeId Find(const EdgeTable& table, PathKey key, NodeId node) {
  return table.Find(key, [node](NodeId candidate) { return candidate == node; });
}

TEST(EdgeTable, TellsNodesOfEqualKeysApart) {
  EdgeTable table;
  table.Insert(Crowded(1), NodeId{10});
  table.Insert(Crowded(1), NodeId{11});
  EXPECT_EQ(Find(table, Crowded(1), NodeId{10}), NodeId{10});
  EXPECT_EQ(Find(table, Crowded(1), NodeId{11}), NodeId{11});
  EXPECT_EQ(Find(table, Crowded(1), NodeId{12}), kNoNode);
  table.Erase(Crowded(1), NodeId{10});
  EXPECT_EQ(Find(table, Crowded(1), NodeId{11}), NodeId{11});
  EXPECT_EQ(Find(table, Crowded(1), NodeId{10}), kNoNode);
}

TEST(EdgeTable, GrowsAndShrinksWithItsContent) {
  EdgeTable table;
  const std::size_t empty = table.bytes();
  for (std::uint32_t n = 1; n <= 100'000; ++n) {
    table.Insert(PathKey{std::uint64_t{n} * 0x9e3779b97f4a7c15ULL}, NodeId{n});
  }
  EXPECT_LE(table.bytes(), 100'000 * 8 * 2);  // at least half full
  for (std::uint32_t n = 1; n <= 100'000; ++n) {
    ASSERT_EQ(Find(table, PathKey{std::uint64_t{n} * 0x9e3779b97f4a7c15ULL}, NodeId{n}), NodeId{n});
    table.Erase(PathKey{std::uint64_t{n} * 0x9e3779b97f4a7c15ULL}, NodeId{n});
  }
  EXPECT_EQ(table.size(), 0);
  EXPECT_EQ(table.bytes(), empty);
}

TEST(EdgeTable, BehavesLikeAMapWhereKeysCrowd) {
  const bool ok = rc::check("edge table == map", [] {
    EdgeTable table;
    std::map<std::uint32_t, NodeId> model;
    const int steps = *rc::gen::inRange(0, 300);
    for (int step = 0; step < steps; ++step) {
      const std::uint32_t n = *rc::gen::inRange(0U, 48U);
      const auto found = model.find(n);
      if (found != model.end()) {
        table.Erase(Crowded(n), found->second);
        model.erase(found);
      } else {
        model[n] = NodeId{static_cast<std::uint32_t>(step + 1)};
        table.Insert(Crowded(n), model[n]);
      }
      RC_ASSERT(table.size() == model.size());
      for (const auto& [key, node] : model) RC_ASSERT(Find(table, Crowded(key), node) == node);
    }
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace tandem::broker
