#include "engine/broker/slab.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

namespace tandem::broker {
namespace {

enum class ThingId : std::uint32_t {};
struct Thing {
  std::shared_ptr<int> owned;
};

TEST(Slab, HandsOutDistinctIdsButNeverZero) {
  Slab<ThingId, Thing> slab;
  std::set<ThingId> ids;
  for (int i = 0; i < 5'000; ++i) ids.insert(slab.New());
  EXPECT_EQ(ids.size(), 5'000);
  EXPECT_FALSE(ids.contains(ThingId{0}));
  EXPECT_EQ(slab.size(), 5'000);
}

TEST(Slab, KeepsObjectsInPlaceWhileItGrows) {
  Slab<ThingId, Thing> slab;
  const ThingId first = slab.New();
  const Thing* address = &slab[first];
  for (int i = 0; i < 5'000; ++i) slab.New();
  EXPECT_EQ(&slab[first], address);
}

TEST(Slab, DeletingReleasesWhatTheObjectOwnsAndReusesItsPlace) {
  Slab<ThingId, Thing> slab;
  const ThingId id = slab.New();
  const auto watched = std::make_shared<int>(7);
  slab[id].owned = watched;
  slab.Delete(id);
  EXPECT_EQ(watched.use_count(), 1);
  EXPECT_EQ(slab.New(), id);
  EXPECT_EQ(slab[id].owned, nullptr);
}

TEST(Slab, DoesNotGrowWhenAsManyGoAsCome) {
  Slab<ThingId, Thing> slab;
  std::vector<ThingId> ids;
  for (int i = 0; i < 3'000; ++i) ids.push_back(slab.New());
  for (const ThingId id : ids) slab.Delete(id);
  const std::size_t bytes = slab.bytes();
  for (int round = 0; round < 10; ++round) {
    for (ThingId& id : ids) id = slab.New();
    for (const ThingId id : ids) slab.Delete(id);
  }
  EXPECT_EQ(slab.bytes(), bytes);
  EXPECT_EQ(slab.size(), 0);
}

}  // namespace
}  // namespace tandem::broker
