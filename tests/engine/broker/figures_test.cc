#include "engine/broker/figures.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

TEST(Figures, TravelAsAList) {
  Figures figures;
  figures[Figure::kClientsConnected] = 3;
  figures[Figure::kUptimeS] = 99;
  const Figures back = Figures::FromList(figures.ToList());
  EXPECT_EQ(back[Figure::kClientsConnected], 3);
  EXPECT_EQ(back[Figure::kUptimeS], 99);
  EXPECT_EQ(back[Figure::kQueuedBytes], 0);
}

TEST(Figures, TakeWhatAnOlderOrNewerNodeTells) {
  const std::int64_t two[] = {7, 8};
  EXPECT_EQ(Figures::FromList(two)[Figure::kClientsMaximum], 8);
  EXPECT_EQ(Figures::FromList(two)[Figure::kSessions], 0);
  const std::vector<std::int64_t> many(kFigures + 5, 1);
  EXPECT_EQ(Figures::FromList(many)[Figure::kUptimeS], 1);
}

}  // namespace
}  // namespace tandem::broker
