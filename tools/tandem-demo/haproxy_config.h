// Writes the configuration of an HAProxy in front of the two nodes: any node serves any client, so
// plain round robin; GET /health/ready decides who gets new connections (404, draining: keeps what
// is open, gets nothing new).
//
// tools/haproxy/tandem.cfg is what this writes for the two hosts of the manual; a test holds the
// two together.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace tandem::demo {

struct HaproxyServer {
  std::string name;
  std::string address;          // host:port of the MQTT listener
  std::string admin_port;       // where GET /health/ready is answered
  bool proxy_protocol = false;  // the listener accepts PROXY protocol v2 from HAProxy
};

struct HaproxyConfig {
  std::string bind;  // [host]:port for clients
  unsigned connections_max = 20'000;
  std::string stats_socket;  // empty: none
  std::vector<HaproxyServer> servers;
};

std::string ToText(const HaproxyConfig& config);

// A stretch of cable: connections to `from` are carried to `to`.
struct CableEnd {
  std::string name;
  std::string from;  // host:port
  std::string to;
};

// An HAProxy that carries bytes and nothing else: while it is stopped, what it connects is cut.
// At `control_socket` it takes commands.
std::string ToText(const std::vector<CableEnd>& cable, const std::string& control_socket);

// Says `command` to an HAProxy. An error if nobody answers.
absl::Status Command(const std::string& control_socket, const std::string& command);

}  // namespace tandem::demo
