#include "engine/broker/router.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/hash.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

using metrics::DeliveryPath;

// A message for a group whose members moved while it was on its way is handed on this often, then
// given up: by then the counts that both nodes have of the group must have settled.
constexpr std::uint8_t kHopsMax = 8;

constexpr std::uint64_t Bit(CoreId core) noexcept { return std::uint64_t{1} << Index(core); }

Crossing ToCrossing(bool crosses, bool unasked) noexcept {
  if (!crosses) return Crossing::kNo;
  return unasked ? Crossing::kPerhaps : Crossing::kYes;
}

DeliveryPath PathOf(const PeerOrigin& origin) noexcept {
  return origin.number == 0 ? DeliveryPath::kCore : DeliveryPath::kPeer;
}

mqtt::QoS Lower(mqtt::QoS a, mqtt::QoS b) noexcept { return std::min(a, b); }

}  // namespace

CoreId Router::RetainedHome(std::string_view topic) const noexcept {
  return static_cast<CoreId>(StableHash(topic) % context_.cores);
}

inline void Router::FindEntries(const MessageFields& fields) {
  const MatchCache::Result matches = matches_of_.Match(fields.topic);
  entries_ = matches.entries;
  if (!matches.whole) context_.metrics.MatchCutOff();
}

// Of the groups that match: the core that took the message from its publisher chooses.
inline void Router::ChooseMembers(RoutedMessage& message, Targets& targets) {
  for (const FilterEntry* entry : entries_) {
    for (const auto& group : entry->groups())
      ChooseMember(*group, message, Preference::kFair, targets);
  }
}

Router::Result Router::FromClient(const MessageFields& fields, const Retaining& retaining,
                                  std::optional<PublisherStep> step) {
  const WrittenLog::Routing routing(context_.written, context_.now.mono_ns, DeliveryPath::kLocal);
  RoutedMessage message(fields);
  Targets targets;
  const std::uint64_t records_before = peer_.last_number();
  FindMatches(fields, targets);
  if (peer_.up()) {
    // Both nodes may have clients when they meet: what one publishes before it has heard of the
    // other's subscriptions crosses in any case (P1). And until the copies there are known to all
    // of its cores, one of them may not get what crosses.
    targets.peer |= !peer_.knows_interest();
    targets.unasked = !peer_.knows_interest() || !teller_.copies_routed();
  }
  targets.new_spares = ConcernsPeer(fields);
  if (targets.new_spares) targets.spare_keeper = OwnKeeper();
  delivery_.BeginRouting(targets.peer || targets.unasked);
  DeliverMatches(message, false);
  ChooseMembers(message, targets);
  // The publisher's step and the places that other cores give to the message must survive together,
  // and those say so in streams of their own. Mostly nobody has a copy there who would get one; but
  // while the copies are on their way the message crosses with the step, and they name it.
  if (step && targets.cores != 0 && !teller_.copies_routed()) targets.peer = true;
  targets.steps_alone = step && !targets.peer;
  if (step && HandsStep(*step, targets)) targets.handed = &*step;
  Result result{.matched = targets.matched, .step_handed = targets.handed != nullptr};
  result.routed = SendToCores(message, targets, true, fields.qos != mqtt::QoS::kAtMostOnce, {});
  const bool retains = retaining.kind == Retaining::Kind::kYes;
  if (retaining.kind != Retaining::Kind::kNo) UpdateRetained(message, {}, retaining);
  if (!peer_.up()) {
    // They were members of a node that is gone: those that take their place are not known yet.
    lent_.Lend(message, targets.peer_groups);
    teller_.EndRouting(fields.id, Crossing::kNo);
    return result;
  }
  if (result.step_handed) step.reset();
  if (targets.peer || !targets.peer_groups.empty() || !targets.own_groups.empty() || retains) {
    lent_.Lend(message, targets.peer_groups);
    auto places = teller_.TakePlaces(ToCrossing(targets.peer, targets.unasked));
    peer_.Append(PublishRecord{.message = message.Share(),
                               .route = targets.peer,
                               .unasked = targets.unasked,
                               .update_retained = retains,
                               .groups = std::move(targets.peer_groups),
                               .step = std::exchange(step, std::nullopt),
                               .spares = std::move(targets.own_groups),
                               .given_back = {},
                               .places = std::move(places)});
  } else if (step && peer_.epoch().group_spares) {
    TellStep(*std::exchange(step, std::nullopt));
  }
  teller_.EndRouting(fields.id, ToCrossing(targets.peer, targets.unasked));
  if (step) TellStep(std::move(*step));  // as in HandsStep
  if (peer_.last_number() != records_before) result.peer_number = peer_.last_number();
  return result;
}

