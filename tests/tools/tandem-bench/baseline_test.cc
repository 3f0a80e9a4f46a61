#include "tools/tandem-bench/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"

namespace tandem::bench {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Json(int qos, double rate, const char* cpu) {
  return absl::StrFormat(
      R"({"qos":%d,"payload_bytes":64,"clients":2,"window":50,"rate_per_s":0.0,)"
      R"("messages_per_s":%.1f,"latency_us":{"p50":10,"p99":0},"broker_cpu_us_per_message":%s})",
      qos, rate, cpu);
}

TEST(Baseline, ShowsTheChangeOfWhatBothHave) {
  const auto text = CompareWithBaseline(Json(1, 1'100, "0.5"), Json(1, 1'000, "null"));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, ContainsRegex("messages/s +1000 +1100 +\\+10.0 %"));
  EXPECT_THAT(*text, ContainsRegex("p50 us +10 +10 +\\+0.0 %"));
  EXPECT_THAT(*text, ContainsRegex("p99 us +0 +0 +same"));
  EXPECT_THAT(*text, Not(HasSubstr("CPU")));
}

TEST(Baseline, RefusesARunOfAnotherKind) {
  const auto text = CompareWithBaseline(Json(1, 1'100, "1"), Json(0, 1'000, "1"));
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(std::string(text.status().message()), HasSubstr("\"qos\""));
  EXPECT_FALSE(CompareWithBaseline(Json(1, 1, "1"), "no JSON").ok());
}

}  // namespace
}  // namespace tandem::bench
