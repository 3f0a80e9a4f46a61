#include "engine/node/config/values.h"

#include <gtest/gtest.h>

namespace tandem::config {
namespace {

using Cores = std::vector<unsigned>;

TEST(Values, ReadsSizes) {
  EXPECT_EQ(ParseSize("16MiB"), 16u << 20);
  EXPECT_EQ(ParseSize("64KiB"), 64u << 10);
  EXPECT_EQ(ParseSize("2GiB"), std::uint64_t{2} << 30);
  EXPECT_EQ(ParseSize("5MB"), 5'000'000u);
  EXPECT_EQ(ParseSize("512B"), 512u);
  EXPECT_EQ(ParseSize("512"), 512u);
  for (const char* text :
       {"", "MiB", "-1MiB", "1.5MiB", "1 MiB", "1mib", "1MiB2", "1KiB1KiB", "99999999999GiB"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(Values, ReadsDurations) {
  EXPECT_EQ(ParseDuration("7d"), std::int64_t{604'800'000'000'000});
  EXPECT_EQ(ParseDuration("500ms"), 500'000'000);
  EXPECT_EQ(ParseDuration("50us"), 50'000);
  EXPECT_EQ(ParseDuration("1h30m"), std::int64_t{5'400'000'000'000});
  EXPECT_EQ(ParseDuration("0"), 0);
  for (const char* text :
       {"", "7", "s", "-1s", "1.5s", "1 s", "1w", "1s 2", "999999999999d", "106752d106752d"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(Values, ReadsCores) {
  EXPECT_EQ(ParseCores("auto"), Cores{});
  EXPECT_EQ(ParseCores("2-5,8"), (Cores{2, 3, 4, 5, 8}));
  EXPECT_EQ(ParseCores("8,0"), (Cores{0, 8}));
  for (const char* text :
       {"", ",", "1,", "5-2", "1-", "-1", "1,1", "0-3,2", "1024", "0-99999999999", "a"}) {
    EXPECT_FALSE(ParseCores(text)) << text;
  }
}

TEST(Values, ReadsIntegers) {
  EXPECT_EQ(ParseInteger("10_000"), 10'000);
  EXPECT_EQ(ParseInteger("-3"), -3);
  for (const char* text : {"", "_", "1.0", "1x", "99999999999999999999"})
    EXPECT_FALSE(ParseInteger(text)) << text;
}

TEST(Values, FormatsInTheLargestExactUnit) {
  EXPECT_EQ(FormatSize(16 << 20), "16MiB");
  EXPECT_EQ(FormatSize(1025), "1025B");
  EXPECT_EQ(FormatSize(0), "0");
  EXPECT_EQ(FormatDuration(90'000'000'000), "90s");
  EXPECT_EQ(FormatDuration(1'500'000), "1500us");
  EXPECT_EQ(FormatDuration(0), "0");
}

}  // namespace
}  // namespace tandem::config
