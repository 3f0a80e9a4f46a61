// The command line of tandem-bench.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/reactor/transport.h"
#include "proto/mqtt/packet.h"

namespace tandem::bench {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the load could not run, clients were lost, --check failed
inline constexpr int kExitUsage = 2;

// Letters and defaults are emqtt-bench's where it has the option.
struct Options {
  std::string mode;  // the name of one of Modes(); find-max: of the load that it repeats
  std::vector<reactor::Endpoint> hosts = {{"127.0.0.1", 1883}};
  bool round_robin = false;
  std::uint32_t count = 1;
  std::uint32_t members = 10;     // of a shared group
  std::uint32_t filters = 6'900;  // of mode wildcard, all together
  std::uint32_t connecting_max = 256;
  std::string topic = "tandem-bench";
  std::string client_prefix = "tandem-bench";
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  mqtt::QoS qos = mqtt::QoS::kAtMostOnce;
  std::size_t payload_bytes = 256;
  MonoNs interval_ns = 0;  // of one publisher; 0: closed loop
  double rate_per_s = 0;   // of all publishers together; 0: interval_ns decides
  std::uint32_t window = 50;
  mqtt::Version version = mqtt::Version::k5;
  std::uint16_t keep_alive_s = 300;
  std::uint32_t session_expiry_s = 0;    // of subscribers
  std::vector<std::string> local_hosts;  // to connect from, in turn
  MonoNs settle_ns = 0;
  MonoNs warmup_ns = 0;
  MonoNs duration_ns = 0;
  MonoNs spin_ns = 0;  // look for work this long before sleeping
  std::optional<std::string> json_file;
  std::optional<std::string> hgrm_file;
  std::optional<std::string> html_file;
  std::optional<std::string> baseline_file;
  bool check = false;
  bool quiet = false;
  std::optional<int> broker_pid;
  // find-max: what it loads the broker with, and which latency still counts as keeping up.
  bool find_max = false;
  MonoNs latency_limit_ns = 10 * kNanosecondsPerMillisecond;
};

// What the command line says; nothing if the program is to end at once with `exit_code`, because
// the command line makes no sense or asked for --help. What there is to say then is printed.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace tandem::bench
