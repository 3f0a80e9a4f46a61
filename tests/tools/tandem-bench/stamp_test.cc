#include "tools/tandem-bench/stamp.h"

#include <gtest/gtest.h>

#include <array>

namespace tandem::bench {
namespace {

TEST(Stamp, SurvivesThePayload) {
  std::array<std::uint8_t, kStampBytes + 8> payload{};
  const Stamp stamp{.publisher = 70'000, .sequence = 1ull << 40, .planned_ns = -3};
  WriteStamp(stamp, payload.data());
  EXPECT_EQ(ReadStamp(payload), stamp);
}

TEST(Stamp, IsNotFoundInForeignOrShortPayloads) {
  std::array<std::uint8_t, kStampBytes> payload{};
  EXPECT_FALSE(ReadStamp(payload));
  WriteStamp({}, payload.data());
  EXPECT_TRUE(ReadStamp(payload));
  EXPECT_FALSE(ReadStamp(Bytes(payload).first(kStampBytes - 1)));
  EXPECT_FALSE(ReadStamp({}));
}

}  // namespace
}  // namespace tandem::bench
