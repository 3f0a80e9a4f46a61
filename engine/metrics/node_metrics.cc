#include "engine/metrics/node_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

namespace tandem::metrics {
namespace {

constexpr Family kBuildInfo = {"tandem_build_info", Kind::kGauge, Unit::kPlain,
                               "Always 1; which build runs."};
constexpr Family kNodeState = {
    "tandem_node_state", Kind::kGauge, Unit::kPlain,
    "1 for the state the node is in: starting, catching_up, serving, draining."};
constexpr Family kSafeToStop = {
    "tandem_safe_to_stop", Kind::kGauge, Unit::kPlain,
    "1 while this node can stop without losing or interrupting anything."};
constexpr Family kCpuSeconds = {"process_cpu_seconds_total", Kind::kCounter, Unit::kNanoseconds,
                                "CPU time used."};
constexpr Family kResidentBytes = {"process_resident_memory_bytes", Kind::kGauge, Unit::kPlain,
                                   "Resident memory."};
constexpr Family kOpenFds = {"process_open_fds", Kind::kGauge, Unit::kPlain,
                             "Open file descriptors."};
constexpr Family kMaxFds = {"process_max_fds", Kind::kGauge, Unit::kPlain,
                            "Limit of file descriptors."};
constexpr Family kStartTime = {"process_start_time_seconds", Kind::kGauge, Unit::kNanoseconds,
                               "Start of the process, in Unix time."};

std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::optional<std::int64_t> ClockNs(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return std::nullopt;
  return Nanoseconds(time);
}

// Second field of /proc/self/statm, in pages.
std::optional<std::int64_t> ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return std::nullopt;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

std::optional<std::int64_t> OpenFds() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return std::nullopt;
  std::int64_t entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the descriptor of the directory itself
}

// Field 22 of /proc/self/stat: clock ticks between boot and start (proc(5)). The name in field 2
// may hold blanks, so the count begins behind its closing parenthesis.
std::optional<std::int64_t> StartTimeNs() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line) || line.rfind(')') == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::int64_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  const auto now_ns = ClockNs(CLOCK_REALTIME);
  const auto since_boot_ns = ClockNs(CLOCK_BOOTTIME);
  if (!now_ns || !since_boot_ns) return std::nullopt;
  return *now_ns - *since_boot_ns + ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK));
}

void AddIfKnown(Exposition& out, const Family& family, std::optional<std::int64_t> value) {
  if (value) out.Add(family, {}, *value);
}

}  // namespace

void NodeMetrics::Collect(Exposition& out) const {
  out.Add(kBuildInfo, {{"version", version_}, {"revision", revision_}}, std::int64_t{1});
  const NodeState now = state_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kNodeStateNames.size(); ++i) {
    const bool current = static_cast<NodeState>(i) == now;
    out.Add(kNodeState, {{"state", kNodeStateNames[i]}}, std::int64_t{current});
  }
  out.Add(kSafeToStop, {}, std::int64_t{safe_to_stop_.load(std::memory_order_relaxed)});
}

void ProcessMetrics::Collect(Exposition& out) const {
  // The start is computed once: recomputing it from two clocks would let it wander by microseconds.
  static const std::optional<std::int64_t> start_time_ns = StartTimeNs();
  AddIfKnown(out, kCpuSeconds, ClockNs(CLOCK_PROCESS_CPUTIME_ID));
  AddIfKnown(out, kResidentBytes, ResidentBytes());
  AddIfKnown(out, kOpenFds, OpenFds());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.Add(kMaxFds, {}, static_cast<std::int64_t>(limit.rlim_cur));
  AddIfKnown(out, kStartTime, start_time_ns);
}

}  // namespace tandem::metrics
