#include "engine/broker/router.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/hash.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

// A message for a group whose members moved while it was on its way is handed on this often, then
// given up: by then the counts that both nodes have of the group must have settled.
constexpr std::uint8_t kHopsMax = 8;

constexpr std::uint64_t Bit(CoreId core) noexcept { return std::uint64_t{1} << Index(core); }

mqtt::QoS Lower(mqtt::QoS a, mqtt::QoS b) noexcept { return std::min(a, b); }

}  // namespace

CoreId Router::RetainedHome(std::string_view topic) const noexcept {
  return static_cast<CoreId>(StableHash(topic) % context_.cores);
}

Router::Result Router::FromClient(const MessageFields& fields, Retaining retaining,
                                  std::optional<PublisherStep> step) {
  RoutedMessage message(fields);
  Targets targets;
  const std::uint64_t records_before = peer_.last_number();
  MatchAndDeliver(message, Preference::kFair, true, targets);
  // The publisher's step and the places that other cores give to the message must survive together,
  // and those say so in streams of their own: so it crosses with the step, and they name it.
  if (step && step->packet_id != 0 && targets.cores != 0) targets.peer = true;
  Result result{.matched = targets.matched};
  result.routed = SendToCores(message, targets, true, fields.qos != mqtt::QoS::kAtMostOnce, {});
  const bool retains = retaining == Retaining::kYes;
  if (retaining != Retaining::kNo) UpdateRetained(message, {}, !retains);
  if (!peer_.up()) return result;
  if (targets.peer || !targets.peer_groups.empty() || retains) {
    lent_.Lend(message, targets.peer_groups);
    peer_.Append(PublishRecord{.message = message.Share(),
                               .route = targets.peer,
                               .update_retained = retains,
                               .groups = std::move(targets.peer_groups),
                               .step = std::move(step)});
  } else if (step && step->packet_id != 0) {
    peer_.Append(SessionReceivedIdRecord{.client_id = std::move(step->client_id),
                                         .packet_id = step->packet_id});
  } else if (step) {
    peer_.Append(SessionWillDoneRecord{.client_id = std::move(step->client_id)});
  }
  teller_.EndRouting(fields.id, targets.peer);
  if (peer_.last_number() != records_before) result.peer_number = peer_.last_number();
  return result;
}

void Router::FromSystem(const MessageFields& fields, bool chooses_members) {
  RoutedMessage message(fields);
  Targets targets;
  MatchAndDeliver(message, Preference::kFair, chooses_members, targets);
  // Those who are only interested have messages of their own.
  targets.cores = 0;
  for (std::size_t core = 0; core < core_groups_.size(); ++core) {
    if (!core_groups_[core].empty()) targets.cores |= Bit(static_cast<CoreId>(core));
  }
  SendToCores(message, targets, false, false, {});
  if (!targets.peer_groups.empty()) SendToPeerGroups(message, targets, 0);
}

void Router::FromCore(RouteMessage routed) {
  RoutedMessage message(std::move(routed.message));
  // Whoever gets it here and answers with a retained message must write the later one (P9).
  context_.clock.Observe(message.fields().hlc, context_.now.wall_ms);
  Targets targets;
  delivery_.BeginRouting();
  if (routed.route) MatchAndDeliver(message, Preference::kFair, false, targets);
  Targets onward{.hops = routed.hops};
  const std::uint16_t lender = LenderOf(message, routed.origin);
  for (const IntrusivePtr<SharedKey>& key : routed.groups) {
    if (SharedGroup* const group = trie_.FindGroup(*key)) {
      ChooseMember(*group, message, Preference::kNearest,
                   {.hops = routed.hops, .lender = lender, .tried = routed.tried}, onward);
    } else {
      GiveUp(message, lender);
    }
  }
  SendToCores(message, onward, false, false, {});
  if (!onward.passed_on.empty()) teller_.Return(lender, message.fields().id);
  if (!onward.peer_groups.empty()) {
    SendToPeerGroups(message, onward, routed.hops);
    teller_.Return(lender, message.fields().id);
  }
  const bool crosses = routed.origin.number != 0 ? routed.origin.epoch == peer_.epoch().epoch
                                                 : routed.crosses == peer_.epoch().epoch;
  teller_.EndRouting(message.fields().id, crosses);
}