// A partner that keeps no spares gets a group's message with the place of the member's copy, and
// the publisher's packet id in a record of its own. That one stands behind the place: rather a
// message that may be twice, should this node die between both, than one that is called safe and
// that nobody gets. So the member's core tells it.
bool Router::HandsStep(const PublisherStep& step, const Targets& targets) const noexcept {
  if (!targets.steps_alone || peer_.epoch().group_spares || step.packet_id == 0) return false;
  return std::any_of(core_groups_.begin(), core_groups_.end(),
                     [](const auto& groups) { return !groups.empty(); });
}

void Router::TellStep(PublisherStep&& step) {
  if (step.packet_id != 0) {
    peer_.Append(SessionReceivedIdRecord{.client_id = std::move(step.client_id),
                                         .packet_id = step.packet_id});
  } else {
    peer_.Append(SessionWillDoneRecord{.client_id = std::move(step.client_id)});
  }
}

void Router::FromSystem(const MessageFields& fields, bool chooses_members) {
  RoutedMessage message(fields);
  Targets targets;
  delivery_.BeginRouting(false);
  FindMatches(fields, targets);
  DeliverMatches(message, false);
  if (chooses_members) ChooseMembers(message, targets);
  // Those who are only interested have messages of their own.
  targets.cores = 0;
  for (std::size_t core = 0; core < core_groups_.size(); ++core) {
    if (!core_groups_[core].empty()) targets.cores |= Bit(static_cast<CoreId>(core));
  }
  SendOnward(message, targets, {});
  teller_.EndRouting(fields.id, Crossing::kNo);
}

void Router::FromCore(RouteMessage routed) {
  const WrittenLog::Routing routing(context_.written, routed.terms.read_at,
                                    PathOf(routed.terms.origin));
  RoutedMessage message(std::move(routed.message));
  // Whoever gets it here and answers with a retained message must write the later one (P9).
  context_.clock.Observe(message.fields().hlc, context_.now.wall_ms);
  Targets targets;
  targets.spare_keeper = KeeperOf(routed.spare);
  targets.hops = routed.hops;
  targets.tried = routed.tried;
  targets.steps_alone = IsStepAlone(routed.terms);
  const Crossing crossing = CrossingOf(routed.terms);
  delivery_.BeginRouting(MayReachOwners(routed.terms));
  if (routed.route) {
    FindEntries(message.fields());
    DeliverMatches(message, targets.steps_alone);
  }
  const bool tells_step = routed.step && peer_.up() && IsStepAlone(routed.terms);
  if (tells_step) targets.steps_alone = false;
  for (const IntrusivePtr<SharedKey>& key : routed.groups) {
    if (!ChooseIn(trie_.FindGroup(*key), message, Preference::kNearest, targets))
      GiveUp(*key, message, targets);
  }
  SendOnward(message, targets, {});
  teller_.EndRouting(message.fields().id, crossing);
  if (tells_step) TellStep(std::move(*routed.step));
}

// As a RouteMessage without groups, many times.
void Router::FromCore(const RouteBatch& batch) {
  const RouteTerms& terms = batch.terms();
  const WrittenLog::Routing routing(context_.written, terms.read_at, PathOf(terms.origin));
  const bool steps_alone = IsStepAlone(terms);
  const Crossing crossing = CrossingOf(terms);
  const bool reaches_owners = MayReachOwners(terms);
  batch.Each([&](const MessageFields& fields) {
    RoutedMessage message(fields);
    // Whoever gets it here and answers with a retained message must write the later one (P9).
    context_.clock.Observe(fields.hlc, context_.now.wall_ms);
    delivery_.BeginRouting(reaches_owners);
    FindEntries(fields);
    DeliverMatches(message, steps_alone);
    teller_.EndRouting(fields.id, crossing);
  });
}

