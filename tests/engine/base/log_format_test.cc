#include "engine/base/log_format.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "engine/base/log_ring.h"

namespace tandem::internal {
namespace {

// 2026-11-22T21:50:01.123456789Z
constexpr std::int64_t kWallNs = 1'795'384'201'123'456'789;

std::string Body(LogFormat format, std::string_view message, LogFields fields) {
  std::array<char, kLogTextBytesMax> out;
  return std::string(out.data(), FormatLogBody(out, format, message, fields));
}

std::string Prefix(LogFormat format, std::string_view level) {
  std::array<char, kLogPrefixBytesMax> out;
  return std::string(out.data(), FormatLogPrefix(out, format, kWallNs, level));
}

TEST(LogFormat, WritesEachKindOfValueAsText) {
  EXPECT_EQ(Body(LogFormat::kText, "hello",
                 {{"n", -3},
                  {"u", std::numeric_limits<std::uint64_t>::max()},
                  {"on", true},
                  {"r", 0.5},
                  {"s", "a b"}}),
            R"(hello n=-3 u=18446744073709551615 on=true r=0.5 s="a b")");
}

TEST(LogFormat, WritesEachKindOfValueAsJson) {
  EXPECT_EQ(Body(LogFormat::kJson, "hello",
                 {{"n", -3}, {"on", false}, {"r", 0.5}, {"s", std::string("a b")}}),
            R"("message":"hello","n":-3,"on":false,"r":0.5,"s":"a b")");
  EXPECT_EQ(Body(LogFormat::kJson, "m", {{"r", std::numeric_limits<double>::infinity()}}),
            R"("message":"m","r":null)");
}

TEST(LogFormat, AClientCannotForgeALine) {
  const std::string_view evil = "x\"\n2026 error hacked\\";
  EXPECT_EQ(Body(LogFormat::kText, "c", {{"id", evil}}),
            R"(c id="x\x22\x0a2026 error hacked\x5c")");
  EXPECT_EQ(Body(LogFormat::kJson, "c", {{"id", evil}}),
            R"("message":"c","id":"x\\x22\\x0a2026 error hacked\\x5c")");
}

TEST(LogFormat, CutsLongValuesAndTooManyFieldsButStaysWhole) {
  const std::string long_value(1000, '\x01');  // four bytes each when escaped
  const std::string body =
      Body(LogFormat::kJson, "m",
           {{"a", long_value}, {"b", long_value}, {"c", long_value}, {"d", long_value}, {"e", 1}});
  EXPECT_LE(body.size(), kLogTextBytesMax);
  EXPECT_TRUE(body.ends_with(R"(,"e":1,"truncated":true)")) << body;
  EXPECT_NE(body.find("...\""), std::string::npos);
}

TEST(LogFormat, PutsTimeAndLevelInFront) {
  EXPECT_EQ(Prefix(LogFormat::kText, "info"), "2026-11-22T21:50:01.123456Z info  ");
  EXPECT_EQ(Prefix(LogFormat::kText, "error"), "2026-11-22T21:50:01.123456Z error ");
  EXPECT_EQ(Prefix(LogFormat::kText, ""), "2026-11-22T21:50:01.123456Z ");
  EXPECT_EQ(Prefix(LogFormat::kJson, "warn"),
            R"({"time":"2026-11-22T21:50:01.123456Z","level":"warn",)");
  EXPECT_EQ(Prefix(LogFormat::kJson, ""), R"({"time":"2026-11-22T21:50:01.123456Z",)");
}

}  // namespace
}  // namespace tandem::internal
