#include "tools/tandem-bench/report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/strings.h"
#include "tools/tandem-bench/percentiles.h"

namespace tandem::bench {
namespace {

// A turn takes some of the time even when the broker is the one who is waited for.
constexpr double kBusyLimit = 0.95;
constexpr int kPercentileStepsPerHalf = 4;

double Seconds(MonoNs ns) { return static_cast<double>(ns) / 1e9; }

double Microseconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e3; }

double PerSecond(std::uint64_t count, MonoNs ns) {
  return ns > 0 ? static_cast<double>(count) / Seconds(ns) : 0;
}

const char* Name(Phase phase) {
  switch (phase) {
    case Phase::kConnecting:
      return "connecting";
    case Phase::kSettling:
      return "settling";
    case Phase::kWarmingUp:
      return "warm-up";
    case Phase::kMeasuring:
      return "measuring";
    case Phase::kDraining:
      return "draining";
    case Phase::kDone:
      return "done";
  }
  return "";
}

std::string Percentiles(const LatencyHistogram& latency) {
  return absl::StrCat("p50 ", FormatLatency(latency.Quantile(0.5)), "  p99 ",
                      FormatLatency(latency.Quantile(0.99)), "  p99.9 ",
                      FormatLatency(latency.Quantile(0.999)), "  max ",
                      FormatLatency(latency.max_ns()));
}

std::string JsonPercentiles(const LatencyHistogram& latency) {
  return absl::StrFormat(R"({"count":%d,"p50":%.1f,"p99":%.1f,"p99_9":%.1f,"max":%.1f})",
                         latency.count(), Microseconds(latency.Quantile(0.5)),
                         Microseconds(latency.Quantile(0.99)),
                         Microseconds(latency.Quantile(0.999)), Microseconds(latency.max_ns()));
}

// Text of ours and of brokers; what JSON does not take as it is becomes \u00NN.
std::string JsonText(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", std::string(1, c));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

double BrokerCores(const Result& result) {
  return PerSecond(*result.broker_cpu_ns, result.measured_ns) / 1e9;
}

std::string JsonSettings(const Result& result) {
  const Options& options = result.options;
  return absl::StrFormat(
      R"("mode":%s,"clients":%d,"qos":%d,"version":%d,"payload_bytes":%d,"window":%d,)"
      R"("rate_per_s":%.1f,"interval_ms":%.3f,)",
      JsonText(options.mode), result.clients, static_cast<int>(options.qos),
      static_cast<int>(options.version), options.payload_bytes, options.window, options.rate_per_s,
      static_cast<double>(options.interval_ns) / 1e6);
}

std::string JsonSeries(const Series& series) {
  std::string text;
  for (const Sample& sample : series) {
    absl::StrAppendFormat(&text, "%s[%.3f,%.1f,%.1f,%.1f,%.1f,%.1f]", text.empty() ? "" : ",",
                          sample.at_s, sample.published_per_s, sample.received_per_s, sample.p50_us,
                          sample.p99_us, sample.p99_9_us);
  }
  return absl::StrCat("[", text, "]");
}

std::string JsonDistribution(const LatencyHistogram& latency) {
  std::string text;
  for (const PercentilePoint& point : PercentilePoints(latency, kPercentileStepsPerHalf)) {
    absl::StrAppendFormat(&text, "%s[%.9g,%.1f]", text.empty() ? "" : ",", point.fraction,
                          Microseconds(point.value_ns));
  }
  return absl::StrCat("[", text, "]");
}

void AppendFigures(const Result& result, std::string& text) {
  const char* const what = result.options.mode == "reconnect" ? "connections" : "messages";
  absl::StrAppendFormat(&text, "  received        %.0f %s/s (%d in %.2f s; published %.0f/s)\n",
                        MessagesPerSecond(result), what, result.measured.received,
                        Seconds(result.measured_ns),
                        PerSecond(result.measured.published, result.measured_ns));
  if (result.measured.latency.count() > 0) {
    absl::StrAppend(&text, "  latency         ", Percentiles(result.measured.latency), "\n");
  }
  if (result.measured.acknowledgement.count() > 0) {
    absl::StrAppend(&text, "  acknowledged    ", Percentiles(result.measured.acknowledgement),
                    "\n");
  }
  absl::StrAppendFormat(&text, "  lost %d, duplicates %d (%d more allowed), reordered %d\n",
                        result.lost, result.flows.duplicates, result.flows.allowed_duplicates,
                        result.flows.reordered);
}

}  // namespace

double MessagesPerSecond(const Result& result) {
  return PerSecond(result.measured.received, result.measured_ns);
}

std::optional<double> BrokerCpuUsPerMessage(const Result& result) {
  const std::uint64_t messages =
      result.measured.received > 0 ? result.measured.received : result.measured.published;
  if (!result.broker_cpu_ns || messages == 0) return std::nullopt;
  return Microseconds(*result.broker_cpu_ns) / static_cast<double>(messages);
}

bool GeneratorWasTheLimit(const Result& result) {
  if (result.generator_busy < kBusyLimit) return false;
  return !result.broker_cpu_ns || BrokerCores(result) < kBusyLimit;
}

bool IsGood(const Result& result) {
  const LoadErrors& errors = result.errors;
  if (errors.clients_lost + errors.publishes_refused + errors.foreign_messages > 0) return false;
  if (!result.options.check) return true;
  return result.lost == 0 && result.flows.duplicates == 0 && result.flows.reordered == 0 &&
         errors.copies_given_up == 0;
}

std::string FormatLatency(std::uint64_t ns) {
  const double value = static_cast<double>(ns);
  if (value < 1e6) return absl::StrFormat("%.1f us", value / 1e3);
  if (value < 1e9) return absl::StrFormat("%.2f ms", value / 1e6);
  return absl::StrFormat("%.2f s", value / 1e9);
}

std::string LiveLine(MonoNs elapsed_ns, Phase phase, std::string_view progress,
                     const Measurement& recent, MonoNs recent_ns) {
  return absl::StrFormat(
      "%6.1f s  %-10s %-11s  sent %9.0f/s  received %9.0f/s  p50 %s  p99 %s  p99.9 %s",
      Seconds(elapsed_ns), Name(phase), ToAbsl(progress), PerSecond(recent.published, recent_ns),
      PerSecond(recent.received, recent_ns), FormatLatency(recent.latency.Quantile(0.5)),
      FormatLatency(recent.latency.Quantile(0.99)), FormatLatency(recent.latency.Quantile(0.999)));
}

std::string Summary(const Result& result) {
  const Options& options = result.options;
  std::string text = absl::StrFormat("%s: %d clients, QoS %d, %d bytes\n  connected in    %.3f s\n",
                                     options.mode, result.clients, static_cast<int>(options.qos),
                                     options.payload_bytes, Seconds(result.connect_time_ns));
  if (result.measured.published + result.measured.received > 0) AppendFigures(result, text);
  absl::StrAppendFormat(
      &text, "  generator       busy %.0f %%, CPU %.0f %%%s\n", result.generator_busy * 100,
      result.generator_cpu * 100,
      GeneratorWasTheLimit(result) ? ": IT WAS THE LIMIT, the broker can do more than this" : "");
  if (const auto cpu = BrokerCpuUsPerMessage(result)) {
    absl::StrAppendFormat(&text, "  broker CPU      %.3f us per message, %.0f %%\n", *cpu,
                          100 * BrokerCores(result));
  }
  if (result.errors.total() > 0) {
    absl::StrAppendFormat(
        &text,
        "  errors: %d clients lost, %d publishes refused, %d foreign messages, %d "
        "copies given up\n  the first: %s\n",
        result.errors.clients_lost, result.errors.publishes_refused, result.errors.foreign_messages,
        result.errors.copies_given_up, result.errors.first);
  }
  if (options.check)
    absl::StrAppend(&text, "  check           ", IsGood(result) ? "passed" : "FAILED", "\n");
  return text;
}

std::string Json(const Result& result) {
  const auto cpu = BrokerCpuUsPerMessage(result);
  return absl::StrCat(
      "{", JsonSettings(result),
      absl::StrFormat(R"("connect_s":%.6f,"measured_s":%.6f,"received":%d,"published":%d,)",
                      Seconds(result.connect_time_ns), Seconds(result.measured_ns),
                      result.measured.received, result.measured.published),
      absl::StrFormat(R"("published_ever":%d,"received_ever":%d,"messages_per_s":%.1f,)",
                      result.published_ever, result.received_ever, MessagesPerSecond(result)),
      R"("latency_us":)", JsonPercentiles(result.measured.latency), R"(,"acknowledged_us":)",
      JsonPercentiles(result.measured.acknowledgement),
      absl::StrFormat(R"(,"generator_cpu":%.4f,"generator_busy":%.4f,"generator_was_limit":%s,)",
                      result.generator_cpu, result.generator_busy,
                      GeneratorWasTheLimit(result) ? "true" : "false"),
      absl::StrFormat(R"("broker_cpu_us_per_message":%s,"broker_cores":%s,)",
                      cpu ? absl::StrFormat("%.4f", *cpu) : "null",
                      result.broker_cpu_ns ? absl::StrFormat("%.4f", BrokerCores(result)) : "null"),
      absl::StrFormat(R"("lost":%d,"duplicates":%d,"allowed_duplicates":%d,"reordered":%d,)",
                      result.lost, result.flows.duplicates, result.flows.allowed_duplicates,
                      result.flows.reordered),
      absl::StrFormat(
          R"("clients_lost":%d,"publishes_refused":%d,"foreign_messages":%d,"copies_given_up":%d,)",
          result.errors.clients_lost, result.errors.publishes_refused,
          result.errors.foreign_messages, result.errors.copies_given_up),
      R"("first_error":)", JsonText(result.errors.first), R"(,"series":)",
      JsonSeries(result.series), R"(,"distribution":)", JsonDistribution(result.measured.latency),
      R"(,"good":)", IsGood(result) ? "true" : "false", "}\n");
}

}  // namespace tandem::bench
