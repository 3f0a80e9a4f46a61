#include "tools/tandem-bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/tandem-bench/json_numbers.h"

namespace tandem::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ReportTest : public ::testing::Test {
 protected:
  ReportTest() {
    options.mode = "pair";
    measured.received = 1'000;
    measured.published = 900;
    for (int i = 0; i < 1'000; ++i) measured.latency.Record(100);
  }
  Result Make() const {
    return {.options = options,
            .measured = measured,
            .measured_ns = 2 * kNanosecondsPerSecond,
            .clients = 2,
            .published_ever = 1'500};
  }

  Options options;
  Measurement measured;
};

TEST_F(ReportTest, CountsPerSecondOfMeasuredTime) {
  EXPECT_DOUBLE_EQ(MessagesPerSecond(Make()), 500);
  Result nothing = Make();
  nothing.measured_ns = 0;
  EXPECT_DOUBLE_EQ(MessagesPerSecond(nothing), 0);
}

TEST_F(ReportTest, SharesTheCpuOfTheBrokerAmongMessages) {
  Result result = Make();
  EXPECT_FALSE(BrokerCpuUsPerMessage(result));
  result.broker_cpu_ns = 2'500'000;
  EXPECT_DOUBLE_EQ(*BrokerCpuUsPerMessage(result), 2.5);
  measured.received = 0;
  measured.published = 500;  // nobody receives
  EXPECT_DOUBLE_EQ(*BrokerCpuUsPerMessage(result), 5);
  measured.published = 0;
  EXPECT_FALSE(BrokerCpuUsPerMessage(result));
}

TEST_F(ReportTest, LossIsBadOnlyWithCheck) {
  Result result = Make();
  result.lost = 1;
  EXPECT_TRUE(IsGood(result));
  options.check = true;
  EXPECT_FALSE(IsGood(result));
  EXPECT_THAT(Summary(result), HasSubstr("FAILED"));
  result.lost = 0;
  EXPECT_TRUE(IsGood(result));
  result.flows.allowed_duplicates = 1;
  EXPECT_TRUE(IsGood(result));
  result.flows.duplicates = 1;
  EXPECT_FALSE(IsGood(result));
  result.flows.duplicates = 0;
  result.flows.reordered = 1;
  EXPECT_FALSE(IsGood(result));
}

TEST_F(ReportTest, LostClientsAreAlwaysBad) {
  Result result = Make();
  result.errors.clients_lost = 1;
  result.errors.first = "c: gone";
  EXPECT_FALSE(IsGood(result));
  EXPECT_THAT(Summary(result), HasSubstr("c: gone"));
}

TEST_F(ReportTest, LatenciesHaveUnits) {
  EXPECT_EQ(FormatLatency(12'340), "12.3 us");
  EXPECT_EQ(FormatLatency(4'560'000), "4.56 ms");
  EXPECT_EQ(FormatLatency(1'200'000'000), "1.20 s");
}

TEST_F(ReportTest, LiveLineShowsRatesOfItsTime) {
  const std::string line = LiveLine(3 * kNanosecondsPerSecond, Phase::kMeasuring, "3/10 s",
                                    measured, kNanosecondsPerSecond / 2);
  EXPECT_THAT(line, HasSubstr("3/10 s"));
  EXPECT_THAT(line, HasSubstr("measuring"));
  EXPECT_THAT(line, HasSubstr("2000/s"));
  EXPECT_THAT(line, HasSubstr("1800/s"));
  EXPECT_THAT(line, HasSubstr("0.1 us"));
}

TEST_F(ReportTest, SaysWhenTheGeneratorWasTheLimit) {
  Result result = Make();
  result.generator_busy = 0.5;
  EXPECT_FALSE(GeneratorWasTheLimit(result));
  result.generator_busy = 0.99;
  EXPECT_TRUE(GeneratorWasTheLimit(result));
  EXPECT_THAT(Summary(result), HasSubstr("IT WAS THE LIMIT"));
  EXPECT_THAT(Json(result), HasSubstr(R"("generator_was_limit":true)"));
  result.broker_cpu_ns = 2 * kNanosecondsPerSecond;  // its core was full too
  EXPECT_FALSE(GeneratorWasTheLimit(result));
  EXPECT_THAT(Summary(result), Not(HasSubstr("LIMIT")));
}

TEST_F(ReportTest, JsonHoldsSeriesAndDistribution) {
  Result result = Make();
  result.series = {{1, 2, 3, 4, 5, 6}, {2, 0, 0, 0, 0, 0}};
  const std::string json = Json(result);
  EXPECT_THAT(json, HasSubstr(R"("series":[[1.000,2.0,3.0,4.0,5.0,6.0],[2.000,)"));
  EXPECT_THAT(json, HasSubstr(R"("distribution":[[0,0.1],)"));
  const auto numbers = JsonNumbers(json);
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ(numbers->at("messages_per_s"), 500);
  EXPECT_EQ(numbers->at("latency_us.p99"), 0.1);
}

TEST_F(ReportTest, JsonIsOneObjectWithQuotedText) {
  Result result = Make();
  result.errors.first = "a \"b\"\n\\";
  const std::string json = Json(result);
  EXPECT_THAT(json, HasSubstr(R"("messages_per_s":500.0)"));
  EXPECT_THAT(json, HasSubstr(R"("latency_us":{"count":1000,"p50":0.1,)"));
  EXPECT_THAT(json, HasSubstr(R"("broker_cpu_us_per_message":null)"));
  EXPECT_THAT(json, HasSubstr(R"("first_error":"a \"b\"\u000a\\")"));
  EXPECT_THAT(json, HasSubstr(R"("good":true})"));
}

TEST_F(ReportTest, ConnectionsAloneHaveNoRates) {
  Result result = Make();
  measured.published = measured.received = 0;
  EXPECT_THAT(Summary(result), Not(HasSubstr("messages/s")));
}

}  // namespace
}  // namespace tandem::bench
