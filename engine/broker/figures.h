// What one node counts, in the form in which the other one is told: for the figures of the cluster.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tandem::broker {

// Travels by its number (peer.capnp, Beat): append only.
enum class Figure : std::uint8_t {
  kClientsConnected,
  kClientsMaximum,  // most that were connected to the cluster at once, as far as this node knows
  kSessions,        // that this node owns, connected or not
  kSessionsExpired,
  kConnectionsOpened,
  kConnectsReceived,
  kPacketsReceived,
  kPacketsSent,
  kBytesReceived,
  kBytesSent,
  kPublishReceived,
  kPublishSent,
  kPublishDropped,
  kInflight,
  kSubscriptions,
  kRetainedMessages,
  kRetainedBytes,
  kQueuedMessages,
  kQueuedBytes,
  kUptimeS,
  kPublishBytesReceived,
  kPublishBytesSent,
  kSharedSubscriptions,
  kMemoryBytes,    // what connections, sessions, subscriptions, queues and retained messages take
  kMemoryMaximum,  // most that it was in the cluster, as far as this node knows
};
inline constexpr std::size_t kFigures = static_cast<std::size_t>(Figure::kMemoryMaximum) + 1;

class Figures {
 public:
  std::int64_t& operator[](Figure figure) noexcept {
    return values_[static_cast<std::size_t>(figure)];
  }
  std::int64_t operator[](Figure figure) const noexcept {
    return values_[static_cast<std::size_t>(figure)];
  }

  // As they travel. An older node tells fewer, a newer one more.
  std::vector<std::int64_t> ToList() const { return {values_.begin(), values_.end()}; }
  static Figures FromList(std::span<const std::int64_t> list) noexcept {
    Figures figures;
    for (std::size_t i = 0; i < list.size() && i < kFigures; ++i) figures.values_[i] = list[i];
    return figures;
  }

 private:
  std::array<std::int64_t, kFigures> values_{};
};

}  // namespace tandem::broker