void Router::FromCore(RetainMessage retain) {
  const Message& message = *retain.message;
  // Should the nodes part now, it was written before (MergeLog).
  context_.clock.Observe(message.hlc(), context_.now.wall_ms);
  if (retain.if_room &&
      !retained_.HasRoomFor(message.topic(), message.bytes(), context_.now.mono_ns))
    return context_.metrics.PublishRefused(metrics::PublishRefusal::kQuotaExceeded);
  // The other node does not have it, or the sending core had not begun the epoch and the snapshot
  // may have passed the topic already.
  if (peer_.up() && retain.epoch != peer_.epoch().epoch) {
    peer_.Append(RetainedRecord{retain.message});
  }
  StoreRetained(std::move(retain.message), retain.origin);
  retained_.Release(retain.room);
}

void Router::StoreRetained(MessagePtr message, const PeerOrigin& origin) {
  using SetResult = RetainedStore::SetResult;
  if (origin.number == 0 || !context_.merge.open())
    return static_cast<void>(retained_.Set(std::move(message), context_.now.mono_ns));
  RetainedStore::Value own;
  if (const RetainedStore::Value* const value = retained_.Peek(message->topic())) own = *value;
  const bool won_here = retained_.Set(message, context_.now.mono_ns) == SetResult::kOlder;
  context_.merge.NoteRetained(own.message.get(), own.written_at, *message, won_here);
}

void Router::FromPeer(PublishRecord&& record, const PeerOrigin& origin) {
  // Only a broken partner sends such; the trie must never see it.
  if (!record.message || !mqtt::IsValidTopicName(record.message->topic())) return;
  const WrittenLog::Routing routing(context_.written, context_.now.mono_ns, DeliveryPath::kPeer);
  RoutedMessage message(std::move(record.message));
  context_.clock.Observe(message.fields().hlc, context_.now.wall_ms);
  Targets targets;
  delivery_.BeginRouting(true);
  if (record.route) {
    FindMatches(message.fields(), targets);
    delivery_.SetArriving(record.places.empty() ? nullptr : &record.places);
    DeliverMatches(message, false);
    delivery_.SetArriving(nullptr);
  }
  targets.unasked = record.unasked;
  // Who has it here may not be known to this core yet, no more than to the sender.
  if (record.route && record.unasked) targets.cores |= OtherCores();
  SendToCores(message, targets, true, false, origin);
  Targets onward;
  onward.hops = static_cast<std::uint8_t>(record.hops + 1);
  // The core that sent it keeps the spare.
  if (message.fields().qos != mqtt::QoS::kAtMostOnce)
    onward.spare_keeper = static_cast<std::uint16_t>(Index(origin.stream) + 1);
  for (const SharedTarget& target : record.groups) {
    const FilterEntry* const entry = trie_.Find(target.filter);
    SharedGroup* const group = entry == nullptr ? nullptr : entry->FindGroup(target.share_name);
    if (!ChooseIn(group, message, Preference::kNearest, onward))
      GiveUp(*KeyOf(target), message, onward);
  }
  SendOnward(message, onward, origin);
  if (record.update_retained) UpdateRetained(message, origin);
  teller_.EndRouting(message.fields().id, ToCrossing(true, record.unasked));
}

void Router::FromPeer(RetainedRecord record, const PeerOrigin& origin) {
  if (!record.message || !mqtt::IsValidTopicName(record.message->topic())) return;
  RoutedMessage message(std::move(record.message));
  context_.clock.Observe(message.fields().hlc, context_.now.wall_ms);
  UpdateRetained(message, origin);
}

void Router::ToGroup(const SharedKey& key, const MessagePtr& message, GivenBack back) {
  RoutedMessage routed(message);
  delivery_.BeginRouting(false);
  if (!peer_.up()) back = {};
  SharedGroup* const group = trie_.FindGroup(key);
  // A spare that is there already stands for the next member as well; in place of the member's copy
  // there has to be one, also before the other node has said that it has copies.
  const bool needs_spare = back.spare == 0 && peer_.up() && peer_.epoch().group_spares &&
                           message->qos() != mqtt::QoS::kAtMostOnce && group != nullptr &&
                           (!back.client_id.empty() || group->ConcernsPeer());
  Targets targets;
  targets.new_spares = needs_spare;
  targets.spare_keeper = needs_spare ? OwnKeeper() : back.spare;
  if (!ChooseIn(group, routed, Preference::kFair, targets)) {
    targets.spare_keeper = back.spare;
    GiveUp(key, routed, targets);
  }
  SendToCores(routed, targets, false, false, {});
  if (!targets.peer_groups.empty()) {
    SendToPeerGroups(routed, targets, std::move(back));
  } else if (!targets.own_groups.empty()) {
    peer_.Append(PublishRecord{
        .message = routed.Share(),
        .route = false,
        .spares = std::move(targets.own_groups),
        .given_back = back.client_id.empty() ? std::nullopt : std::optional(std::move(back))});
  }
  teller_.EndRouting(message->id(), Crossing::kNo);
}

