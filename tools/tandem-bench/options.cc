#include "tools/tandem-bench/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "proto/mqtt/topic.h"
#include "tools/tandem-bench/modes.h"
#include "tools/tandem-bench/stamp.h"

namespace tandem::bench {
namespace {

constexpr const char* kFooter =
    "Without -I each publisher keeps --window messages under way (closed loop). With -I it "
    "publishes\n"
    "at fixed times and latency counts from those, whatever the broker does (open loop).\n"
    "  tandem-bench pair -c 10 -q 1 -s 64 --duration 5 --check\n"
    "  tandem-bench fan-out -c 1000 --window 20 --broker-pid $(pidof tandemd) --html fan-out.html\n"
    "  tandem-bench pair -h 10.0.0.1:1883,10.0.0.2:1883 -c 100 -I 20\n"
    "  tandem-bench find-max --of fan-in -c 100 -q 1 --limit 5\n"
    "Exit codes: 0 fine, 1 clients lost or --check failed, 2 usage.\n";

constexpr const char* kFindMax = "find-max";

// Options as CLI11 fills them, before they are checked against each other.
struct Raw {
  std::string hosts = "127.0.0.1";
  std::string local_hosts;
  std::uint16_t port = 1883;
  int qos = 0;
  int version = 5;
  double interval_ms = 0;
  double settle_s = 0.5;
  double warmup_s = 1;
  double duration_s = 10;
  double spin_us = 0;
  std::string json_file;
  std::string hgrm_file;
  std::string html_file;
  std::string baseline_file;
  std::string user_name;
  std::string password;
  int broker_pid = 0;
  std::string of = "pair";
  double limit_ms = 10;
};

void DeclareClients(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("-h,--host", raw.hosts,
                 "ADDRESS[:PORT],... publishers use the first, subscribers the last");
  app.add_flag("--round-robin", options.round_robin, "clients take the hosts in turn instead");
  app.add_option("-p,--port", raw.port, "of hosts without one")->check(CLI::Range(1, 65'535));
  app.add_option("-c,--count", options.count,
                 "pairs, publishers, subscribers or connections: see mode")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--members", options.members, "shared: members of the group")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--filters", options.filters, "wildcard: filters of all subscribers together")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--connecting", options.connecting_max, "connections being opened at once")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--prefix", options.client_prefix, "what all client ids begin with");
  app.add_option("-u,--username", raw.user_name, "for CONNECT");
  app.add_option("-P,--password", raw.password, "for CONNECT");
  app.add_option("-V,--version", raw.version, "of MQTT: 3 (3.1), 4 (3.1.1), 5")
      ->check(CLI::Range(3, 5));
  app.add_option("-k,--keepalive", options.keep_alive_s, "seconds; 0: none");
  app.add_option("--session-expiry", options.session_expiry_s,
                 "seconds that subscribers' sessions outlive their connection; 0: clean sessions");
  app.add_option("--ifaddr", raw.local_hosts,
                 "local addresses to connect from, in turn, by commas");
}

void DeclareMessages(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("-t,--topic", options.topic,
                 "what all topics begin with; pub and sub: the topic itself, %i is the client's "
                 "number");
  app.add_option("-q,--qos", raw.qos, "of publishing and subscribing")->check(CLI::Range(0, 2));
  app.add_option("-s,--size", options.payload_bytes, "payload bytes, at least 24")
      ->check(CLI::Range(kStampBytes, std::size_t{16} << 20));
  app.add_option("-I,--interval_of_msg", raw.interval_ms,
                 "ms between a publisher's messages; 0: closed loop")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--rate", options.rate_per_s,
                 "instead of -I: messages per second of all publishers together")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--window", options.window, "closed loop: messages a publisher has under way")
      ->check(CLI::Range(1, 65'535));
  app.add_option("--of", raw.of, "find-max: the mode whose greatest rate is wanted");
  app.add_option("--limit", raw.limit_ms, "find-max: p99 latency in ms that still counts")
      ->check(CLI::PositiveNumber);
}

void DeclareRun(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--settle", raw.settle_s, "seconds between the last SUBACK and the first message")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--warmup", raw.warmup_s, "seconds of load before measuring")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--duration", raw.duration_s, "seconds to measure (find-max: each rate)")
      ->check(CLI::Range(0.01, 1e6));
  app.add_option(
         "--spin", raw.spin_us,
         "us without work before the generator sleeps; 0: at once, for a CPU that it shares")
      ->check(CLI::Range(0.0, 1e6));
  app.add_flag("--check", options.check,
               "fails on loss, reordering, or a duplicate that the QoS forbids");
  app.add_flag("--quiet", options.quiet, "no line per second");
  app.add_option("--broker-pid", raw.broker_pid,
                 "measures CPU of this process per message received");
  app.add_option("--json", raw.json_file, "writes the result there; - is standard output");
  app.add_option("--hgrm", raw.hgrm_file,
                 "writes the latencies there as HdrHistogram's plotter "
                 "reads them");
  app.add_option("--html", raw.html_file, "writes a page with plots there");
  app.add_option("--baseline", raw.baseline_file, "compares with the --json file of another run")
      ->check(CLI::ExistingFile);
}

void Declare(CLI::App& app, Options& options, Raw& raw) {
  app.set_help_flag("--help", "prints this");
  app.footer(kFooter);
  app.add_option("mode", options.mode,
                 DescribeModes() +
                     "; find-max: the greatest rate of --of that the broker keeps up "
                     "with")
      ->required();
  DeclareClients(app, options, raw);
  DeclareMessages(app, options, raw);
  DeclareRun(app, options, raw);
}

absl::StatusOr<reactor::Endpoint> ParseHost(absl::string_view text, std::uint16_t port) {
  std::string host(text.data(), text.size());
  if (host.rfind("localhost", 0) == 0) host.replace(0, 9, "127.0.0.1");
  const auto colons = std::count(host.begin(), host.end(), ':');
  const bool has_port = host.find("]:") != std::string::npos || colons == 1;
  if (has_port) return reactor::ParseEndpoint(host);
  const bool is_bare_v6 = colons > 1 && host.front() != '[';
  return reactor::ParseEndpoint(is_bare_v6 ? absl::StrCat("[", host, "]:", port)
                                           : absl::StrCat(host, ":", port));
}

MonoNs Nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

std::optional<std::string> IfGiven(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

absl::Status Convert(const Raw& raw, Options& options) {
  if (options.mode == kFindMax) {
    options.find_max = true;
    options.mode = raw.of;
  }
  if (FindMode(options.mode) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("there is no mode \"", options.mode, "\""));
  }
  if (options.find_max && !FindMode(options.mode)->has_rate) {
    return absl::InvalidArgumentError("--of takes a mode whose messages come back");
  }
  options.hosts.clear();
  for (const absl::string_view text : absl::StrSplit(raw.hosts, ',')) {
    TANDEM_ASSIGN_OR_RETURN(reactor::Endpoint host, ParseHost(text, raw.port));
    options.hosts.push_back(std::move(host));
  }
  if (!raw.local_hosts.empty()) options.local_hosts = absl::StrSplit(raw.local_hosts, ',');
  // What "sub" subscribes to may have wildcards; everything else is published to.
  if (options.mode == "sub" ? !mqtt::IsValidTopicFilter(options.topic)
                            : !mqtt::IsValidTopicName(options.topic)) {
    return absl::InvalidArgumentError("-t is no topic (only sub takes + and #)");
  }
  if (options.rate_per_s > 0 && raw.interval_ms > 0) {
    return absl::InvalidArgumentError("-I and --rate exclude each other");
  }
  options.qos = static_cast<mqtt::QoS>(raw.qos);
  options.version = static_cast<mqtt::Version>(raw.version);
  options.interval_ns = Nanoseconds(raw.interval_ms / 1e3);
  options.settle_ns = Nanoseconds(raw.settle_s);
  options.warmup_ns = Nanoseconds(raw.warmup_s);
  options.duration_ns = Nanoseconds(raw.duration_s);
  options.spin_ns = Nanoseconds(raw.spin_us * 1e-6);
  options.latency_limit_ns = Nanoseconds(raw.limit_ms / 1e3);
  options.json_file = IfGiven(raw.json_file);
  options.hgrm_file = IfGiven(raw.hgrm_file);
  options.html_file = IfGiven(raw.html_file);
  options.baseline_file = IfGiven(raw.baseline_file);
  options.user_name = IfGiven(raw.user_name);
  options.password = IfGiven(raw.password);
  if (raw.broker_pid != 0) options.broker_pid = raw.broker_pid;
  return absl::OkStatus();
}

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  Options options;
  Raw raw;
  CLI::App app("Loads an MQTT broker and measures what comes back.", "tandem-bench");
  Declare(app, options, raw);
  exit_code = kExitUsage;
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    exit_code = kExitOk;
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "tandem-bench: %s\nTry tandem-bench --help.\n", error.what());
    return std::nullopt;
  }
  if (const absl::Status status = Convert(raw, options); !status.ok()) {
    std::fprintf(stderr, "tandem-bench: %s\nTry tandem-bench --help.\n",
                 std::string(FromAbsl(status.message())).c_str());
    return std::nullopt;
  }
  // Two generators must not throw each other's clients out.
  absl::StrAppend(&options.client_prefix, "-", getpid());
  exit_code = kExitOk;
  return options;
}

}  // namespace tandem::bench
