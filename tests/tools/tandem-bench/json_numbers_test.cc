#include "tools/tandem-bench/json_numbers.h"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

TEST(JsonNumbers, AreFoundByTheirPath) {
  const auto numbers = JsonNumbers(
      R"( {"a": 1, "b":{"c":-2.5e3,"d":{}}, "text":"q\"1,{", "no":null, "yes":true,
           "list":[[1,2],{"x":3}], "empty":[], "z":0.25} )");
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ(numbers->size(), 3u);
  EXPECT_EQ(numbers->at("a"), 1);
  EXPECT_EQ(numbers->at("b.c"), -2'500);
  EXPECT_EQ(numbers->at("z"), 0.25);
}

TEST(JsonNumbers, RefusesWhatIsNoObject) {
  for (const char* text :
       {"", "1", "[]", "{", R"({"a")", R"({"a":})", R"({"a":1,})", R"({"a":1} x)", R"({"a":nul})",
        R"({"a":"b)", R"({"a":[1,})", R"({"a":"\)"}) {
    EXPECT_FALSE(JsonNumbers(text).ok()) << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  EXPECT_FALSE(JsonNumbers(deep).ok());
}

}  // namespace
}  // namespace tandem::bench
