#include "engine/metrics/core_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/metrics/text_of.h"

namespace tandem::metrics {
namespace {

TEST(CoreMetrics, EachVerbMovesItsSample) {
  CoreMetrics metrics(2);
  metrics.Busy(1'500'000);
  metrics.MailboxMessages(3);
  metrics.UringEntered();
  metrics.UringOverflowed(4);
  metrics.BuffersFree(2040);
  metrics.BuffersExhausted();
  const std::string text = TextOf(metrics);
  for (const char* line : {"tandem_core_busy_seconds_total{core=\"2\"} 0.0015\n",
                           "tandem_core_mailbox_messages{core=\"2\"} 3\n",
                           "tandem_core_uring_enters_total{core=\"2\"} 1\n",
                           "tandem_core_uring_overflows_total{core=\"2\"} 4\n",
                           "tandem_core_buffers_free{core=\"2\"} 2040\n",
                           "tandem_core_buffers_exhausted_total{core=\"2\"} 1\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace tandem::metrics
