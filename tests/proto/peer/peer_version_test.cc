#include "proto/peer/peer_version.h"

#include <gtest/gtest.h>

namespace tandem::peer {
namespace {

TEST(PeerVersion, TwoReleasesSpeakTheOlderOnesVersion) {
  EXPECT_EQ(CommonMajor(3, 1, 3, 1), 3);
  EXPECT_EQ(CommonMajor(3, 1, 2, 1), 2);
  EXPECT_EQ(CommonMajor(2, 1, 3, 2), 2);
}

TEST(PeerVersion, ReleasesTooFarApartHaveNoneInCommon) {
  EXPECT_EQ(CommonMajor(1, 1, 3, 2), std::nullopt);
  EXPECT_EQ(CommonMajor(3, 2, 1, 1), std::nullopt);
}

TEST(PeerVersion, ThisReleaseSpeaksWithItself) {
  EXPECT_EQ(CommonMajor(kMajor, kMinMajor, kMajor, kMinMajor), kMajor);
  static_assert(kMinMajor <= kMajor);
}

}  // namespace
}  // namespace tandem::peer
