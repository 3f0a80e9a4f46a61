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
  std::string mode;  // the name of one of Modes()
  std::vector<reactor::Endpoint> hosts = {{"127.0.0.1", 1883}};
  bool round_robin = false;
  std::uint32_t count = 1;
  std::string topic = "tandem-bench";
  std::string client_prefix = "tandem-bench";
  mqtt::QoS qos = mqtt::QoS::kAtMostOnce;
  std::size_t payload_bytes = 256;
  MonoNs interval_ns = 0;  // 0: closed loop
  std::uint32_t window = 50;
  mqtt::Version version = mqtt::Version::k5;
  std::uint16_t keep_alive_s = 300;
  std::vector<std::string> local_hosts;  // to connect from, in turn
  MonoNs settle_ns = 0;
  MonoNs warmup_ns = 0;
  MonoNs duration_ns = 0;
  std::optional<std::string> json_file;
  bool check = false;
  bool quiet = false;
  std::optional<int> broker_pid;
};

// What the command line says; nothing if the program is to end at once with `exit_code`, because
// the command line makes no sense or asked for --help. What there is to say then is printed.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace tandem::bench