// Of a message that another core has taken from a client or from the other node.
Crossing Router::CrossingOf(const RouteTerms& terms) const noexcept {
  const std::uint64_t epoch = peer_.epoch().epoch;
  const bool crosses = terms.origin.number != 0 ? terms.origin.epoch == epoch
                                                : terms.crosses && terms.epoch == epoch;
  // In an epoch that its core has begun before this one.
  const bool is_ahead = terms.crosses && terms.epoch > epoch;
  return ToCrossing(crosses || is_ahead, terms.unasked || is_ahead);
}

// Whether such a message may come to the other node. Not if its core was in the present epoch and
// kept it here.
bool Router::MayReachOwners(const RouteTerms& terms) const noexcept {
  return CrossingOf(terms) != Crossing::kNo || terms.unasked || terms.epoch != peer_.epoch().epoch;
}

// As RouteTerms::steps_alone, in the present epoch.
bool Router::IsStepAlone(const RouteTerms& terms) const noexcept {
  return terms.steps_alone && terms.epoch == peer_.epoch().epoch;
}

// To the members of this node's other cores, and of the other node if that has been chosen instead.
void Router::SendOnward(RoutedMessage& message, Targets& targets, const PeerOrigin& origin) {
  SendToCores(message, targets, false, false, origin);
  if (targets.peer_groups.empty()) return;
  SendToPeerGroups(message, targets, {.client_id = {}, .number = 0, .spare = targets.spare_keeper});
}

// The spares are this node's from now on: should the other one die, members here get them (P10).
void Router::SendToPeerGroups(RoutedMessage& message, Targets& targets, GivenBack back) {
  lent_.Lend(message, targets.peer_groups);
  if (!peer_.up()) return;
  PublishRecord record{.message = message.Share(),
                       .route = false,
                       .groups = std::move(targets.peer_groups),
                       .hops = targets.hops};
  if (peer_.epoch().group_spares) {
    if (back != GivenBack()) record.given_back = std::move(back);
    peer_.Append(std::move(record));
    return;
  }
  const std::vector<SharedTarget> groups = record.groups;
  peer_.Append(std::move(record));
  for (const SharedTarget& group : groups)
    teller_.Return(back.spare, message.fields().id, *KeyOf(group));
}

std::uint64_t Router::OtherCores() const noexcept {
  const std::uint64_t all = ~std::uint64_t{0} >> (64 - context_.cores);
  return all & ~Bit(context_.core);
}

// The core of the other node that keeps the spares of what this core takes from its clients, plus
// one.
std::uint16_t Router::OwnKeeper() const noexcept {
  return static_cast<std::uint16_t>(Index(context_.core) % peer_.epoch().peer_cores + 1);
}

std::uint16_t Router::KeeperOf(const Spare& spare) const noexcept {
  return peer_.up() && spare.epoch == peer_.epoch().epoch ? spare.keeper : std::uint16_t{0};
}

// Whether the other node must have a spare of what the matching groups get here: it has members, or
// copies of members.
bool Router::ConcernsPeer(const MessageFields& fields) const {
  if (!peer_.up() || !peer_.epoch().group_spares || fields.qos == mqtt::QoS::kAtMostOnce)
    return false;
  return std::any_of(entries_.begin(), entries_.end(), [](const FilterEntry* entry) {
    return std::any_of(entry->groups().begin(), entry->groups().end(),
                       [](const auto& group) { return group->ConcernsPeer(); });
  });
}

