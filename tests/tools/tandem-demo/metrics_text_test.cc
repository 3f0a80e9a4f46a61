#include "tools/tandem-demo/metrics_text.h"

#include <gtest/gtest.h>

namespace tandem::demo {
namespace {

constexpr char kText[] =
    "# HELP tandem_connections Open client connections.\n"
    "# TYPE tandem_connections gauge\n"
    "tandem_connections{listener=\"mqtt\"} 3\n"
    "tandem_connections{listener=\"ws\"} 4\n"
    "tandem_node_state{state=\"starting\"} 0\n"
    "tandem_node_state{state=\"serving\"} 1\n"
    "tandem_subscriptions 12\n"
    "tandem_cluster_catch_up_seconds 1.5e-3 1700000000\n";

TEST(MetricsText, SumsOverLabels) {
  const MetricsText metrics(kText);
  EXPECT_EQ(metrics.Sum("tandem_connections"), 7);
  EXPECT_EQ(metrics.Sum("tandem_subscriptions"), 12);
  EXPECT_EQ(metrics.Sum("tandem_cluster_catch_up_seconds"), 1.5e-3);
}

TEST(MetricsText, TellsAMissingMetricFromZero) {
  EXPECT_FALSE(MetricsText(kText).Sum("tandem_conn").has_value());
  EXPECT_EQ(MetricsText("a 0\n").Sum("a"), 0);
}

TEST(MetricsText, FindsTheLabelThatHolds) {
  const MetricsText metrics(kText);
  EXPECT_EQ(metrics.Chosen("tandem_node_state", "state"), "serving");
  EXPECT_FALSE(metrics.Chosen("tandem_node_state", "mode").has_value());
  EXPECT_FALSE(metrics.Chosen("tandem_connections", "listener").has_value());
}

TEST(MetricsText, ReadsEscapesAndSeveralLabels) {
  const MetricsText metrics("m{a=\"x\\\"}\\\\\\n\",b=\"2\",} 5\n");
  ASSERT_EQ(metrics.samples().size(), 1u);
  EXPECT_EQ(metrics.samples()[0].labels.at("a"), "x\"}\\\n");
  EXPECT_EQ(metrics.samples()[0].labels.at("b"), "2");
}

TEST(MetricsText, LeavesOutWhatItDoesNotUnderstand) {
  for (const char* const line : {"m{a=\"x} 1", "m{a=x} 1", "m{a", "m{", "m", "m ", "m x", "{} 1"})
    EXPECT_TRUE(MetricsText(line).samples().empty()) << line;
  EXPECT_EQ(MetricsText("broken{\ngood 1").Sum("good"), 1);
}

}  // namespace
}  // namespace tandem::demo
