#include "tools/tandem-bench/baseline.h"

#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "tools/tandem-bench/json_numbers.h"

namespace tandem::bench {
namespace {

struct Figure {
  const char* path;
  const char* name;
};

constexpr std::array kFigures = {
    Figure{"messages_per_s", "messages/s"},
    Figure{"latency_us.p50", "p50 us"},
    Figure{"latency_us.p99", "p99 us"},
    Figure{"latency_us.p99_9", "p99.9 us"},
    Figure{"acknowledged_us.p99", "acknowledged p99 us"},
    Figure{"broker_cpu_us_per_message", "broker CPU us/message"},
    Figure{"connect_s", "connect s"},
};

// What must be the same in both.
constexpr std::array kConditions = {"qos", "payload_bytes", "clients", "window", "rate_per_s"};

std::string Change(double before, double now) {
  if (before == 0) return now == 0 ? "same" : "new";
  return absl::StrFormat("%+.1f %%", 100 * (now - before) / before);
}

}  // namespace

absl::StatusOr<std::string> CompareWithBaseline(std::string_view json, std::string_view baseline) {
  TANDEM_ASSIGN_OR_RETURN(const auto now, JsonNumbers(json));
  TANDEM_ASSIGN_OR_RETURN(const auto before, JsonNumbers(baseline));
  for (const char* const path : kConditions) {
    const auto a = before.find(path);
    const auto b = now.find(path);
    if (a == before.end() || b == now.end() || a->second != b->second) {
      return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" is not that of this run"));
    }
  }
  std::string text = absl::StrFormat("  %-22s %12s %12s %9s\n", "", "baseline", "now", "change");
  for (const Figure& figure : kFigures) {
    const auto a = before.find(figure.path);
    const auto b = now.find(figure.path);
    if (a == before.end() || b == now.end()) continue;
    absl::StrAppendFormat(&text, "  %-22s %12.4g %12.4g %9s\n", figure.name, a->second, b->second,
                          Change(a->second, b->second));
  }
  return text;
}

}  // namespace tandem::bench
