#include "engine/broker/shared_group.h"

#include <algorithm>

#include "engine/base/check.h"

namespace tandem::broker {

SharedKey::SharedKey(std::string_view filter, std::string_view share_name)
    : filter_(filter), share_name_(share_name) {
  MarkShared();
}

SharedGroup::SharedGroup(CoreId self, std::string_view filter, std::string_view share_name)
    : key_(new SharedKey(filter, share_name)) {
  places_.push_back({.place = {Side::kThisNode, self}, .counts = {}});
}

const GroupMember* SharedGroup::FindMember(SubscriberId subscriber) const noexcept {
  const auto position = members_.Find(subscriber);
  return position ? &members_[*position] : nullptr;
}

MemberCounts SharedGroup::local() const noexcept { return places_.front().counts; }

MemberCounts SharedGroup::CountsAt(Place place) const noexcept {
  for (const PlaceState& state : places_) {
    if (state.place == place) return state.counts;
  }
  return {};
}

MemberCounts SharedGroup::everywhere() const noexcept {
  MemberCounts sum;
  for (const PlaceState& state : places_) {
    sum.online += state.counts.online;
    sum.total += state.counts.total;
    sum.copies += state.counts.copies;
  }
  return sum;
}

// Members.

bool SharedGroup::Join(const Subscription& subscription, bool online) {
  const auto found = members_.Find(subscription.subscriber);
  const std::uint32_t position = found ? *found : members_.Add({subscription, false});
  members_[position].subscription = subscription;
  MoveOnline(position, online);
  return found.has_value();
}

bool SharedGroup::Leave(SubscriberId subscriber) {
  const auto position = members_.Find(subscriber);
  if (!position) return false;
  MoveOnline(*position, false);
  members_.Remove(*members_.Find(subscriber));
  places_.front().counts.total = static_cast<std::uint32_t>(members_.size());
  return true;
}

bool SharedGroup::SetOnline(SubscriberId subscriber, bool online) {
  const auto position = members_.Find(subscriber);
  if (position) MoveOnline(*position, online);
  return position.has_value();
}

// Moves the member over the border between online and away, if it is on the other side.
void SharedGroup::MoveOnline(std::uint32_t position, bool online) noexcept {
  if (members_[position].online != online) {
    members_[position].online = online;
    members_.Swap(position, online ? online_++ : --online_);
  }
  places_.front().counts.online = online_;
  places_.front().counts.total = static_cast<std::uint32_t>(members_.size());
}

void SharedGroup::AddCopies(std::int32_t change) noexcept {
  places_.front().counts.copies += static_cast<std::uint32_t>(change);
}

const GroupMember* SharedGroup::ChooseMember(SubscriberId excluding) noexcept {
  const GroupMember* chosen = TakeTurn(turn_online_, 0, online_, excluding);
  if (chosen != nullptr) return chosen;
  return TakeTurn(turn_away_, online_, static_cast<std::uint32_t>(members_.size()), excluding);
}

// The next of the members [begin, end) whose turn it is. `turn` counts from `begin`, and may lie
// beyond the end if members have gone.
const GroupMember* SharedGroup::TakeTurn(std::uint32_t& turn, std::uint32_t begin,
                                         std::uint32_t end, SubscriberId excluding) noexcept {
  const std::uint32_t count = end - begin;
  for (std::uint32_t tries = 0; tries < std::min(count, 2U); ++tries) {
    if (turn >= count) turn = 0;
    const GroupMember& member = members_[begin + turn++];
    if (member.subscription.subscriber != excluding) return &member;
  }
  return nullptr;
}

// Places.

void SharedGroup::SetCounts(Place place, MemberCounts counts) {
  TANDEM_CHECK(place != places_.front().place);
  const auto at =
      std::lower_bound(places_.begin() + 1, places_.end(), place,
                       [](const PlaceState& state, Place p) { return state.place < p; });
  const bool there = at != places_.end() && at->place == place;
  if (counts == MemberCounts{}) {
    if (there) places_.erase(at);
  } else if (there) {
    at->counts = counts;
  } else {
    places_.insert(at, {.place = place, .counts = counts});
  }
}

void SharedGroup::ClearPeer(std::uint64_t cores) {
  std::erase_if(places_, [cores](const PlaceState& state) {
    return state.place.side == Side::kPeerNode && (cores >> Index(state.place.core) & 1) != 0;
  });
}

bool SharedGroup::ConcernsPeer() const noexcept {
  return HasPeerPlaces() || everywhere().copies != 0;
}

bool SharedGroup::HasPeerPlaces() const noexcept {
  return places_.back().place.side == Side::kPeerNode;  // the peer's places stand last
}

// Smooth weighted round robin among the places that are `eligible`: everyone is credited its
// weight, the richest has its turn and pays for all. Credits stay within the total weight; those
// that outlived larger weights are cut to it.
template <class Eligible>
SharedGroup::PlaceState* SharedGroup::TakePlaceTurn(std::uint32_t MemberCounts::*weight,
                                                    Eligible eligible) noexcept {
  std::int64_t sum = 0;
  for (const PlaceState& state : places_) {
    if (eligible(state)) sum += state.counts.*weight;
  }
  PlaceState* richest = nullptr;
  for (PlaceState& state : places_) {
    if (!eligible(state) || state.counts.*weight == 0) continue;
    state.credit = std::clamp(state.credit, -sum, sum) + state.counts.*weight;
    if (richest == nullptr || state.credit > richest->credit) richest = &state;
  }
  if (richest != nullptr) richest->credit -= sum;
  return richest;
}

std::optional<Place> SharedGroup::ChoosePlace(Preference preference,
                                              const PlaceSet& excluding) noexcept {
  const auto distance = [&](const PlaceState& state) {
    if (preference == Preference::kFair || &state == &places_.front()) return 0;
    return state.place.side == Side::kThisNode ? 1 : 2;
  };
  constexpr int kDistanceMax = 2;
  for (const auto weight : {&MemberCounts::online, &MemberCounts::total}) {
    for (int tier = 0; tier <= kDistanceMax; ++tier) {
      PlaceState* chosen = TakePlaceTurn(weight, [&](const PlaceState& state) {
        return distance(state) == tier && !excluding.Contains(state.place);
      });
      if (chosen != nullptr) return chosen->place;
    }
  }
  return std::nullopt;
}

std::size_t SharedGroup::heap_bytes() const noexcept {
  return sizeof(SharedGroup) + sizeof(SharedKey) + key_->filter().capacity() +
         key_->share_name().capacity() + members_.heap_bytes() +
         places_.capacity() * sizeof(PlaceState);
}

}  // namespace tandem::broker
