#include "engine/metrics/node_metrics.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "tests/engine/metrics/text_of.h"

namespace tandem::metrics {
namespace {

using ::testing::HasSubstr;

// The value of a sample without labels.
double ValueOf(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + " ");
  EXPECT_NE(at, std::string::npos) << name;
  return at == std::string::npos ? NAN : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
}

TEST(NodeMetrics, ShowOneStateAtATime) {
  NodeMetrics metrics("0.1.0", "abc1234");
  EXPECT_THAT(TextOf(metrics), HasSubstr("tandem_node_state{state=\"starting\"} 1\n"));
  EXPECT_THAT(TextOf(metrics), HasSubstr("tandem_safe_to_stop 0\n"));
  metrics.SetState(NodeState::kServing);
  metrics.SetSafeToStop(true);
  const std::string text = TextOf(metrics);
  for (const char* line :
       {"tandem_build_info{version=\"0.1.0\",revision=\"abc1234\"} 1\n",
        "tandem_node_state{state=\"starting\"} 0\n", "tandem_node_state{state=\"catching_up\"} 0\n",
        "tandem_node_state{state=\"serving\"} 1\n", "tandem_node_state{state=\"draining\"} 0\n",
        "tandem_safe_to_stop 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ProcessMetrics, TellWhatTheKernelSays) {
  const ProcessMetrics metrics;
  const std::string text = TextOf(metrics);
  EXPECT_GT(ValueOf(text, "process_cpu_seconds_total"), 0);
  EXPECT_GT(ValueOf(text, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(ValueOf(text, "process_max_fds"), 0);
  const double started = ValueOf(text, "process_start_time_seconds");
  const double now = static_cast<double>(time(nullptr));
  EXPECT_LE(started, now + 1);
  EXPECT_GT(started, now - 3600);
}

TEST(ProcessMetrics, CountOpenDescriptors) {
  const ProcessMetrics metrics;
  const double before = ValueOf(TextOf(metrics), "process_open_fds");
  const int fd = open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ValueOf(TextOf(metrics), "process_open_fds"), before + 1);
  close(fd);
  EXPECT_EQ(ValueOf(TextOf(metrics), "process_open_fds"), before);
}

}  // namespace
}  // namespace tandem::metrics
