#include "engine/base/strings.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(Strings, EscapesWhatALogLineMustNotHold) {
  EXPECT_EQ(Escaped("plain text/1"), "plain text/1");
  EXPECT_EQ(Escaped(std::string_view("a\0\n\"\\\x7f\xc3\xa4", 8)),
            "a\\x00\\x0a\\x22\\x5c\\x7f\\xc3\\xa4");
}

TEST(Strings, CutsWhatIsTooLong) {
  EXPECT_EQ(Escaped("abcdef", 6), "abcdef");
  EXPECT_EQ(Escaped("abcdef", 5), "abcde...");
  EXPECT_EQ(Escaped("", 0), "");
}

TEST(Strings, FindsByViewInAMapOfStrings) {
  StringMap<int> map;
  map["sensor/1"] = 1;
  const std::string_view text = "xxsensor/1";
  EXPECT_EQ(map.find(text.substr(2))->second, 1);
  EXPECT_FALSE(map.contains(text));
}

TEST(Strings, CrossTheBorderToAbseilUnchanged) {
  const std::string_view text = "abc";
  EXPECT_EQ(FromAbsl(ToAbsl(text)), text);
  EXPECT_EQ(FromAbsl(ToAbsl(text)).data(), text.data());
}

}  // namespace
}  // namespace tandem