void Router::FromCore(RetainMessage retain) {
  const Message& message = *retain.message;
  if (retain.if_room &&
      !retained_.HasRoomFor(message.topic(), message.bytes(), context_.now.mono_ns))
    return context_.metrics.PublishRefused(metrics::PublishRefusal::kQuotaExceeded);
  // The other node does not have it, or the sending core had not begun the epoch and the snapshot
  // may have passed the topic already.
  if (peer_.up() && retain.epoch != peer_.epoch().epoch) {
    peer_.Append(RetainedRecord{retain.message});
  }
  retained_.Set(std::move(retain.message), context_.now.mono_ns);
}

void Router::FromPeer(PublishRecord record, const PeerOrigin& origin) {
  // Only a broken partner sends such; the trie must never see it.
  if (!record.message || !mqtt::IsValidTopicName(record.message->topic())) return;
  RoutedMessage message(std::move(record.message));
  context_.clock.Observe(message.fields().hlc, context_.now.wall_ms);
  Targets targets;
  delivery_.BeginRouting();
  if (record.route) MatchAndDeliver(message, Preference::kFair, false, targets);
  SendToCores(message, targets, true, false, origin);
  Targets onward{.hops = static_cast<std::uint8_t>(record.hops + 1)};
  const std::uint16_t lender = LenderOf(message, origin);
  for (const SharedTarget& target : record.groups) {
    const FilterEntry* const entry = trie_.Find(target.filter);
    if (SharedGroup* const group =
            entry == nullptr ? nullptr : entry->FindGroup(target.share_name)) {
      ChooseMember(*group, message, Preference::kNearest, {.hops = onward.hops, .lender = lender},
                   onward);
    } else {
      GiveUp(message, lender);
    }
  }
  SendToCores(message, onward, false, false, origin);
  if (!onward.peer_groups.empty()) {
    SendToPeerGroups(message, onward, onward.hops);
    teller_.Return(lender, message.fields().id);
  }
  if (record.update_retained) UpdateRetained(message, origin);
  teller_.EndRouting(message.fields().id, true);
}

void Router::FromPeer(RetainedRecord record, const PeerOrigin& origin) {
  if (!record.message || !mqtt::IsValidTopicName(record.message->topic())) return;
  RoutedMessage message(std::move(record.message));
  context_.clock.Observe(message.fields().hlc, context_.now.wall_ms);
  UpdateRetained(message, origin);
}

void Router::ToGroup(const SharedKey& key, const MessagePtr& message) {
  const FilterEntry* const entry = trie_.Find(key.filter());
  SharedGroup* const group = entry == nullptr ? nullptr : entry->FindGroup(key.share_name());
  if (group == nullptr) {
    context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded);
    return;
  }
  delivery_.BeginRouting();
  RoutedMessage routed(message);
  Targets targets;
  ChooseMember(*group, routed, Preference::kFair, {}, targets);
  SendToCores(routed, targets, false, false, {});
  if (!targets.peer_groups.empty()) SendToPeerGroups(routed, targets, 0);
}

// A member of the group lives on the other node. It is lent there until it is done with: should the
// node die, another member gets it (P10).
void Router::SendToPeerGroups(RoutedMessage& message, Targets& targets, std::uint8_t hops) {
  if (!peer_.up()) {
    context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded);
    return;
  }
  lent_.Lend(message, targets.peer_groups);
  peer_.Append(PublishRecord{.message = message.Share(),
                             .route = false,
                             .groups = std::move(targets.peer_groups),
                             .hops = hops});
}

