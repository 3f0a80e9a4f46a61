// The processes of the demo: two nodes and an HAProxy, with their configuration, data and logs in
// one directory.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tools/tandem-demo/port_block.h"
#include "tools/tandem-demo/process.h"
#include "tools/tandem-demo/routes.h"

namespace tandem::demo {

struct ClusterSpec {
  std::string tandemd;    // path of the program
  std::string haproxy;    // path of the program
  std::string directory;  // exists, empty
  bool outlives_demo = false;
};

// What is not stopped is killed when the object dies, unless Release() was called. To be used by
// one thread, which lives as long as the demo (the children are tied to it).
class Cluster {
 public:
  Cluster(ClusterSpec spec, const PortBlock& ports);

  absl::Status WriteFiles() const;
  absl::Status StartNode(NodeIndex node);
  absl::Status StartBalancer();
  // SIGKILL; returns when the process is gone.
  void KillNode(NodeIndex node);
  // Ok while everything that was started, and not killed, runs; else says who ended, how, and its
  // last words.
  absl::Status Check();
  // The balancer first, then the nodes.
  void Stop();
  // Lets everything run on.
  void Release();

  const std::string& directory() const { return spec_.directory; }
  static const std::string& name(NodeIndex node);
  pid_t pid(NodeIndex node) const { return nodes_.at(node).pid(); }
  pid_t balancer_pid() const { return balancer_.pid(); }
  std::uint16_t balancer_port() const { return ports_.port(0); }
  std::uint16_t mqtt_port(NodeIndex node) const { return PortOf(1, node); }
  std::uint16_t admin_port(NodeIndex node) const { return PortOf(3, node); }
  std::uint16_t link_port(NodeIndex node) const { return PortOf(5, node); }
  std::string access_log(NodeIndex node) const { return File(node, ".access.log"); }
  std::string log(NodeIndex node) const { return File(node, ".log"); }

 private:
  std::uint16_t PortOf(std::uint16_t base, NodeIndex node) const {
    return ports_.port(static_cast<std::uint16_t>(base + node));
  }
  std::string File(NodeIndex node, const char* suffix) const {
    return spec_.directory + "/" + name(node) + suffix;
  }
  std::string balancer_log() const { return spec_.directory + "/haproxy.log"; }
  std::string balancer_config() const { return spec_.directory + "/haproxy.cfg"; }
  std::string NodeToml(NodeIndex node) const;
  std::string BalancerText() const;

  ClusterSpec spec_;
  const PortBlock& ports_;
  std::array<Process, kNodes> nodes_;
  std::array<bool, kNodes> expected_{};  // started and not killed
  Process balancer_;
  bool balancer_expected_ = false;
};

}  // namespace tandem::demo
