// The partner is in the configuration.
#pragma once

#include <utility>

#include "cluster/discovery/discovery.h"

namespace tandem::cluster {

class StaticDiscovery final : public Discovery {
 public:
  explicit StaticDiscovery(const ClusterOptions& options) {
    for (const ClusterMember& member : options.members) {
      if (member.name != options.identity.node) peer_ = FoundPeer{member.name, member.links};
    }
  }
  absl::Status Start(MonoNs /*now*/) override {
    return peer_ ? absl::OkStatus()
                 : absl::InvalidArgumentError("no [[cluster.member]] but this node itself");
  }
  std::optional<FoundPeer> Turn(MonoNs /*now*/) override {
    return std::exchange(peer_, std::nullopt);
  }
  MonoNs NextDeadline() const override { return kNever; }

 private:
  std::optional<FoundPeer> peer_;
};

}  // namespace tandem::cluster