// The core of the other node that keeps a message for us, by the record that brought it.
std::uint16_t Router::LenderOf(const RoutedMessage& message,
                               const PeerOrigin& origin) const noexcept {
  const bool present = message.fields().qos != mqtt::QoS::kAtMostOnce && origin.number != 0 &&
                       peer_.up() && origin.epoch == peer_.epoch().epoch;
  return present ? static_cast<std::uint16_t>(Index(origin.stream) + 1) : std::uint16_t{0};
}

// Nobody of the group is left.
void Router::GiveUp(RoutedMessage& message, std::uint16_t lender) {
  context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded);
  teller_.Return(lender, message.fields().id);
}

// `groups`: whether to choose members of the shared groups here (the core that took the message
// from its publisher does).
void Router::MatchAndDeliver(RoutedMessage& message, Preference preference, bool groups,
                             Targets& targets) {
  delivery_.BeginRouting();
  entries_.clear();
  const bool whole = trie_.Match(message.fields().topic, [&](const FilterEntry& entry) {
    targets.matched = true;
    targets.cores |= entry.core_interest();
    targets.peer |= entry.peer_interest() != 0;
    entries_.push_back(&entry);
  });
  if (!whole) context_.metrics.MatchCutOff();
  if (entries_.size() == 1) {
    DeliverTo(entries_.front()->subscribers(), message);
  } else if (context_.config.copy_per_subscription) {
    for (const FilterEntry* entry : entries_) DeliverTo(entry->subscribers(), message);
  } else if (!entries_.empty()) {
    ++stamp_;
    for (const FilterEntry* entry : entries_) Merge(entry->subscribers(), message.fields());
    DeliverMerged(message);
  }
  if (!groups) return;
  for (const FilterEntry* entry : entries_) {
    for (const auto& group : entry->groups())
      ChooseMember(*group, message, preference, {}, targets);
  }
}

