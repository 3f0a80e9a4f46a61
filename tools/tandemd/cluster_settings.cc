#include "tools/tandemd/cluster_settings.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "cluster/witness/etcd_witness.h"
#include "engine/base/status.h"
#include "tools/tandemd/version.h"

namespace tandem::tandemd {
namespace {

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string secret{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof())
    return absl::NotFoundError(absl::StrCat("cannot read cluster.secret_file ", path));
  return secret;
}

cluster::PartitionRule RuleOf(config::OnPartition policy) noexcept {
  switch (policy) {
    case config::OnPartition::kServe:
      return cluster::PartitionRule::kServe;
    case config::OnPartition::kWitness:
      return cluster::PartitionRule::kWitness;
    case config::OnPartition::kPrefer:
      return cluster::PartitionRule::kPrefer;
    case config::OnPartition::kStop:
      return cluster::PartitionRule::kStop;
  }
  return cluster::PartitionRule::kStop;
}

}  // namespace

bool HasPartner(const config::Config& config) {
  return !config.members.empty() || config.cluster.discovery == config::Discovery::kMulticast;
}

absl::StatusOr<cluster::ClusterOptions> MakeClusterOptions(const config::Config& config,
                                                           Incarnation incarnation) {
  cluster::ClusterOptions options;
  options.identity.cluster = config.cluster.name;
  options.identity.node = config.node.name;
  options.identity.incarnation = incarnation;
  options.identity.release = kVersion;
  options.identity.insecure = config.cluster.insecure;
  if (!config.cluster.secret_file.empty()) {
    absl::StatusOr<std::string> secret = ReadSecret(config.cluster.secret_file);
    if (!secret.ok()) return secret.status();
    options.identity.secret = *std::move(secret);
  }
  for (const config::MemberConfig& member : config.members) {
    cluster::ClusterMember& made = options.members.emplace_back();
    made.name = member.name;
    for (const config::Address& link : member.links)
      made.links.push_back({.host = link.ip, .port = link.port});
  }
  if (config.cluster.discovery == config::Discovery::kMulticast)
    options.discovery = cluster::DiscoveryKind::kMulticast;
  options.interface = config.cluster.interface;
  options.failure_after = config.cluster.failure_after_ns;
  options.max_lag = config.cluster.max_lag_ns;
  // The shard pauses publishers at backlog_bytes; only a partner that is far beyond it is given up.
  options.backlog_bytes_max = config.cluster.backlog_bytes * 4;
  options.start_grace = std::max(options.start_grace, config.cluster.failure_after_ns);
  options.refuse_alone = config.cluster.alone == config::Alone::kRefuse;
  options.on_partition = RuleOf(config.cluster.on_partition.policy);
  options.preferred = config.cluster.on_partition.preferred;
  if (options.on_partition == cluster::PartitionRule::kWitness) {
    TANDEM_ASSIGN_OR_RETURN(options.witness,
                            cluster::EtcdWitness::Create({.endpoints = config.witness.endpoints,
                                                          .cluster = config.cluster.name}));
  }
  return options;
}

}  // namespace tandem::tandemd