// The entries that match, and where they lead beyond this core.
void Router::FindMatches(const MessageFields& fields, Targets& targets) {
  FindEntries(fields);
  targets.matched = !entries_.empty();
  for (const FilterEntry* const entry : entries_) {
    targets.cores |= entry->core_interest();
    targets.peer |= entry->peer_interest() != 0;
  }
}

void Router::DeliverMatches(RoutedMessage& message, bool steps_alone) {
  if (entries_.size() == 1) {
    DeliverTo(entries_.front()->subscribers(), message, steps_alone);
  } else if (context_.config.copy_per_subscription) {
    for (const FilterEntry* entry : entries_) DeliverTo(entry->subscribers(), message, steps_alone);
  } else if (!entries_.empty()) {
    ++stamp_;
    for (const FilterEntry* entry : entries_) Merge(entry->subscribers(), message.fields());
    DeliverMerged(message, steps_alone);
  }
}

// One filter matched: nothing to merge.
void Router::DeliverTo(std::span<const Subscription> subscribers, RoutedMessage& message,
                       bool steps_alone) {
  const MessageFields& fields = message.fields();
  for (const Subscription& subscription : subscribers) {
    Session* const session = sessions_.Get(subscription.subscriber);
    if (subscription.options.no_local && session->client_hash == fields.publisher) continue;
    const std::span<const std::uint32_t> identifiers{
        &subscription.identifier, subscription.identifier != 0 ? std::size_t{1} : std::size_t{0}};
    Deliver(*session, message,
            {.qos = Lower(fields.qos, subscription.options.qos),
             .retain = fields.retain && subscription.options.retain_as_published,
             .identifiers = identifiers,
             .steps_alone = steps_alone});
  }
}

void Router::Merge(std::span<const Subscription> subscribers, const MessageFields& fields) {
  for (const Subscription& subscription : subscribers) {
    Session* const session = sessions_.Get(subscription.subscriber);
    if (subscription.options.no_local && session->client_hash == fields.publisher) continue;
    if (session->match_stamp != stamp_) {
      session->match_stamp = stamp_;
      session->match_index = static_cast<std::uint32_t>(matches_.size());
      matches_.push_back({.session = session});
    }
    Match& match = matches_[session->match_index];
    match.qos = std::max(match.qos, Lower(fields.qos, subscription.options.qos));
    match.retain_as_published |= subscription.options.retain_as_published;
    if (subscription.identifier != 0) match.identifiers.push_back(subscription.identifier);
  }
}

void Router::DeliverMerged(RoutedMessage& message, bool steps_alone) {
  for (const Match& match : matches_) {
    Deliver(*match.session, message,
            {.qos = match.qos,
             .retain = message.fields().retain && match.retain_as_published,
             .identifiers = {match.identifiers.data(), match.identifiers.size()},
             .steps_alone = steps_alone});
  }
  matches_.clear();
}

void Router::Deliver(Session& session, RoutedMessage& message, const Delivery::Form& form) {
  if (!delivery_.Deliver(session, message, form)) overflowed_.push_back(session.id);
}

// Whether a group's message goes to nobody of the other node, nor to anybody whose copy is there:
// its publisher's step is told by another core alone (RouteTerms::steps_alone), so that a node that
// dies between both would leave the message without the step, and its publisher's repeat would be
// taken for new. That core had not heard that the other node has a part in the group, so no member
// with one has got its SUBACK yet.
bool Router::StaysHere(const Targets& targets) const noexcept {
  return targets.steps_alone && targets.spare_keeper == 0;
}

// False if there is no member.
bool Router::ChooseMember(SharedGroup& group, RoutedMessage& message, Preference preference,
                          Targets& targets) {
  const bool peer_excluded = StaysHere(targets) && peer_.epoch().group_spares;
  const std::optional<Place> place =
      group.ChoosePlace(preference, {.cores = targets.tried, .peer = peer_excluded});
  if (!place) return !peer_excluded && Park(group, message, targets);
  if (place->side == Side::kPeerNode) {
    if (targets.hops > kHopsMax) return false;
    targets.peer_groups.push_back(TargetOf(*group.key()));
    return true;
  }
  if (place->core == context_.core) return DeliverToMember(group, message, targets);
  NoteSpare(group, targets);
  targets.cores |= Bit(place->core);
  core_groups_[Index(place->core)].push_back(group.key());
  return true;
}

