// Messages of shared groups that were given to the other node's members, kept here until they are
// done with there: should that node die first, another member gets them (P10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/base/ids.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_record.h"
#include "engine/broker/publish_sender.h"

namespace tandem::broker {

// One per shard. Ordered, because what comes back goes out again in that order.
class LentMessages {
 public:
  struct Lent {
    MessagePtr message;
    std::vector<SharedTarget> groups;
  };

  // QoS 0 is not lent: it is allowed to be lost.
  void Lend(RoutedMessage& message, const std::vector<SharedTarget>& groups) {
    if (groups.empty() || message.fields().qos == mqtt::QoS::kAtMostOnce) return;
    Lent& lent = lent_[message.fields().id];
    if (!lent.message) bytes_ += message.Share()->bytes();
    lent.message = message.Share();
    lent.groups.insert(lent.groups.end(), groups.begin(), groups.end());
  }
  // One group of it is done with.
  void Return(const MessageId& id) {
    const auto it = lent_.find(id);
    if (it == lent_.end()) return;
    if (it->second.groups.size() > 1) {
      it->second.groups.pop_back();  // which one does not matter before the last
      return;
    }
    bytes_ -= it->second.message->bytes();
    lent_.erase(it);
  }
  // The other node is gone: all of them.
  std::vector<Lent> TakeAll() {
    std::vector<Lent> all;
    all.reserve(lent_.size());
    for (auto& [id, lent] : lent_) all.push_back(std::move(lent));
    lent_.clear();
    bytes_ = 0;
    return all;
  }

  std::size_t size() const noexcept { return lent_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  absl::btree_map<MessageId, Lent> lent_;
  std::size_t bytes_ = 0;
};

}  // namespace tandem::broker
