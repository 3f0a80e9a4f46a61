// Which sessions, cores and shared groups want a topic: the subscriptions of one core, and the
// interest of all others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/base/ids.h"
#include "engine/base/limits.h"
#include "engine/broker/edge_table.h"
#include "engine/broker/filter_entry.h"
#include "engine/broker/level.h"
#include "engine/broker/path_key.h"
#include "engine/broker/shared_group.h"
#include "engine/broker/subscription.h"
#include "engine/broker/trie_node.h"
#include "engine/broker/trie_store.h"

namespace tandem::broker {

// Each core has one, owned by its Shard and touched by that core alone: no locks, no threads, no
// clock. One walk over the levels of a topic finds every matching filter, and each filter's entry
// knows the local subscribers, the cores of both nodes that are interested, and the shared groups.
//
// Contracts for all functions: a `filter` is valid (mqtt::IsValidTopicFilter) and comes without
// $share/name/; a `topic` is valid (mqtt::IsValidTopicName); core indices are below kCoresMax.
// Pointers, spans and references handed out are valid until the next change. Nothing may be changed
// during Match.
//
// Costs: a change is O(levels), amortized; a match is O(levels) for the exact filters plus what
// wildcards branch to, and never allocates. See
// benchmarks/engine/broker/subscription_trie_benchmark.cc.
class SubscriptionTrie {
 public:
  explicit SubscriptionTrie(CoreId self);
  SubscriptionTrie(const SubscriptionTrie&) = delete;
  SubscriptionTrie& operator=(const SubscriptionTrie&) = delete;
  ~SubscriptionTrie();

  struct Change {
    bool existed = false;           // the subscription was there before
    bool interest_changed = false;  // the first local subscriber of the filter came, or the last
                                    // one left: tell the other cores and the other node
  };
  // An existing subscription gets the new options and identifier [MQTT-3.8.4-3].
  Change Subscribe(std::string_view filter, const Subscription& subscription);
  Change Unsubscribe(std::string_view filter, SubscriberId subscriber);

  // Shared subscriptions. `local` is what this core has now, to be announced to the others when
  // `counts_changed`.
  struct GroupChange {
    bool existed = false;  // the member was there before
    bool counts_changed = false;
    MemberCounts local;
  };
  GroupChange JoinGroup(std::string_view filter, std::string_view share_name,
                        const Subscription& subscription, bool online);
  GroupChange LeaveGroup(std::string_view filter, std::string_view share_name,
                         SubscriberId subscriber);
  // Nothing happens if there is no such member (existed = false).
  GroupChange SetMemberOnline(std::string_view filter, std::string_view share_name,
                              SubscriberId subscriber, bool online);
  // One more copy, or one less, of a member that the other node owns.
  GroupChange AddGroupCopy(std::string_view filter, std::string_view share_name);
  GroupChange RemoveGroupCopy(std::string_view filter, std::string_view share_name);

  // What other cores of this node, and the cores of the other node, announce. `core` is not this
  // core.
  void SetCoreInterest(std::string_view filter, CoreId core, bool wanted);
  void SetPeerInterest(std::string_view filter, CoreId peer_core, bool wanted);
  // All 0 removes the place. `place` is not this core.
  void SetGroupCounts(std::string_view filter, std::string_view share_name, Place place,
                      MemberCounts counts);

  // The other node, or one of its cores, went away with all its interest and members. O(filters it
  // was interested in), plus a scan of one bit per filter.
  void ClearPeer();
  void ClearPeer(CoreId peer_core);

  // Calls visit(const FilterEntry&) once for each filter that matches, in an order that depends on
  // the filters alone. False if the walk was cut off after `visits_max` nodes: some matches are
  // missing then, and the caller counts it.
  template <class Visitor>
  bool Match(std::string_view topic, Visitor&& visit,
             std::size_t visits_max = kMatchVisitsMax) const {
    return Walk(topic, visits_max, [&visit](std::span<const FilterEntry* const> batch) {
      for (const FilterEntry* entry : batch) visit(*entry);
    });
  }

  // Another number whenever a filter came or went. As long as it stays, a topic matches the same
  // entries, and they stay where they are.
  std::uint64_t shape() const noexcept { return shape_; }

  // The entry of exactly this filter, or null.
  const FilterEntry* Find(std::string_view filter) const;
  // The group here that a message from another core is for, or null if it is gone.
  SharedGroup* FindGroup(const SharedKey& key) const;

  // For /metrics. `subscriptions` are the local ones, group members included. `bytes` is what the
  // trie occupies, without the allocator's own share; `heap_bytes` is the part that hangs on
  // entries and nodes (lists, groups, long level names), 0 when there is none.
  std::size_t filters() const noexcept { return store_.entries(); }
  std::size_t subscriptions() const noexcept { return subscriptions_; }
  std::size_t groups() const noexcept { return groups_; }
  std::size_t nodes() const noexcept { return store_.nodes() - 1; }  // without the root
  std::size_t heap_bytes() const noexcept { return heap_bytes_; }
  std::size_t bytes() const noexcept;

 private:
  class Walker;
  using Batch = absl::FunctionRef<void(std::span<const FilterEntry* const>)>;
  struct Spot {  // where a filter ends: its node, and whether "/#" follows
    NodeId node = kNoNode;
    bool multi_level = false;
  };

  bool Walk(std::string_view topic, std::size_t visits_max, Batch visit) const;

  // Nodes. Need... creates what is not there.
  NodeId FindChild(NodeId parent, const Level& level, PathKey key) const {
    return edges_.Find(key, [&](NodeId child) {
      const TrieNode& node = store_[child];
      return node.parent == parent && node.Is(level);
    });
  }
  NodeId NeedChild(NodeId parent, const Level& level, PathKey key, bool ends_filter);
  NodeId NeedPlusChild(NodeId parent, bool ends_filter);
  template <class PlusChild, class LiteralChild>
  Spot Follow(std::string_view filter, PlusChild plus_child, LiteralChild literal_child) const;
  Spot Descend(std::string_view filter) const;  // kNoNode if the trie does not reach that far
  Spot DescendOrGrow(std::string_view filter);
  PathKey KeyOf(NodeId id) const;
  void Prune(NodeId id);

  // Entries and groups. An entry that NeedEntry created is empty until the caller puts somebody in,
  // which it does.
  EntryId FindEntry(std::string_view filter) const;
  EntryId NeedEntry(std::string_view filter);
  template <class Update>
  void Edit(EntryId id, Update&& update);
  void Release(EntryId id);
  std::pair<EntryId, SharedGroup*> FindGroupOf(std::string_view filter,
                                               std::string_view share_name) const;
  SharedGroup& NeedGroup(EntryId id, std::string_view filter, std::string_view share_name);
  template <class Update>
  GroupChange EditGroup(EntryId id, SharedGroup& group, Update&& update);
  void RemoveGroup(EntryId id, SharedGroup& group);

  // The other node.
  void RememberPeer(EntryId id);
  void ForgetPeer(EntryId id);
  void ClearPeerCores(std::uint64_t cores);
  void ClearPeerEntry(EntryId id, std::uint64_t cores);

  CoreId self_;
  TrieStore store_;
  NodeId root_;
  EdgeTable edges_;
  // Bit = number of an entry (TrieStore::NumberOf): the peer has interest or members there.
  std::vector<std::uint64_t> peer_entries_;
  std::uint64_t shape_ = 1;
  std::size_t subscriptions_ = 0;
  std::size_t groups_ = 0;
  std::size_t heap_bytes_ = 0;  // of entries, groups and long level names
};

}  // namespace tandem::broker