// A member on this node gets it.
void Router::NoteSpare(const SharedGroup& group, Targets& targets) {
  if (targets.new_spares) targets.own_groups.push_back(TargetOf(*group.key()));
}

bool Router::Park(SharedGroup& group, RoutedMessage& message, Targets& targets) {
  if (group.everywhere().copies == 0 || message.fields().qos == mqtt::QoS::kAtMostOnce)
    return false;
  NoteSpare(group, targets);
  parked_.push_back({group.key(), message.Share(), targets.spare_keeper});
  return true;
}

void Router::RetryParked() {
  if (parked_.empty()) return;
  for (Parked& parked : std::exchange(parked_, {})) {
    const SharedGroup* const group = trie_.FindGroup(*parked.group);
    const MemberCounts counts = group == nullptr ? MemberCounts() : group->everywhere();
    if (counts.total == 0 && counts.copies != 0) {
      parked_.push_back(std::move(parked));
    } else {
      ToGroup(*parked.group, parked.message, {.spare = parked.spare});
    }
  }
}

bool Router::DeliverToMember(SharedGroup& group, RoutedMessage& message, Targets& targets) {
  const MessageFields& fields = message.fields();
  const bool alone = StaysHere(targets);
  const auto form_for = [&](const Subscription& subscription,
                            const IntrusivePtr<SharedKey>& key) -> Delivery::Form {
    const mqtt::QoS qos = Lower(fields.qos, subscription.options.qos);
    return {.qos = qos,
            .retain = fields.retain && subscription.options.retain_as_published,
            .identifiers = {&subscription.identifier,
                            subscription.identifier != 0 ? std::size_t{1} : std::size_t{0}},
            .group = key,
            .lender = qos == mqtt::QoS::kAtMostOnce ? std::uint16_t{0} : targets.spare_keeper};
  };
  const auto choose = [&](bool followed_too) {
    return group.ChooseMemberThat([&](const GroupMember& candidate) {
      const Session& session = *sessions_.Get(candidate.subscription.subscriber);
      if (!followed_too && teller_.IsFollowed(session)) return false;
      const bool takes_all =
          session.client == nullptr || session.client->packet_bytes_max == UINT32_MAX;
      return takes_all || delivery_.Fits(session, fields, form_for(candidate.subscription, {}));
    });
  };
  const GroupMember* member = choose(!alone);
  // With a partner that keeps no spares: rather a message that may be twice, should a node die just
  // now, than one that nobody gets.
  if (member == nullptr && alone && !peer_.epoch().group_spares) member = choose(true);
  if (member == nullptr) return PassOn(group, message, targets);
  NoteSpare(group, targets);
  const Subscription& chosen = member->subscription;
  const Delivery::Form form = form_for(chosen, group.key());
  Deliver(*sessions_.Get(chosen.subscriber), message, form);
  // What is not queued is done with.
  if (form.qos == mqtt::QoS::kAtMostOnce && fields.qos != mqtt::QoS::kAtMostOnce)
    teller_.Return(targets.spare_keeper, fields.id, *group.key());
  return true;
}

// Nobody on this core takes so large a packet, or may take it: the other places are asked one after
// another (A27).
bool Router::PassOn(SharedGroup& group, RoutedMessage& message, Targets& targets) {
  const std::uint64_t tried = targets.tried | Bit(context_.core);
  // Beyond that the other node has tried all of its own.
  constexpr std::uint8_t kHopsBetweenNodesMax = 2;
  const bool peer_excluded = StaysHere(targets) && peer_.epoch().group_spares;
  const std::optional<Place> next = group.ChoosePlace(
      Preference::kNearest,
      {.cores = tried, .peer = peer_excluded || targets.hops >= kHopsBetweenNodesMax});
  if (!next) {
    context_.metrics.PublishDropped(metrics::DropReason::kPacketTooLarge);
    if (!targets.new_spares)
      teller_.Return(targets.spare_keeper, message.fields().id, *group.key());
  } else if (next->side == Side::kPeerNode) {
    targets.peer_groups.push_back(TargetOf(*group.key()));
  } else {
    NoteSpare(group, targets);
    targets.passed_on.push_back({.to = next->core, .group = group.key(), .tried = tried});
  }
  return true;
}

