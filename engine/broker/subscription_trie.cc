#include "engine/broker/subscription_trie.h"

#include <array>
#include <bit>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

std::uint64_t BitOf(CoreId core) {
  TANDEM_CHECK(Index(core) < kCoresMax);
  return std::uint64_t{1} << Index(core);
}

}  // namespace

SubscriptionTrie::SubscriptionTrie(CoreId self) : self_(self), root_(store_.NewNode(true)) {
  BitOf(self);
}

SubscriptionTrie::~SubscriptionTrie() = default;

// Subscriptions.

SubscriptionTrie::Change SubscriptionTrie::Subscribe(std::string_view filter,
                                                     const Subscription& subscription) {
  Change change;
  Edit(NeedEntry(filter), [&](FilterEntry& entry) {
    const bool first = entry.subscribers().empty();
    change.existed = entry.AddSubscriber(subscription);
    change.interest_changed = first;
  });
  if (!change.existed) ++subscriptions_;
  return change;
}

SubscriptionTrie::Change SubscriptionTrie::Unsubscribe(std::string_view filter,
                                                       SubscriberId subscriber) {
  Change change;
  const EntryId id = FindEntry(filter);
  if (id == kNoEntry) return change;
  Edit(id, [&](FilterEntry& entry) {
    change.existed = entry.RemoveSubscriber(subscriber);
    change.interest_changed = change.existed && entry.subscribers().empty();
  });
  if (change.existed) --subscriptions_;
  return change;
}

void SubscriptionTrie::SetCoreInterest(std::string_view filter, CoreId core, bool wanted) {
  TANDEM_CHECK(core != self_);
  const std::uint64_t bit = BitOf(core);
  if (wanted) {
    store_[NeedEntry(filter)].core_interest_ |= bit;
  } else if (const EntryId id = FindEntry(filter); id != kNoEntry) {
    Edit(id, [bit](FilterEntry& entry) { entry.core_interest_ &= ~bit; });
  }
}

void SubscriptionTrie::SetPeerInterest(std::string_view filter, CoreId peer_core, bool wanted) {
  const std::uint64_t bit = BitOf(peer_core);
  if (wanted) {
    const EntryId id = NeedEntry(filter);
    store_[id].peer_interest_ |= bit;
    RememberPeer(id);
  } else if (const EntryId id = FindEntry(filter); id != kNoEntry) {
    Edit(id, [bit](FilterEntry& entry) { entry.peer_interest_ &= ~bit; });
  }
}

// Shared groups.

SubscriptionTrie::GroupChange SubscriptionTrie::JoinGroup(std::string_view filter,
                                                          std::string_view share_name,
                                                          const Subscription& subscription,
                                                          bool online) {
  const EntryId id = NeedEntry(filter);
  const GroupChange change =
      EditGroup(id, NeedGroup(id, filter, share_name),
                [&](SharedGroup& group) { return group.Join(subscription, online); });
  if (!change.existed) ++subscriptions_;
  return change;
}

SubscriptionTrie::GroupChange SubscriptionTrie::LeaveGroup(std::string_view filter,
                                                           std::string_view share_name,
                                                           SubscriberId subscriber) {
  const auto [id, group] = FindGroupOf(filter, share_name);
  if (group == nullptr) return {};
  const GroupChange change =
      EditGroup(id, *group, [&](SharedGroup& edited) { return edited.Leave(subscriber); });
  if (change.existed) --subscriptions_;
  return change;
}

SubscriptionTrie::GroupChange SubscriptionTrie::SetMemberOnline(std::string_view filter,
                                                                std::string_view share_name,
                                                                SubscriberId subscriber,
                                                                bool online) {
  const auto [id, group] = FindGroupOf(filter, share_name);
  if (group == nullptr) return {};
  return EditGroup(id, *group,
                   [&](SharedGroup& edited) { return edited.SetOnline(subscriber, online); });
}

SubscriptionTrie::GroupChange SubscriptionTrie::AddGroupCopy(std::string_view filter,
                                                             std::string_view share_name) {
  const EntryId id = NeedEntry(filter);
  return EditGroup(id, NeedGroup(id, filter, share_name), [](SharedGroup& group) {
    group.AddCopies(1);
    return false;
  });
}

SubscriptionTrie::GroupChange SubscriptionTrie::RemoveGroupCopy(std::string_view filter,
                                                                std::string_view share_name) {
  const auto [id, group] = FindGroupOf(filter, share_name);
  if (group == nullptr || group->local().copies == 0) return {};
  return EditGroup(id, *group, [](SharedGroup& edited) {
    edited.AddCopies(-1);
    return true;
  });
}

void SubscriptionTrie::SetGroupCounts(std::string_view filter, std::string_view share_name,
                                      Place place, MemberCounts counts) {
  BitOf(place.core);
  TANDEM_CHECK(counts.online <= counts.total);
  const auto set = [&](SharedGroup& group) {
    group.SetCounts(place, counts);
    return true;
  };
  if (counts != MemberCounts{}) {
    const EntryId id = NeedEntry(filter);
    if (place.side == Side::kPeerNode) RememberPeer(id);
    EditGroup(id, NeedGroup(id, filter, share_name), set);
  } else if (const auto [id, group] = FindGroupOf(filter, share_name); group != nullptr) {
    EditGroup(id, *group, set);
  }
}

