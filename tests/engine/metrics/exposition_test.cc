#include "engine/metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::metrics {
namespace {

using ::testing::HasSubstr;

constexpr Family kRequests = {"requests_total", Kind::kCounter, Unit::kPlain,
                              "Requests\nwith \\ and \"quotes\"."};
constexpr Family kTemperature = {"temperature", Kind::kGauge, Unit::kPlain, "Degrees."};
constexpr Family kBusy = {"busy_seconds_total", Kind::kCounter, Unit::kNanoseconds, "Busy."};
constexpr Family kLatency = {"latency_seconds", Kind::kHistogram, Unit::kNanoseconds, "Latency."};

TEST(Exposition, WritesHelpTypeAndSamples) {
  Exposition out;
  out.Add(kRequests, {{"path", "/"}, {"code", "200"}}, std::int64_t{3});
  out.Add(kTemperature, {}, std::int64_t{-4});
  EXPECT_EQ(out.Text(),
            "# HELP requests_total Requests\\nwith \\\\ and \"quotes\".\n"
            "# TYPE requests_total counter\n"
            "requests_total{path=\"/\",code=\"200\"} 3\n"
            "# HELP temperature Degrees.\n"
            "# TYPE temperature gauge\n"
            "temperature -4\n");
}

TEST(Exposition, EscapesLabelValues) {
  Exposition out;
  out.Add(kTemperature, {{"room", "a\"b\\c\nd"}}, std::int64_t{1});
  EXPECT_THAT(out.Text(), HasSubstr("temperature{room=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Exposition, AddsUpWhatSeveralCoresCounted) {
  Counter first;
  Counter second;
  first.Add(3);
  second.Add(4);
  Exposition out;
  out.Add(kRequests, {{"path", "/"}}, first);
  out.Add(kRequests, {{"path", "/"}}, second);
  out.Add(kRequests, {{"path", "/x"}}, second);
  EXPECT_THAT(out.Text(),
              HasSubstr("requests_total{path=\"/\"} 7\nrequests_total{path=\"/x\"} 4\n"));
}

TEST(Exposition, WritesNanosecondsAsSecondsExactly) {
  Exposition out;
  out.Add(kBusy, {{"core", "0"}}, std::int64_t{1'500'000'000});
  out.Add(kBusy, {{"core", "1"}}, std::int64_t{2'000'000'000});
  out.Add(kBusy, {{"core", "2"}}, std::int64_t{1});
  out.Add(kBusy, {{"core", "3"}}, std::int64_t{-1'000'000});
  EXPECT_THAT(out.Text(), HasSubstr("{core=\"0\"} 1.5\n"));
  EXPECT_THAT(out.Text(), HasSubstr("{core=\"1\"} 2\n"));
  EXPECT_THAT(out.Text(), HasSubstr("{core=\"2\"} 0.000000001\n"));
  EXPECT_THAT(out.Text(), HasSubstr("{core=\"3\"} -0.001\n"));
}

TEST(Exposition, WritesHistogramsCumulatively) {
  Histogram core0;
  Histogram core1;
  core0.Observe(50'000);
  core1.Observe(90'000);
  core1.Observe(20'000'000'000);
  Exposition out;
  out.Add(kLatency, {{"path", "peer"}}, core0);
  out.Add(kLatency, {{"path", "peer"}}, core1);
  const std::string text = out.Text();
  EXPECT_THAT(text, HasSubstr("# TYPE latency_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{path=\"peer\",le=\"0.000025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{path=\"peer\",le=\"0.00005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{path=\"peer\",le=\"0.0001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{path=\"peer\",le=\"10\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_bucket{path=\"peer\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_sum{path=\"peer\"} 20.00014\n"));
  EXPECT_THAT(text, HasSubstr("latency_seconds_count{path=\"peer\"} 3\n"));
}

TEST(Exposition, WritesHistogramsWithoutLabels) {
  Exposition out;
  out.Add(kLatency, {}, Histogram());
  EXPECT_THAT(out.Text(), HasSubstr("latency_seconds_bucket{le=\"1\"} 0\n"));
  EXPECT_THAT(out.Text(), HasSubstr("latency_seconds_sum 0\n"));
}

}  // namespace
}  // namespace tandem::metrics
