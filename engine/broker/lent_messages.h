// The spares of shared groups' messages whose members are on the other node (PublishRecord), kept
// until they are done with there: should that node die first, another member gets them (P10).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
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
  // A copy's place for a spare, on a core of this node.
  struct Place {
    CoreId core{};
    std::string client_id;
    std::uint64_t number = 0;
  };

  // The other node's members get the message. QoS 0 is not lent: it is allowed to be lost.
  void Lend(RoutedMessage& message, const std::vector<SharedTarget>& groups) {
    if (message.fields().qos == mqtt::QoS::kAtMostOnce) return;
    for (const SharedTarget& group : groups) Add(message.Share(), group);
  }
  // A member on the other node's side has it; that it is done with, or has its place, may have been
  // said before. Yields the place that waits for it.
  std::optional<Place> Keep(const MessagePtr& message, const SharedTarget& group) {
    const auto it = early_.lower_bound({message->id(), group});
    if (it == early_.end() || it->first != std::pair(message->id(), group)) {
      Add(message, group);
      return std::nullopt;
    }
    std::optional<Place> place = std::move(it->second);
    early_.erase(it);
    return place;
  }
  // Done with, in that group; in which one an older node does not say. The spare may still be on
  // its way here.
  void Return(const MessageId& id, const SharedTarget& group) {
    if (!Take(id, group) && !group.filter.empty()) early_.insert({{id, group}, {}});
  }
  // The spare for a copy's place; null, and Keep yields the place later, if it has not come yet.
  MessagePtr TakeFor(const MessageId& id, const SharedTarget& group, Place place) {
    MessagePtr message = Take(id, group);
    if (!message) early_.insert({{id, group}, std::move(place)});
    return message;
  }
  // The other node is gone: all of them.
  std::vector<Lent> TakeAll() {
    std::vector<Lent> all;
    all.reserve(lent_.size());
    for (auto& [id, lent] : lent_) all.push_back(std::move(lent));
    lent_.clear();
    early_.clear();
    bytes_ = 0;
    return all;
  }

  std::size_t size() const noexcept { return lent_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void Add(const MessagePtr& message, const SharedTarget& group) {
    Lent& lent = lent_[message->id()];
    if (!lent.message) bytes_ += message->bytes();
    lent.message = message;
    lent.groups.push_back(group);
  }
  MessagePtr Take(const MessageId& id, const SharedTarget& group) {
    const auto it = lent_.find(id);
    if (it == lent_.end()) return {};
    std::vector<SharedTarget>& groups = it->second.groups;
    const auto found =
        group.filter.empty() ? groups.begin() : std::find(groups.begin(), groups.end(), group);
    if (found == groups.end()) return {};
    groups.erase(found);
    MessagePtr message = it->second.message;
    if (groups.empty()) {
      bytes_ -= message->bytes();
      lent_.erase(it);
    }
    return message;
  }

  absl::btree_map<MessageId, Lent> lent_;
  // Spares that are spoken for before they are here: by a place, or nobody (done with). Several of
  // one message, if a member has given it back and the next one's place came by another lane.
  absl::btree_multimap<std::pair<MessageId, SharedTarget>, std::optional<Place>> early_;
  std::size_t bytes_ = 0;
};

}  // namespace tandem::broker
