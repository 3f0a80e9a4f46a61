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
  metrics.MailboxFull();
  metrics.Ring({.enters = 7, .overflows = 3, .buffers_exhausted = 0, .buffers_free = 9});
  metrics.Ring({.enters = 8, .overflows = 4, .buffers_exhausted = 1, .buffers_free = 2040});
  metrics.Memory(MemoryPart::kQueues, 5000);
  const std::string text = TextOf(metrics);
  for (const char* line : {"tandem_core_busy_seconds_total{core=\"2\"} 0.0015\n",
                           "tandem_core_mailbox_messages{core=\"2\"} 3\n",
                           "tandem_core_mailbox_full_total{core=\"2\"} 1\n",
                           "tandem_core_uring_enters_total{core=\"2\"} 8\n",
                           "tandem_core_uring_overflows_total{core=\"2\"} 4\n",
                           "tandem_core_buffers_free{core=\"2\"} 2040\n",
                           "tandem_core_buffers_exhausted_total{core=\"2\"} 1\n",
                           "tandem_memory_bytes{what=\"queues\"} 5000\n",
                           "tandem_memory_bytes{what=\"retained\"} 0\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace tandem::metrics
