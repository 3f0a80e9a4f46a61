// The processes of the demo: two nodes, an HAProxy in front of them and one as the cable between
// them, with their configuration, data and logs in one directory.
#pragma once

#include <signal.h>

#include <array>
#include <cstdint>
#include <optional>
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
  // What connects the nodes; to be started before them.
  absl::Status StartCable();
  // From now on nothing that one node sends reaches the other, and neither is told.
  void CutCable() { cable_.Signal(SIGSTOP); }
  void MendCable() { cable_.Signal(SIGCONT); }
  // SIGKILL; returns when the process is gone. The cable refuses connections to it from then on, as
  // its host would.
  absl::Status KillNode(NodeIndex node);
  // SIGTERM: it drains and ends; `Ended` tells when and how.
  void TerminateNode(NodeIndex node);
  std::optional<Exit> Ended(NodeIndex node) { return nodes_.at(node).Wait({}); }
  // Ok while everything that was started, and not killed, runs; else says who ended, how, and its
  // last words.
  absl::Status Check();
  // The balancer first, then the nodes, then what connects them.
  void Stop();
  // Lets everything run on.
  void Release();

  const std::string& directory() const { return spec_.directory; }
  static const std::string& name(NodeIndex node);
  pid_t pid(NodeIndex node) const { return nodes_.at(node).pid(); }
  pid_t balancer_pid() const { return balancer_.pid(); }
  pid_t cable_pid() const { return cable_.pid(); }
  std::uint16_t balancer_port() const { return ports_.port(0); }
  std::uint16_t mqtt_port(NodeIndex node) const { return PortOf(1, node); }
  std::uint16_t admin_port(NodeIndex node) const { return PortOf(3, node); }
  std::uint16_t link_port(NodeIndex node) const { return PortOf(5, node); }
  // Where the other node finds `node`'s link.
  std::uint16_t cable_port(NodeIndex node) const { return PortOf(7, node); }
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
  std::string cable_log() const { return spec_.directory + "/cable.log"; }
  std::string cable_config() const { return spec_.directory + "/cable.cfg"; }
  std::string cable_control() const { return spec_.directory + "/cable.sock"; }
  // Whether connections to the node's link are taken at the cable's end.
  absl::Status Plug(NodeIndex node, bool in) const;
  std::string NodeToml(NodeIndex node) const;
  std::string BalancerText() const;
  std::string CableText() const;
  absl::StatusOr<Process> StartHaproxy(const std::string& config, const std::string& log) const;

  ClusterSpec spec_;
  const PortBlock& ports_;
  std::array<Process, kNodes> nodes_;
  std::array<bool, kNodes> expected_{};   // started and not killed
  std::array<bool, kNodes> unplugged_{};  // from the cable, since it was killed
  Process balancer_;
  bool balancer_expected_ = false;
  Process cable_;
  bool cable_expected_ = false;
};

}  // namespace tandem::demo
