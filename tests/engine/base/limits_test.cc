#include "engine/base/limits.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

// One packet id per number of a window, and none of them 0.
static_assert(kPacketIds == 65'535);
static_assert(kCoresMax <= 64, "interest masks are 64 bits wide");

TEST(Limits, LetAWholePacketBeAddressedWith32Bits) {
  EXPECT_LT(kPacketBytesMax, std::size_t{1} << 31);
  EXPECT_LE(kConnectPacketBytesMax, kPacketBytesMax);
}

}  // namespace
}  // namespace tandem
