#include "tools/tandem-demo/cluster.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "tools/tandem-demo/haproxy_config.h"
#include "tools/tandem-demo/node_config.h"

namespace tandem::demo {
namespace {

constexpr std::chrono::seconds kNodeGrace{5};
constexpr std::chrono::seconds kBalancerGrace{2};
constexpr std::size_t kCoresPerNode = 2;
constexpr std::size_t kLastWords = 5;  // lines
constexpr unsigned kBalancerConnections = 200;

// CPUs that this process may use.
std::vector<unsigned> UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// Up to two CPUs for each node, different ones as far as there are enough.
std::vector<unsigned> CpusOf(NodeIndex node) {
  const std::vector<unsigned> cpus = UsableCpus();
  const std::size_t count = std::min(kCoresPerNode, cpus.size());
  std::vector<unsigned> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(cpus[(node * count + i) % cpus.size()]);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::string Loopback(std::uint16_t port) { return absl::StrCat("127.0.0.1:", port); }

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

std::string LastLines(const std::string& path) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
    if (lines.size() > kLastWords) lines.pop_front();
  }
  return lines.empty() ? "it said nothing" : absl::StrJoin(lines, "\n    ");
}

absl::Status CheckProcess(Process& process, const std::string& name, const std::string& log) {
  const auto exit = process.Wait(std::chrono::milliseconds(0));
  if (!exit) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(name, " ended by itself, ", ToString(*exit),
                                         "; its last words in ", log, ":\n    ", LastLines(log)));
}

}  // namespace

Cluster::Cluster(ClusterSpec spec, const PortBlock& ports)
    : spec_(std::move(spec)), ports_(ports) {}

const std::string& Cluster::name(NodeIndex node) {
  static const std::array<std::string, kNodes> names = {"alpha", "beta"};
  return names.at(node);
}

std::string Cluster::NodeToml(NodeIndex node) const {
  NodeFile file{.name = name(node),
                .data_dir = File(node, ".data"),
                .access_log = access_log(node),
                .cores = CpusOf(node),
                .mqtt_address = Loopback(mqtt_port(node)),
                .admin_address = Loopback(admin_port(node)),
                .cluster_name = absl::StrCat("demo-", getpid()),
                .members = {}};
  for (NodeIndex i = 0; i < kNodes; ++i) {
    const std::uint16_t port = i == node ? link_port(i) : cable_port(i);
    file.members.push_back({.name = name(i), .links = {Loopback(port)}});
  }
  return ToToml(file);
}

std::string Cluster::BalancerText() const {
  HaproxyConfig config{.bind = Loopback(balancer_port()),
                       .connections_max = kBalancerConnections,
                       .stats_socket = "",
                       .servers = {}};
  for (NodeIndex i = 0; i < kNodes; ++i)
    config.servers.push_back({.name = name(i),
                              .address = Loopback(mqtt_port(i)),
                              .admin_port = std::to_string(admin_port(i))});
  return ToText(config);
}

std::string Cluster::CableText() const {
  std::vector<CableEnd> cable;
  for (NodeIndex i = 0; i < kNodes; ++i)
    cable.push_back({.name = absl::StrCat("to-", name(i)),
                     .from = Loopback(cable_port(i)),
                     .to = Loopback(link_port(i))});
  return ToText(cable, cable_control());
}

absl::Status Cluster::WriteFiles() const {
  for (NodeIndex i = 0; i < kNodes; ++i) {
    std::error_code error;
    std::filesystem::create_directories(File(i, ".data"), error);
    if (error) return absl::UnavailableError(absl::StrCat("cannot make ", File(i, ".data")));
    TANDEM_RETURN_IF_ERROR(WriteFile(File(i, ".toml"), NodeToml(i)));
  }
  TANDEM_RETURN_IF_ERROR(WriteFile(cable_config(), CableText()));
  return WriteFile(balancer_config(), BalancerText());
}

absl::Status Cluster::StartNode(NodeIndex node) {
  TANDEM_ASSIGN_OR_RETURN(
      nodes_.at(node),
      Process::Start({.arguments = {spec_.tandemd, "--config", File(node, ".toml")},
                      .output_file = log(node),
                      .outlives_parent = spec_.outlives_demo}));
  expected_.at(node) = true;
  if (std::exchange(unplugged_.at(node), false)) return Plug(node, true);
  return absl::OkStatus();
}

absl::StatusOr<Process> Cluster::StartHaproxy(const std::string& config,
                                              const std::string& log) const {
  return Process::Start({.arguments = {spec_.haproxy, "-db", "-f", config},
                         .output_file = log,
                         .outlives_parent = spec_.outlives_demo});
}

absl::Status Cluster::StartBalancer() {
  TANDEM_ASSIGN_OR_RETURN(balancer_, StartHaproxy(balancer_config(), balancer_log()));
  balancer_expected_ = true;
  return absl::OkStatus();
}

absl::Status Cluster::StartCable() {
  TANDEM_ASSIGN_OR_RETURN(cable_, StartHaproxy(cable_config(), cable_log()));
  cable_expected_ = true;
  return absl::OkStatus();
}

absl::Status Cluster::Plug(NodeIndex node, bool in) const {
  if (!cable_expected_) return absl::OkStatus();
  return Command(cable_control(),
                 absl::StrCat(in ? "enable" : "disable", " frontend to-", name(node)));
}

absl::Status Cluster::KillNode(NodeIndex node) {
  expected_.at(node) = false;
  TANDEM_RETURN_IF_ERROR(Plug(node, false));
  nodes_.at(node).Kill();
  unplugged_.at(node) = true;
  return absl::OkStatus();
}

void Cluster::TerminateNode(NodeIndex node) {
  expected_.at(node) = false;
  nodes_.at(node).Signal(SIGTERM);
}

absl::Status Cluster::Check() {
  for (NodeIndex i = 0; i < kNodes; ++i)
    if (expected_.at(i)) TANDEM_RETURN_IF_ERROR(CheckProcess(nodes_.at(i), name(i), log(i)));
  if (cable_expected_)
    TANDEM_RETURN_IF_ERROR(CheckProcess(cable_, "haproxy as the cable", cable_log()));
  if (balancer_expected_) return CheckProcess(balancer_, "haproxy", balancer_log());
  return absl::OkStatus();
}

void Cluster::Stop() {
  balancer_expected_ = cable_expected_ = false;
  expected_.fill(false);
  balancer_.Stop(kBalancerGrace);
  for (Process& node : nodes_) node.Signal(SIGTERM);
  for (Process& node : nodes_) node.Stop(kNodeGrace);
  MendCable();  // a stopped process would not hear of SIGTERM
  cable_.Stop(kBalancerGrace);
}

void Cluster::Release() {
  for (Process& node : nodes_) node.Release();
  balancer_.Release();
  cable_.Release();
}

}  // namespace tandem::demo
