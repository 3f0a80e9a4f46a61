// What a node is doing, as its operator, the balancer and the partner see it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tandem {

enum class NodeState : std::uint8_t {
  kStarting,    // reading its configuration and data, opening its listeners; no client is served
  kCatchingUp,  // the partner is bringing it up to date; no client is served
  kServing,     // clients are welcome
  kDraining,    // clients are being moved away; new ones are better sent elsewhere
};

// Names as metrics, the admin API and log lines write them, in the order of the enumerators.
inline constexpr std::array<std::string_view, 4> kNodeStateNames = {"starting", "catching_up",
                                                                    "serving", "draining"};

inline constexpr std::string_view Name(NodeState state) noexcept {
  return kNodeStateNames[static_cast<std::size_t>(state)];
}

}  // namespace tandem
