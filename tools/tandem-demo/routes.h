// Which node each message was published through. The publisher's client id carries the message's
// number and the attempt, and each node's access log names the clients that connected to it; this
// class joins the two.
//
// Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tandem-demo/ledger.h"

namespace tandem::demo {

inline constexpr std::size_t kNodes = 2;
// 0 alpha, 1 beta.
using NodeIndex = std::size_t;

// One connection of the publisher: attempt `number` (1-based) to publish `sequence`.
struct Attempt {
  Sequence sequence = 0;
  std::uint64_t number = 0;
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

// "demo-publisher-17.1" and back; nothing if `client_id` is no publisher's.
std::string PublisherId(Attempt attempt);
std::optional<Attempt> ParsePublisherId(std::string_view client_id);

class Routes {
 public:
  // The access log of `node` says that the connection for `attempt` came there. The last attempt
  // decides.
  void Connected(NodeIndex node, Attempt attempt);

  // Messages published through `node`.
  std::uint64_t count(NodeIndex node) const { return counts_.at(node); }
  // The node that took `sequence`; nothing if no log has said so (yet, or for good if the node died
  // before it wrote).
  std::optional<NodeIndex> node(Sequence sequence) const;
  // Messages 1 to `last()` may have a node.
  Sequence last() const { return routes_.size(); }

 private:
  struct Route {
    std::uint64_t attempt = 0;  // 0: unknown
    NodeIndex node = 0;
  };
  std::vector<Route> routes_;  // of number i + 1 at i
  std::array<std::uint64_t, kNodes> counts_{};
};

}  // namespace tandem::demo
