#include "engine/broker/brakes.h"

#include <algorithm>

namespace tandem::broker {

void Brakes::Set(const Place& by, std::uint64_t publisher, bool on) {
  const std::uint64_t bit = std::uint64_t{1} << Index(by.core);
  if (on) {
    Braked& braked = braked_[publisher];
    (by.side == Side::kPeerNode ? braked.peer_cores : braked.cores) |= bit;
    return;
  }
  const auto it = braked_.find(publisher);
  if (it == braked_.end()) return;
  (by.side == Side::kPeerNode ? it->second.peer_cores : it->second.cores) &= ~bit;
  if ((it->second.cores | it->second.peer_cores) == 0) Release(it);
}

void Brakes::ForgetPeer() {
  for (auto it = braked_.begin(); it != braked_.end();) {
    it->second.peer_cores = 0;
    it = it->second.cores == 0 ? Release(it) : std::next(it);
  }
}

Brakes::Map::iterator Brakes::Release(Map::iterator it) {
  const auto& connections = it->second.connections;
  released_.insert(released_.end(), connections.begin(), connections.end());
  return braked_.erase(it);
}

void Brakes::Felt(std::uint64_t publisher, ConnectionId connection) {
  if (const auto it = braked_.find(publisher); it != braked_.end())
    it->second.connections.push_back(connection);
}

void Brakes::Forget(std::uint64_t publisher, ConnectionId connection) {
  const auto it = braked_.find(publisher);
  if (it == braked_.end()) return;
  auto& connections = it->second.connections;
  connections.erase(std::remove(connections.begin(), connections.end(), connection),
                    connections.end());
}

}  // namespace tandem::broker
