#include "engine/node/config/checks.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/strings.h"

namespace tandem::config {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr off_t kSecretBytesMin = 32;

bool IsName(std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !text.empty() && text.size() <= kNameBytesMax &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

// Two sockets of this host that cannot both listen.
bool Collide(const Address& a, const Address& b) {
  if (a.port == 0 || a.port != b.port) return false;
  return a.ip == b.ip || ((a.is_any() || b.is_any()) && a.is_ipv6() == b.is_ipv6());
}

std::string Quoted(std::string_view text) { return "\"" + Escaped(text) + "\""; }

class Checks {
 public:
  Checks(const Config& config, const Settings& settings, std::vector<Problem>& problems)
      : config_(config), settings_(settings), problems_(problems) {}

  void Names() {
    Name("node.name", config_.node.name);
    Name("cluster.name", config_.cluster.name);
    Unique("listener", config_.listeners);
    Unique("cluster.member", config_.members);
    if (config_.node.data_dir.empty()) Complain("node.data_dir", "must name a directory");
  }

  void Addresses() {
    std::vector<std::pair<std::string, Address>> taken = {{"admin.address", config_.admin.address}};
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      taken.emplace_back("listener." + std::to_string(i) + ".address",
                         config_.listeners[i].address);
    }
    if (config_.self() != nullptr) {
      const std::string path =
          "cluster.member." + std::to_string(config_.self() - config_.members.data()) + ".links";
      for (const Address& link : config_.self()->links) taken.emplace_back(path, link);
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!Collide(taken[i].second, taken[j].second)) continue;
        Complain(taken[i].first,
                 ToString(taken[i].second) + " is taken already by " + taken[j].first);
      }
    }
  }

  void Proxies() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const ListenerConfig& listener = config_.listeners[i];
      const std::string path = "listener." + std::to_string(i) + ".";
      for (const std::string& proxy : listener.trusted_proxies) {
        if (!ParseIp(proxy))
          Complain(path + "trusted_proxies", Quoted(proxy) + " is no numeric IP address");
      }
      if (listener.proxy_protocol != ProxyProtocol::kOff && listener.trusted_proxies.empty()) {
        Complain(path + "proxy_protocol", "needs trusted_proxies: anybody could claim any address");
      }
      if (listener.tls.certificate.empty() != listener.tls.key.empty()) {
        Complain(path + "tls.certificate", "certificate and key go together");
      }
    }
  }

  void Members() {
    if (config_.members.empty()) return;
    if (config_.members.size() != 2) {
      Complain("cluster.member.0.name",
               "a cluster has exactly two [[cluster.member]], this one has " +
                   std::to_string(config_.members.size()));
    }
    if (settings_.find("node.name") == settings_.end()) {
      Complain("cluster.member.0.name",
               "with [[cluster.member]], node.name must say which of them this node is");
    } else if (config_.self() == nullptr) {
      Complain("node.name", Quoted(config_.node.name) +
                                " is none of the names under [[cluster.member]]" + MemberNames());
    }
    Links();
  }

  void Secret() {
    const std::string& file = config_.cluster.secret_file;
    if (file.empty()) {
      if (!config_.cluster.insecure) RefuseOpenLinks();
      return;
    }
    struct stat status {};
    if (stat(file.c_str(), &status) != 0) {
      Complain("cluster.secret_file",
               "cannot look at " + Quoted(file) + ": " + std::strerror(errno));
      return;
    }
    if (!S_ISREG(status.st_mode)) Complain("cluster.secret_file", Quoted(file) + " is no file");
    if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
      Complain("cluster.secret_file",
               Quoted(file) + " is open to everybody on this host: chmod o= it");
    }
    if (status.st_size < kSecretBytesMin) {
      Complain("cluster.secret_file", Quoted(file) + " holds " + std::to_string(status.st_size) +
                                          " bytes, at least " + std::to_string(kSecretBytesMin) +
                                          " are needed");
    }
  }

  void Partition() {
    const PartitionPolicy& on_partition = config_.cluster.on_partition;
    if (on_partition.policy == OnPartition::kWitness &&
        config_.witness.kind == WitnessKind::kNone) {
      Complain("cluster.on_partition",
               "\"witness\" needs a witness, and cluster.witness.kind is \"none\"");
    }
    if (on_partition.policy == OnPartition::kPrefer && !HasMember(on_partition.preferred)) {
      Complain("cluster.on_partition", Quoted(on_partition.preferred) +
                                           " is none of the names under [[cluster.member]]" +
                                           MemberNames());
    }
    if (config_.witness.kind != WitnessKind::kNone && config_.witness.endpoints.empty()) {
      Complain("cluster.witness.kind", "needs cluster.witness.endpoints");
    }
    for (const std::string& endpoint : config_.witness.endpoints) {
      const std::size_t colon = endpoint.rfind(':');
      if (!endpoint.starts_with("http://") || colon < std::string("http://x").size() ||
          colon + 1 == endpoint.size())
        Complain("cluster.witness.endpoints", Quoted(endpoint) + " is not http://HOST:PORT");
    }
  }

  void Bounds() {
    const std::uint64_t packet = config_.mqtt.max_packet_size_bytes;
    if (config_.queue.per_session_bytes < packet) {
      Complain("queue.per_session_bytes", "must hold at least one packet of mqtt.max_packet_size");
    }
    if (config_.cluster.backlog_bytes < packet) {
      Complain("cluster.backlog_bytes", "must hold at least one packet of mqtt.max_packet_size");
    }
  }

 private:
  void Complain(const std::string& path, std::string reason) {
    const auto setting = settings_.find(path);
    problems_.push_back({setting == settings_.end() ? Origin{} : setting->second.origin,
                         path + ": " + std::move(reason)});
  }

  void Name(const std::string& path, const std::string& name) {
    if (IsName(name)) return;
    Complain(path, Quoted(name) + " is no name: 1 to 64 letters, digits, '.', '_' and '-'");
  }

  template <class Entry>
  void Unique(const std::string& section, const std::vector<Entry>& entries) {
    std::map<std::string, std::size_t> first_with;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string path = section + "." + std::to_string(i) + ".name";
      Name(path, entries[i].name);
      const auto [it, added] = first_with.emplace(entries[i].name, i);
      if (!added)
        Complain(path, Quoted(entries[i].name) + " is the name of " + section + "." +
                           std::to_string(it->second) + " too");
    }
  }

  void Links() {
    std::vector<std::pair<std::string, Address>> seen;
    for (std::size_t i = 0; i < config_.members.size(); ++i) {
      const std::string path = "cluster.member." + std::to_string(i) + ".links";
      for (const Address& link : config_.members[i].links) {
        if (link.port == 0) Complain(path, "a link needs a port, 7883 by custom");
        if (link.is_any())
          Complain(path, ToString(link) + " is no address that the partner can reach");
        for (const auto& [other_path, other] : seen) {
          if (other == link) Complain(path, ToString(link) + " is listed already in " + other_path);
        }
        seen.emplace_back(path, link);
      }
      const bool given = settings_.find(path) != settings_.end();
      if (given && config_.members[i].links.empty())
        Complain(path, "at least one address is needed");
    }
  }

  void RefuseOpenLinks() {
    if (config_.cluster.discovery == Discovery::kMulticast) {
      Complain("cluster.discovery",
               "\"multicast\" lets in whoever answers: it needs cluster.secret_file "
               "(cluster.insecure = true does without)");
    }
    for (std::size_t i = 0; i < config_.members.size(); ++i) {
      for (const Address& link : config_.members[i].links) {
        if (link.is_loopback()) continue;
        Complain(
            "cluster.member." + std::to_string(i) + ".links",
            ToString(link) +
                " leaves this host, and without cluster.secret_file whoever reaches it owns the " +
                "cluster (cluster.insecure = true allows that)");
        return;  // once is enough
      }
    }
  }

  bool HasMember(std::string_view name) const {
    return std::any_of(config_.members.begin(), config_.members.end(),
                       [&](const MemberConfig& member) { return member.name == name; });
  }

  std::string MemberNames() const {
    std::string names;
    for (const MemberConfig& member : config_.members)
      names += (names.empty() ? "" : ", ") + Quoted(member.name);
    return names.empty() ? "" : " (" + names + ")";
  }

  const Config& config_;
  const Settings& settings_;
  std::vector<Problem>& problems_;
};

}  // namespace

void CheckCombinations(const Config& config, const Settings& settings,
                       std::vector<Problem>& problems) {
  Checks checks(config, settings, problems);
  checks.Names();
  checks.Addresses();
  checks.Proxies();
  checks.Members();
  checks.Secret();
  checks.Partition();
  checks.Bounds();
}

}  // namespace tandem::config