SharedGroup* SubscriptionTrie::FindGroup(const SharedKey& key) const {
  return FindGroupOf(key.filter(), key.share_name()).second;
}

std::pair<EntryId, SharedGroup*> SubscriptionTrie::FindGroupOf(std::string_view filter,
                                                               std::string_view share_name) const {
  const EntryId id = FindEntry(filter);
  if (id == kNoEntry) return {};
  return {id, store_[id].FindGroup(share_name)};
}

SharedGroup& SubscriptionTrie::NeedGroup(EntryId id, std::string_view filter,
                                         std::string_view share_name) {
  if (SharedGroup* group = store_[id].FindGroup(share_name); group != nullptr) return *group;
  auto created = std::make_unique<SharedGroup>(self_, filter, share_name);
  SharedGroup& group = *created;
  heap_bytes_ += group.heap_bytes();
  ++groups_;
  Edit(id, [&](FilterEntry& entry) { entry.AddGroup(std::move(created)); });
  return group;
}

template <class Update>
SubscriptionTrie::GroupChange SubscriptionTrie::EditGroup(EntryId id, SharedGroup& group,
                                                          Update&& update) {
  const MemberCounts before = group.local();
  const std::size_t bytes_before = group.heap_bytes();
  GroupChange change;
  change.existed = update(group);
  change.local = group.local();
  change.counts_changed = change.local != before;
  heap_bytes_ += group.heap_bytes() - bytes_before;
  if (group.empty()) RemoveGroup(id, group);
  return change;
}

void SubscriptionTrie::RemoveGroup(EntryId id, SharedGroup& group) {
  heap_bytes_ -= group.heap_bytes();
  --groups_;
  Edit(id, [&](FilterEntry& entry) { entry.RemoveGroup(group.share_name()); });
}

// Entries.

// Every change that can empty an entry, or grow or shrink its lists, goes through here: keeps count
// of the bytes, and releases the entry once nobody is left in it.
template <class Update>
void SubscriptionTrie::Edit(EntryId id, Update&& update) {
  FilterEntry& entry = store_[id];
  const std::size_t bytes_before = entry.heap_bytes();
  update(entry);
  heap_bytes_ += entry.heap_bytes() - bytes_before;
  if (entry.empty()) Release(id);
}

const FilterEntry* SubscriptionTrie::Find(std::string_view filter) const {
  const EntryId id = FindEntry(filter);
  return id == kNoEntry ? nullptr : &store_[id];
}

EntryId SubscriptionTrie::FindEntry(std::string_view filter) const {
  const Spot spot = Descend(filter);
  if (spot.node == kNoNode) return kNoEntry;
  const TrieNode& node = store_[spot.node];
  return spot.multi_level ? node.multi_entry : node.entry;
}

EntryId SubscriptionTrie::NeedEntry(std::string_view filter) {
  const Spot spot = DescendOrGrow(filter);
  TrieNode& node = store_[spot.node];
  EntryId& id = spot.multi_level ? node.multi_entry : node.entry;
  if (id == kNoEntry) {
    ++shape_;
    id = store_.NewEntry(spot.node);
    store_[id].node_ = static_cast<std::uint32_t>(spot.node) & FilterEntry::kNodeMask;
    store_[id].multi_level_ = spot.multi_level;
  }
  return id;
}

void SubscriptionTrie::Release(EntryId id) {
  ++shape_;
  const FilterEntry& entry = store_[id];
  const NodeId at{entry.node_};
  (entry.multi_level_ ? store_[at].multi_entry : store_[at].entry) = kNoEntry;
  ForgetPeer(id);
  store_.Delete(id);
  Prune(at);
}

// The other node. A bit of peer_entries_ is set when the peer comes to an entry, and cleared with
// the entry or by ClearPeerCores: one that is set in between for nothing costs a look.

void SubscriptionTrie::RememberPeer(EntryId id) {
  const std::uint32_t number = TrieStore::NumberOf(id);
  if (number / 64 >= peer_entries_.size()) peer_entries_.resize(number / 64 + 1);
  peer_entries_[number / 64] |= std::uint64_t{1} << number % 64;
}

void SubscriptionTrie::ForgetPeer(EntryId id) {
  const std::uint32_t number = TrieStore::NumberOf(id);
  if (number / 64 < peer_entries_.size())
    peer_entries_[number / 64] &= ~(std::uint64_t{1} << number % 64);
}

void SubscriptionTrie::ClearPeer() { ClearPeerCores(~std::uint64_t{0}); }
void SubscriptionTrie::ClearPeer(CoreId peer_core) { ClearPeerCores(BitOf(peer_core)); }

void SubscriptionTrie::ClearPeerCores(std::uint64_t cores) {
  for (std::uint32_t word = 0; word < peer_entries_.size(); ++word) {
    for (std::uint64_t bits = peer_entries_[word]; bits != 0; bits &= bits - 1) {
      ClearPeerEntry(
          TrieStore::EntryOf(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))),
          cores);
    }
  }
}

