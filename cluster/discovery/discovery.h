// How a node learns who its partner is and where it listens.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cluster/cluster_options.h"
#include "engine/base/clock.h"
#include "engine/reactor/transport.h"

namespace tandem::cluster {

struct FoundPeer {
  std::string name;
  std::vector<reactor::Endpoint> links;
  friend bool operator==(const FoundPeer&, const FoundPeer&) = default;
};

// One per node, on core 0. A new way to find a partner is a class beside the others and a line in
// MakeDiscovery.
class Discovery {
 public:
  virtual ~Discovery() = default;
  virtual absl::Status Start(MonoNs now) = 0;
  // Once per turn; never blocks. Yields the partner when it is found, and again when its addresses
  // change.
  virtual std::optional<FoundPeer> Turn(MonoNs now) = 0;
  virtual MonoNs NextDeadline() const = 0;
  // Something that an operator should know and that has not been told before: a third node, a wrong
  // secret.
  virtual std::optional<std::string> TakeComplaint() { return std::nullopt; }
};

// `listening` is the port that this node's links are accepted on.
std::unique_ptr<Discovery> MakeDiscovery(const ClusterOptions& options, std::uint16_t listening);

}  // namespace tandem::cluster
