// What the shard's state takes, for operators.
#include "engine/broker/shard.h"

namespace tandem::broker {
namespace {

// What malloc adds to a block, and rounds it up by, on average.
constexpr std::size_t kBlockBytes = 16;
// A session keeps its subscriptions in a tree of its own, mostly of one node; few filters fit into
// the string object.
constexpr std::size_t kOwnSubscriptionBytes =
    sizeof(std::string) + sizeof(SubscriptionState) + 2 * kBlockBytes + 32;
constexpr std::size_t kRetainedBytes = sizeof(Message) + sizeof(std::string) + 4 * kBlockBytes + 32;
// A place in a ring that grows by doubling, and its message.
constexpr std::size_t kQueuedBytes =
    SessionQueue::kSlotBytes * 3 / 2 + sizeof(Message) + 2 * kBlockBytes;

std::size_t Count(std::int64_t gauge) noexcept {
  return gauge > 0 ? static_cast<std::size_t>(gauge) : 0;
}

}  // namespace

MemoryUse Shard::memory() const {
  const metrics::BrokerMetrics& metrics = context_.metrics;
  MemoryUse use;
  use.connections =
      clients_.capacity() * sizeof(clients_[0]) + connections_ * (sizeof(Client) + kBlockBytes);
  use.sessions = sessions_.bytes() + sessions_.size() * kBlockBytes;
  use.subscriptions =
      trie_.bytes() + router_.bytes() + Count(metrics.subscriptions()) * kOwnSubscriptionBytes;
  use.queues = Count(metrics.queued_bytes()) + Count(metrics.queued_messages()) * kQueuedBytes;
  use.retained = retained_.bytes() + retained_.messages() * kRetainedBytes;
  return use;
}

}  // namespace tandem::broker
