// A shared subscription group (MQTT 5.0, 4.8.2) as one core sees it: the members whose sessions
// live on this core, and how many members each other core of the two nodes has. Each core picks for
// the messages it takes from publishers: a place by ChoosePlace, and the core there a member by
// ChooseMember.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/hash/hash.h"
#include "engine/base/ids.h"
#include "engine/base/intrusive_ptr.h"
#include "engine/broker/indexed_list.h"
#include "engine/broker/subscription.h"

namespace tandem::broker {

// Which group a message in flight is for. Immutable, counted atomically from its creation: it
// crosses to other cores without a copy, and outlives the group there.
class SharedKey : public RefCounted<SharedKey> {
 public:
  SharedKey(std::string_view filter, std::string_view share_name);
  static void Destroy(SharedKey* key) noexcept { delete key; }

  const std::string& filter() const noexcept { return filter_; }  // without $share/name/
  const std::string& share_name() const noexcept { return share_name_; }

 private:
  ~SharedKey() = default;

  const std::string filter_;
  const std::string share_name_;
};

enum class Side : std::uint8_t { kThisNode, kPeerNode };

// A core of either node.
struct Place {
  Side side{};
  CoreId core{};
  friend bool operator==(const Place&, const Place&) = default;
  friend auto operator<=>(const Place&, const Place&) = default;
};

// Members of a group; online <= total. The others are away: persistent sessions without a
// connection. `copies` are of members that the other node owns: they get nothing before they take
// their place, but what is given to one of them here concerns that node.
struct MemberCounts {
  std::uint32_t online = 0;
  std::uint32_t total = 0;
  std::uint32_t copies = 0;
  friend bool operator==(const MemberCounts&, const MemberCounts&) = default;
};

struct GroupMember {
  Subscription subscription;
  bool online = false;
};

// Places that are passed over.
struct PlaceSet {
  std::uint64_t cores = 0;  // of this node; bit = index
  bool peer = false;
  bool Contains(const Place& place) const noexcept {
    return place.side == Side::kPeerNode ? peer : (cores >> Index(place.core) & 1) != 0;
  }
};

enum class Preference : std::uint8_t {
  kFair,     // every member gets the same share, wherever it is
  kNearest,  // this core while it has a member online, then this node, then the peer; fair among
             // the equally near
};

// Belongs to the trie of one core and lives there, from the first member or count until the last
// one is gone. Changed through SubscriptionTrie only. Taking turns is state of this object alone:
// it neither travels nor survives a restart.
class SharedGroup {
 public:
  SharedGroup(CoreId self, std::string_view filter, std::string_view share_name);
  SharedGroup(const SharedGroup&) = delete;
  SharedGroup& operator=(const SharedGroup&) = delete;

  const IntrusivePtr<SharedKey>& key() const noexcept { return key_; }
  std::string_view share_name() const noexcept { return key_->share_name(); }

  // The members on this core, those online first. Valid until the group changes.
  std::span<const GroupMember> members() const noexcept { return members_.items(); }
  const GroupMember* FindMember(SubscriberId subscriber) const noexcept;

  MemberCounts local() const noexcept;
  MemberCounts CountsAt(Place place) const noexcept;
  MemberCounts everywhere() const noexcept;
  // One of the two nodes has a copy of a member of the other one, or the other one has members.
  bool ConcernsPeer() const noexcept;

  // The member of this core whose turn it is: among those online if there is one, else among those
  // away. `excluding` is passed over (the member that gave the message back). Null if nobody is
  // left. O(1).
  const GroupMember* ChooseMember(SubscriberId excluding = kNoSubscriber) noexcept;
  // The same among those for whom fits(member): everybody online is asked before somebody who is
  // away. O(members) if few fit.
  template <class Fits>
  const GroupMember* ChooseMemberThat(Fits&& fits) noexcept {
    for (std::size_t tries = online_ != 0 ? online_ : members_.size(); tries != 0; --tries) {
      const GroupMember* const member = ChooseMember();
      if (fits(*member)) return member;
    }
    for (std::uint32_t i = online_; i < members_.size(); ++i) {
      if (fits(members_[i])) return &members_[i];
    }
    return nullptr;
  }

  // The place whose turn it is. Places take turns in proportion to their members online,
  // interleaved (smooth weighted round robin: exact over each cycle of as many picks as there are
  // members online); if nobody is online anywhere, in proportion to their members. `excluding` is
  // passed over. Nothing if nobody is left. O(places), at most 127.
  std::optional<Place> ChoosePlace(Preference preference = Preference::kFair,
                                   const PlaceSet& excluding = {}) noexcept;

 private:
  friend class FilterEntry;
  friend class SubscriptionTrie;

  struct MemberTraits {
    using Key = SubscriberId;
    using Hash = absl::Hash<SubscriberId>;
    using Equal = std::equal_to<SubscriberId>;
    static SubscriberId KeyOf(const GroupMember& member) { return member.subscription.subscriber; }
  };
  struct PlaceState {
    Place place;
    MemberCounts counts;
    std::int64_t credit = 0;  // smooth weighted round robin: the highest has its turn
  };

  void AddCopies(std::int32_t change) noexcept;
  // Each says whether the member existed.
  bool Join(const Subscription& subscription, bool online);
  bool Leave(SubscriberId subscriber);
  bool SetOnline(SubscriberId subscriber, bool online);
  void SetCounts(Place place, MemberCounts counts);
  void ClearPeer(std::uint64_t cores);  // bit = index of a core of the peer
  bool HasPeerPlaces() const noexcept;
  bool empty() const noexcept {
    return members_.empty() && places_.size() == 1 && places_.front().counts.copies == 0;
  }
  std::size_t heap_bytes() const noexcept;

  void MoveOnline(std::uint32_t position, bool online) noexcept;
  const GroupMember* TakeTurn(std::uint32_t& turn, std::uint32_t begin, std::uint32_t end,
                              SubscriberId excluding) noexcept;
  template <class Eligible>
  PlaceState* TakePlaceTurn(std::uint32_t MemberCounts::*weight, Eligible eligible) noexcept;

  IntrusivePtr<SharedKey> key_;
  IndexedList<GroupMember, MemberTraits> members_;  // [0, online_) are online
  std::uint32_t online_ = 0;
  std::uint32_t turn_online_ = 0;
  std::uint32_t turn_away_ = 0;
  std::vector<PlaceState>
      places_;  // the first is this core, always; the others in order, none with {0, 0}
};

}  // namespace tandem::broker
