// What a run says: a line per second, a summary, JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "tools/tandem-bench/flow_checker.h"
#include "tools/tandem-bench/load.h"
#include "tools/tandem-bench/options.h"
#include "tools/tandem-bench/series.h"

namespace tandem::bench {

// A finished run.
struct Result {
  const Options& options;
  const Measurement& measured;
  MonoNs measured_ns = 0;
  MonoNs connect_time_ns = 0;
  std::uint32_t clients = 0;
  std::uint64_t published_ever = 0;
  std::uint64_t received_ever = 0;  // from the first message to the last of draining
  std::uint64_t lost = 0;
  FlowCounts flows;
  LoadErrors errors;
  double generator_cpu = 0;   // cores used by this program while measuring: 1 is all it can
  double generator_busy = 0;  // share of the time in which it had something to do
  std::optional<std::uint64_t> broker_cpu_ns;  // while measuring
  Series series{};
};

double MessagesPerSecond(const Result& result);
// Per message received, or published if nobody receives. Nothing without --broker-pid or without
// messages.
std::optional<double> BrokerCpuUsPerMessage(const Result& result);
// The generator had hardly a moment to spare, and the broker had, as far as is known: then the
// figures are the generator's.
bool GeneratorWasTheLimit(const Result& result);
// No client lost, nothing refused; with --check nothing lost, repeated or reordered either.
bool IsGood(const Result& result);

// "12.3 us", "4.56 ms", "1.20 s".
std::string FormatLatency(std::uint64_t ns);
// One second of a running load.
std::string LiveLine(MonoNs elapsed_ns, Phase phase, std::string_view progress,
                     const Measurement& recent, MonoNs recent_ns);
std::string Summary(const Result& result);
// One object; latencies in microseconds.
std::string Json(const Result& result);

}  // namespace tandem::bench
