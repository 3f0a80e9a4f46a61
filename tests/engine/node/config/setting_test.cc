#include "engine/node/config/setting.h"

#include <gtest/gtest.h>

namespace tandem::config {
namespace {

TEST(Setting, PatternsReplaceIndices) {
  EXPECT_EQ(PatternOf("listener.12.address"), "listener.#.address");
  EXPECT_EQ(PatternOf("node.name"), "node.name");
  EXPECT_EQ(PatternOf("node.name2"), "node.name2");
  EXPECT_EQ(PatternOf(""), "");
  EXPECT_EQ(PatternOf(".cluster.member.0.links"), ".cluster.member.#.links");
  EXPECT_EQ(PatternOf("node..name"), "node..name");
}

TEST(Setting, FindsTheIndex) {
  EXPECT_EQ(IndexOf("cluster.member.3.links"), 3u);
  EXPECT_EQ(IndexOf("node.name"), 0u);
}

TEST(Setting, ShowsValuesSafely) {
  EXPECT_EQ(Shown(Value(std::string("a\nb"))), "\"a\\x0ab\"");
  EXPECT_EQ(Shown(Value(std::int64_t{-4})), "-4");
  EXPECT_EQ(Shown(Value(true)), "true");
  EXPECT_EQ(Shown(Value(std::vector<std::string>{"a", "b"})), "[\"a\", \"b\"]");
}

}  // namespace
}  // namespace tandem::config