// One filter matched: nothing to merge.
void Router::DeliverTo(std::span<const Subscription> subscribers, RoutedMessage& message) {
  const MessageFields& fields = message.fields();
  for (const Subscription& subscription : subscribers) {
    Session* const session = sessions_.Get(subscription.subscriber);
    if (subscription.options.no_local && session->client_hash == fields.publisher) continue;
    const std::span<const std::uint32_t> identifiers{
        &subscription.identifier, subscription.identifier != 0 ? std::size_t{1} : std::size_t{0}};
    Deliver(*session, message,
            {.qos = Lower(fields.qos, subscription.options.qos),
             .retain = fields.retain && subscription.options.retain_as_published,
             .identifiers = identifiers});
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

void Router::DeliverMerged(RoutedMessage& message) {
  for (const Match& match : matches_) {
    Deliver(*match.session, message,
            {.qos = match.qos,
             .retain = message.fields().retain && match.retain_as_published,
             .identifiers = {match.identifiers.data(), match.identifiers.size()}});
  }
  matches_.clear();
}

void Router::Deliver(Session& session, RoutedMessage& message, const Delivery::Form& form) {
  if (!delivery_.Deliver(session, message, form)) overflowed_.push_back(session.id);
}

void Router::ChooseMember(SharedGroup& group, RoutedMessage& message, Preference preference,
                          const Handed& handed, Targets& targets) {
  const std::optional<Place> place = group.ChoosePlace(preference, {.cores = handed.tried});
  if (!place) return;
  if (place->side == Side::kPeerNode) {
    if (handed.hops > kHopsMax) {
      GiveUp(message, handed.lender);
    } else {
      targets.peer_groups.push_back({group.key()->filter(), group.key()->share_name()});
    }
    return;
  }
  if (place->core != context_.core) {
    targets.cores |= Bit(place->core);
    core_groups_[Index(place->core)].push_back(group.key());
    return;
  }
  const MessageFields& fields = message.fields();
  const auto form_for = [&](const Subscription& subscription,
                            const IntrusivePtr<SharedKey>& key) -> Delivery::Form {
    return {.qos = Lower(fields.qos, subscription.options.qos),
            .retain = fields.retain && subscription.options.retain_as_published,
            .identifiers = {&subscription.identifier,
                            subscription.identifier != 0 ? std::size_t{1} : std::size_t{0}},
            .group = key,
            .lender = handed.lender};
  };
  const GroupMember* const member = group.ChooseMemberThat([&](const GroupMember& candidate) {
    const Session& session = *sessions_.Get(candidate.subscription.subscriber);
    const bool takes_all =
        session.client == nullptr || session.client->packet_bytes_max == UINT32_MAX;
    return takes_all || delivery_.Fits(session, fields, form_for(candidate.subscription, {}));
  });
  if (member == nullptr) return PassOn(group, message, handed, targets);
  const Subscription& chosen = member->subscription;
  Deliver(*sessions_.Get(chosen.subscriber), message, form_for(chosen, group.key()));
  // What is not queued is done with.
  if (Lower(fields.qos, chosen.options.qos) == mqtt::QoS::kAtMostOnce &&
      fields.qos != mqtt::QoS::kAtMostOnce)
    teller_.Return(handed.lender, fields.id);
}

// Nobody on this core takes so large a packet: the other places are asked one after another (A27).
void Router::PassOn(SharedGroup& group, RoutedMessage& message, const Handed& handed,
                    Targets& targets) {
  const std::uint64_t tried = handed.tried | Bit(context_.core);
  // Beyond that the other node has tried all of its own.
  constexpr std::uint8_t kHopsBetweenNodesMax = 2;
  const std::optional<Place> next = group.ChoosePlace(
      Preference::kNearest, {.cores = tried, .peer = handed.hops >= kHopsBetweenNodesMax});
  if (!next) {
    context_.metrics.PublishDropped(metrics::DropReason::kPacketTooLarge);
    return teller_.Return(handed.lender, message.fields().id);
  }
  if (next->side == Side::kPeerNode) {
    targets.peer_groups.push_back({group.key()->filter(), group.key()->share_name()});
  } else {
    targets.passed_on.push_back({.to = next->core, .group = group.key(), .tried = tried});
  }
}

std::uint64_t Router::SendToCores(RoutedMessage& message, const Targets& targets, bool route,
                                  bool commit, const PeerOrigin& origin) {
  std::uint64_t last = 0;
  const auto send = [&](CoreId core, std::vector<IntrusivePtr<SharedKey>> groups, bool routes,
                        std::uint64_t tried) {
    message.Share()->MarkShared();
    if (origin.number != 0) peer_.RelayedTo(core, origin);
    // The member's session may be mirrored: then its copy on the other node is part of the promise.
    // The plain subscriptions' copies get it with the record that this core sends.
    const bool answers = commit && peer_.up() && !groups.empty();
    if (answers) last = routed_.Send(Index(core));
    context_.outbox.cores.push_back(
        {core, RouteMessage{.message = message.Share(),
                            .route = routes,
                            .groups = std::move(groups),
                            .origin = origin,
                            .crosses = targets.peer && peer_.up() ? peer_.epoch().epoch : 0,
                            .commit = answers ? last : 0,
                            .tried = tried,
                            .hops = targets.hops}});
  };
  for (std::uint64_t left = targets.cores; left != 0; left &= left - 1) {
    const auto core = static_cast<CoreId>(std::countr_zero(left));
    send(core, std::exchange(core_groups_[Index(core)], {}), route, 0);
  }
  for (const PassedOn& passed : targets.passed_on)
    send(passed.to, {passed.group}, false, passed.tried);
  return last;
}

void Router::UpdateRetained(RoutedMessage& message, const PeerOrigin& origin, bool if_room) {
  const CoreId home = RetainedHome(message.fields().topic);
  if (home == context_.core) {
    retained_.Set(message.Share(), context_.now.mono_ns);
    return;
  }
  message.Share()->MarkShared();
  if (origin.number != 0) peer_.RelayedTo(home, origin);
  context_.outbox.cores.push_back(
      {home, RetainMessage{.message = message.Share(),
                           .origin = origin,
                           .epoch = peer_.up() && !if_room ? peer_.epoch().epoch : 0,
                           .if_room = if_room}});
}

}  // namespace tandem::broker
