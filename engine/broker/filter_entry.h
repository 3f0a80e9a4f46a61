// What a core knows about one topic filter: who wants the messages that match it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "absl/hash/hash.h"
#include "engine/base/strings.h"
#include "engine/broker/indexed_list.h"
#include "engine/broker/shared_group.h"
#include "engine/broker/subscription.h"

namespace tandem::broker {

// Belongs to the SubscriptionTrie of one core, which alone changes it. Everything it hands out is
// valid until the next change of the trie.
//
// 32 bytes, so that two share a cache line and none straddles one: most filters have one local
// subscriber, which stands inside. A second one, or a shared group, moves them to lists on the
// heap.
class alignas(32) FilterEntry {
 public:
  FilterEntry() noexcept {}
  FilterEntry(const FilterEntry&) = delete;
  FilterEntry& operator=(const FilterEntry&) = delete;
  ~FilterEntry();

  // The sessions of this core, in no particular order, contiguous. Shared subscriptions are not
  // among them.
  std::span<const Subscription> subscribers() const noexcept {
    if (kind_ == kMany) return lists()->subscribers.items();
    return {&one_, kind_ == kOne ? std::size_t{1} : std::size_t{0}};
  }
  const Subscription* FindSubscriber(SubscriberId subscriber) const noexcept;

  // Bit = index of a core of this node, or of the other node, behind which somebody subscribed to
  // this filter.
  std::uint64_t core_interest() const noexcept { return core_interest_; }
  std::uint64_t peer_interest() const noexcept { return peer_interest_; }

  // The shared groups of this filter, on whichever core their members are. Picking a member
  // advances whose turn it is, hence no const behind the pointers.
  std::span<const std::unique_ptr<SharedGroup>> groups() const noexcept {
    if (kind_ == kMany) return lists()->groups.items();
    return {};
  }
  SharedGroup* FindGroup(std::string_view share_name) const noexcept;

 private:
  friend class SubscriptionTrie;

  struct SubscriberTraits {
    using Key = SubscriberId;
    using Hash = absl::Hash<SubscriberId>;
    using Equal = std::equal_to<SubscriberId>;
    static SubscriberId KeyOf(const Subscription& subscription) { return subscription.subscriber; }
  };
  struct GroupTraits {
    using Key = std::string_view;
    using Hash = StringHash;
    using Equal = StringEqual;
    static std::string_view KeyOf(const std::unique_ptr<SharedGroup>& group) {
      return group->share_name();
    }
  };
  struct Lists {
    IndexedList<Subscription, SubscriberTraits> subscribers;
    IndexedList<std::unique_ptr<SharedGroup>, GroupTraits> groups;
  };
  static constexpr std::uint32_t kNodeMask = (1U << 29) - 1;  // a TrieStore has no more
  enum Kind : std::uint32_t { kNobody, kOne, kMany };

  Lists* lists() const noexcept { return std::bit_cast<Lists*>(lists_); }
  Lists& NeedLists();  // moves what stands inside to the heap
  void DropListsIfShort();

  // Both say whether the subscription existed.
  bool AddSubscriber(const Subscription& subscription);
  bool RemoveSubscriber(SubscriberId subscriber);
  SharedGroup& AddGroup(std::unique_ptr<SharedGroup> group);  // of a name that is not there
  void RemoveGroup(std::string_view share_name);
  bool empty() const noexcept { return kind_ == kNobody && (core_interest_ | peer_interest_) == 0; }
  std::size_t heap_bytes() const noexcept;  // without the groups' own

  std::uint64_t core_interest_ = 0;
  std::uint64_t peer_interest_ = 0;
  union {
    Subscription one_;  // kOne
    std::array<std::uint32_t, 2>
        lists_;  // kMany: a Lists*; in halves, since a pointer would pad the entry to 40 bytes
  };
  std::uint32_t kind_ : 2 = kNobody;
  std::uint32_t multi_level_ : 1 = 0;  // the filter is that of `node_` with "/#" behind it
  std::uint32_t node_ : 29 = 0;        // NodeId of where the filter ends in the trie
};
static_assert(sizeof(FilterEntry) == 32);

}  // namespace tandem::broker
