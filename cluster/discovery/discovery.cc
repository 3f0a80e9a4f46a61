#include "cluster/discovery/discovery.h"

#include "cluster/discovery/multicast_discovery.h"
#include "cluster/discovery/static_discovery.h"

namespace tandem::cluster {

std::unique_ptr<Discovery> MakeDiscovery(const ClusterOptions& options, std::uint16_t listening) {
  switch (options.discovery) {
    case DiscoveryKind::kStatic:
      return std::make_unique<StaticDiscovery>(options);
    case DiscoveryKind::kMulticast:
      return std::make_unique<MulticastDiscovery>(options, listening);
  }
  return nullptr;
}

}  // namespace tandem::cluster