void SubscriptionTrie::ClearPeerEntry(EntryId id, std::uint64_t cores) {
  bool peer_left = false;
  Edit(id, [&](FilterEntry& entry) {
    entry.peer_interest_ &= ~cores;
    peer_left = entry.peer_interest_ != 0;
    // Backwards: a group that goes lets the last one, already seen, take its place.
    for (std::size_t i = entry.groups().size(); i-- > 0;) {
      SharedGroup& group = *entry.groups()[i];
      const std::size_t bytes_before = group.heap_bytes();
      group.ClearPeer(cores);
      heap_bytes_ += group.heap_bytes() - bytes_before;
      peer_left |= group.HasPeerPlaces();
      if (!group.empty()) continue;
      heap_bytes_ -= group.heap_bytes();
      --groups_;
      entry.RemoveGroup(group.share_name());
    }
    if (!peer_left) ForgetPeer(id);
  });
}

// Nodes.

// From the root along `filter`: plus_child(node, ends_filter) and literal_child(node, level, key,
// ends_filter) say where the next level leads; `ends_filter` is whether an entry follows there.
template <class PlusChild, class LiteralChild>
SubscriptionTrie::Spot SubscriptionTrie::Follow(std::string_view filter, PlusChild plus_child,
                                                LiteralChild literal_child) const {
  Spot spot{root_, false};
  PathKey key = kRootKey;
  mqtt::Levels levels(filter);
  std::string_view text;
  while (spot.node != kNoNode && levels.Next(text)) {
    const std::string_view rest(text.end(), filter.end());
    const bool ends_filter = rest.empty() || rest == "/#";
    if (text == "#") {
      spot.multi_level = true;
    } else if (text == "+") {
      key = ExtendPlus(key);
      spot.node = plus_child(spot.node, ends_filter);
    } else {
      const Level level = MakeLevel(text);
      key = Extend(key, level);
      spot.node = literal_child(spot.node, level, key, ends_filter);
    }
  }
  return spot;
}

SubscriptionTrie::Spot SubscriptionTrie::Descend(std::string_view filter) const {
  return Follow(
      filter, [this](NodeId node, bool) { return store_[node].plus_child; },
      [this](NodeId node, const Level& level, PathKey key, bool) {
        return FindChild(node, level, key);
      });
}

SubscriptionTrie::Spot SubscriptionTrie::DescendOrGrow(std::string_view filter) {
  return Follow(
      filter, [this](NodeId node, bool ends_filter) { return NeedPlusChild(node, ends_filter); },
      [this](NodeId node, const Level& level, PathKey key, bool ends_filter) {
        return NeedChild(node, level, key, ends_filter);
      });
}

NodeId SubscriptionTrie::NeedChild(NodeId parent, const Level& level, PathKey key,
                                   bool ends_filter) {
  if (const NodeId child = FindChild(parent, level, key); child != kNoNode) return child;
  const NodeId child = store_.NewNode(ends_filter);
  TrieNode& node = store_[child];
  node.parent = parent;
  node.SetName(level);
  heap_bytes_ += node.heap_bytes();
  edges_.Insert(key, child);
  ++store_[parent].literal_children;
  return child;
}

NodeId SubscriptionTrie::NeedPlusChild(NodeId parent, bool ends_filter) {
  if (const NodeId child = store_[parent].plus_child; child != kNoNode) return child;
  const NodeId child = store_.NewNode(ends_filter);
  store_[child].parent = parent;
  store_[child].SetPlus();
  store_[parent].plus_child = child;
  return child;
}

// Frees `id` and then its ancestors, as long as nothing hangs on them.
void SubscriptionTrie::Prune(NodeId id) {
  while (id != root_ && store_[id].empty()) {
    TrieNode& node = store_[id];
    const NodeId parent = node.parent;
    if (node.is_plus()) {
      store_[parent].plus_child = kNoNode;
    } else {
      edges_.Erase(KeyOf(id), id);
      --store_[parent].literal_children;
    }
    heap_bytes_ -= node.heap_bytes();
    store_.Delete(id);
    id = parent;
  }
}

PathKey SubscriptionTrie::KeyOf(NodeId id) const {
  std::array<NodeId, kTopicLevelsMax> path;
  std::size_t depth = 0;
  for (NodeId at = id; at != root_; at = store_[at].parent) {
    TANDEM_CHECK(depth < path.size());
    path[depth++] = at;
  }
  PathKey key = kRootKey;
  std::string name;
  while (depth > 0) {
    const TrieNode& node = store_[path[--depth]];
    if (node.is_plus()) {
      key = ExtendPlus(key);
    } else {
      node.CopyName(name);
      key = Extend(key, MakeLevel(name));
    }
  }
  return key;
}

std::size_t SubscriptionTrie::bytes() const noexcept {
  return sizeof(*this) + store_.bytes() + edges_.bytes() +
         peer_entries_.capacity() * sizeof(peer_entries_[0]) + heap_bytes_;
}

}  // namespace tandem::broker