bool Router::ChooseIn(SharedGroup* group, RoutedMessage& message, Preference preference,
                      Targets& targets) {
  return group != nullptr && ChooseMember(*group, message, preference, targets);
}

// Nobody of the group is left.
void Router::GiveUp(const SharedKey& key, const RoutedMessage& message, const Targets& targets) {
  context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded);
  teller_.Return(targets.spare_keeper, message.fields().id, key);
}

// Whether an acknowledgement waits until the core says that it has the message.
inline bool Router::NeedsAnswer(CoreId core, std::span<const IntrusivePtr<SharedKey>> groups,
                                const Targets& targets) const noexcept {
  // Should it brake the publisher, the brake must be there first.
  if (brakes_.IsCongested(core)) return true;
  // The member's session may be mirrored: then its copy on the other node is part of the promise.
  // The plain subscriptions' copies get it with the record that this core sends. The other node's
  // spare keeps it too.
  return peer_.up() && !groups.empty() && targets.spare_keeper == 0;
}

std::uint64_t Router::SendToCores(RoutedMessage& message, const Targets& targets, bool route,
                                  bool commit, const PeerOrigin& origin) {
  if (targets.cores == 0 && targets.passed_on.empty()) return 0;
  std::uint64_t last = 0;
  const std::uint64_t epoch = peer_.up() ? peer_.epoch().epoch : 0;
  // What is handed on once more, which is rare, counts as read only then.
  const RouteTerms terms = {.read_at = context_.now.mono_ns,
                            .origin = origin,
                            .epoch = epoch,
                            .unasked = targets.unasked,
                            .crosses = targets.peer && epoch != 0,
                            .steps_alone = targets.steps_alone && epoch != 0};
  const auto send = [&](CoreId core, std::vector<IntrusivePtr<SharedKey>>&& groups, bool routes,
                        std::uint64_t tried) {
    if (origin.number != 0) peer_.RelayedTo(core, origin);
    const bool answers = commit && NeedsAnswer(core, groups, targets);
    if (answers) last = routed_.Send(Index(core));
    message.Share()->MarkShared();
    std::unique_ptr<PublisherStep> step;
    if (targets.handed != nullptr && !groups.empty())
      step = std::make_unique<PublisherStep>(*targets.handed);
    context_.outbox.cores.push_back(
        {core, RouteMessage{.message = message.Share(),
                            .terms = terms,
                            .route = routes,
                            .groups = std::move(groups),
                            .spare = {.keeper = targets.spare_keeper, .epoch = epoch},
                            .commit = answers ? last : 0,
                            .tried = tried,
                            .hops = targets.hops,
                            .step = std::move(step)}});
  };
  const bool is_plain = route && RouteBatch::IsSmall(message.fields());
  for (std::uint64_t left = targets.cores; left != 0; left &= left - 1) {
    const auto core = static_cast<CoreId>(std::countr_zero(left));
    std::vector<IntrusivePtr<SharedKey>>& groups = core_groups_[Index(core)];
    if (is_plain && groups.empty() && !(commit && NeedsAnswer(core, groups, targets))) {
      if (origin.number != 0) peer_.RelayedTo(core, origin);
      context_.outbox.cores.Route(core, terms, message.fields());
    } else {
      send(core, std::move(groups), route, 0);
    }
  }
  for (const PassedOn& passed : targets.passed_on)
    send(passed.to, {passed.group}, false, passed.tried);
  return last;
}

void Router::UpdateRetained(RoutedMessage& message, const PeerOrigin& origin,
                            const Retaining& retaining) {
  const bool if_room = retaining.kind == Retaining::Kind::kIfRoom;
  const CoreId home = RetainedHome(message.fields().topic);
  if (home == context_.core) {
    StoreRetained(message.Share(), origin);
    return retained_.Release(retaining.room);  // behind it: at no time is less taken than there is
  }
  message.Share()->MarkShared();
  if (origin.number != 0) peer_.RelayedTo(home, origin);
  context_.outbox.cores.push_back(
      {home, RetainMessage{.message = message.Share(),
                           .origin = origin,
                           .epoch = peer_.up() && !if_room ? peer_.epoch().epoch : 0,
                           .if_room = if_room,
                           .room = retaining.room}});
}

}  // namespace tandem::broker
