#include "engine/broker/slab.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

namespace tandem::broker {
namespace {

struct Thing {
  std::shared_ptr<int> owned;
};

class SlabTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kThings = 1 << 20;

  AddressRange range_{kThings * sizeof(Thing)};
  Slab<Thing> slab_{range_.data(), kThings};
};

TEST_F(SlabTest, HandsOutDistinctNumbersButNeverZero) {
  std::set<std::uint32_t> numbers;
  for (int i = 0; i < 5'000; ++i) numbers.insert(slab_.New());
  EXPECT_EQ(numbers.size(), 5'000);
  EXPECT_FALSE(numbers.contains(0));
  EXPECT_EQ(slab_.size(), 5'000);
}

TEST_F(SlabTest, KeepsObjectsInPlaceWhileItGrowsBeyondItsFirstPages) {
  const std::uint32_t first = slab_.New();
  const auto watched = std::make_shared<int>(7);
  slab_[first].owned = watched;
  const Thing* address = &slab_[first];
  for (std::uint32_t i = 2; i < kThings; ++i) slab_[slab_.New()].owned = watched;
  EXPECT_EQ(&slab_[first], address);
  EXPECT_EQ(watched.use_count(), kThings);
}

TEST_F(SlabTest, DeletingReleasesWhatTheObjectOwnsAndReusesItsPlace) {
  const std::uint32_t number = slab_.New();
  const auto watched = std::make_shared<int>(7);
  slab_[number].owned = watched;
  slab_.Delete(number);
  EXPECT_EQ(watched.use_count(), 1);
  EXPECT_EQ(slab_.New(), number);
  EXPECT_EQ(slab_[number].owned, nullptr);
}

TEST(Slab, ReleasesWhatItsObjectsOwnWhenItDies) {
  const auto watched = std::make_shared<int>(7);
  {
    AddressRange range(1 << 20);
    Slab<Thing> slab(range.data(), 1 << 10);
    for (int i = 0; i < 100; ++i) slab[slab.New()].owned = watched;
    slab.Delete(50);
    EXPECT_EQ(watched.use_count(), 100);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

TEST_F(SlabTest, DoesNotGrowWhenAsManyGoAsCome) {
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 3'000; ++i) numbers.push_back(slab_.New());
  for (const std::uint32_t number : numbers) slab_.Delete(number);
  const std::size_t bytes = slab_.bytes();
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t& number : numbers) number = slab_.New();
    for (const std::uint32_t number : numbers) slab_.Delete(number);
  }
  EXPECT_EQ(slab_.bytes(), bytes);
  EXPECT_EQ(slab_.size(), 0);
}

}  // namespace
}  // namespace tandem::broker
