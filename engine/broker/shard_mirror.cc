// The copies of sessions that the other node owns: they follow what it says, and take its place
// when it is gone or the client comes here.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

// A place whose message has not come for so long is asked for: the message was routed on one of the
// nodes before the subscription was known there.
constexpr MonoNs kAskAfterNs = kNanosecondsPerSecond;
// Should the owner only be out of sight, it goes on numbering where it was. Whoever takes its place
// keeps away from that, so that a client that comes from there takes no new message for one that it
// has begun to receive. Each time by another part of the packet identifiers, also if what this node
// gave the last time has been forgotten meanwhile; by half of them at most, since a client that
// leaves a message unanswered gets no further than all of them.
std::uint64_t ApartNumbers(std::uint64_t epoch) noexcept {
  constexpr std::uint64_t kLeast = 4096;
  constexpr std::uint64_t kPart = 1024;
  constexpr std::uint64_t kParts = 28;
  return kLeast + epoch % kParts * kPart;
}
// A message whose place has not come for so long was not for the session in its owner's eyes. Far
// above what a link may lag before it counts as down.
constexpr MonoNs kForgetAfterNs = 60 * kNanosecondsPerSecond;

OutboundMessage ToOutbound(SessionMessageRecord& record) {
  OutboundMessage message;
  message.state = static_cast<OutboundState>(record.state);
  if (record.message) message.message = Compacted(std::move(record.message));
  message.qos = record.qos;
  message.retain = record.retain;
  if (!record.subscription_ids.empty()) message.identifier = record.subscription_ids.front();
  if (record.subscription_ids.size() > 1) {
    message.more_identifiers =
        std::make_unique<std::vector<std::uint32_t>>(std::move(record.subscription_ids));
  }
  if (record.group) {
    message.group = KeyOf(*record.group);
  }
  return message;
}

OutboundMessage ToOutbound(MessageJoin::Unplaced& unplaced) {
  OutboundMessage message;
  message.message = std::move(unplaced.message);
  message.qos = unplaced.qos;
  message.retain = unplaced.retain;
  if (!unplaced.identifiers.empty()) message.identifier = unplaced.identifiers.front();
  if (unplaced.identifiers.size() > 1) {
    message.more_identifiers =
        std::make_unique<std::vector<std::uint32_t>>(std::move(unplaced.identifiers));
  }
  return message;
}

// Whether `number` is one whose message this node never had; from now on it has.
bool TakeNeverHad(Session& session, std::uint64_t number) {
  return session.never_had && std::erase(*session.never_had, number) != 0;
}

SubscriptionState StateOf(const SessionSubscriptionRecord& record) {
  return {
      .options = record.options, .identifier = record.identifier, .changed_at = record.changed_at};
}

bool HasSame(const SubscriptionState& a, const SubscriptionState& b) {
  return a.options == b.options && a.identifier == b.identifier;
}

// Whether it was published after the session subscribed to it, or is a retained one.
bool IsWanted(const Session& session, const Message& message, bool retain) {
  return std::any_of(session.subscriptions.begin(), session.subscriptions.end(), [&](auto& each) {
    return (retain || each.second.changed_at <= message.hlc()) &&
           !mqtt::ParseSharedFilter(each.first) && mqtt::Matches(each.first, message.topic());
  });
}

WallMs WallOf(Hlc time) noexcept { return static_cast<WallMs>(time >> 16); }

}  // namespace

Session& Shard::CreateMirror(std::string_view client_id) {
  Session& session = sessions_.Create(client_id);
  session.role = Role::kMirror;
  context_.metrics.SessionsChanged(metrics::SessionState::kMirror, 1);
  return session;
}

// The whole session, as it stands there. If this node owns one as well, both served the client
// while they could not see each other: the one that connected last goes on.
void Shard::Follow(const SessionRecord& record) {
  context_.clock.Observe(record.connected_at, context_.now.wall_ms);
  Session* session = sessions_.Find(record.client_id);
  if (record.update) {
    if (session != nullptr && session->mirrored_here()) FollowHead(*session, record);
    return;
  }
  if (session != nullptr && session->role == Role::kOwner) {
    if (!MergeSession(*session, record)) return;
    // The other node adds what is here to its own, so it must be told first.
    if (!teller_.IsFollowed(*session)) Tell(*session);
    // One that is just connecting here waits for the answer to its own claim.
    if (session->client != nullptr) SupersedeClient(*session, metrics::TakeoverFrom::kPeer);
    session = sessions_.Find(record.client_id);
    if (session != nullptr) GiveWay(*session);
  }
  if (session == nullptr) {
    session = &CreateMirror(record.client_id);
  } else if (session->repair) {
    return BeginRepair(*session, record);
  } else {
    ForgetContent(*session);
  }
  FollowHead(*session, record);
  session->queue.StartAt(record.first_number, record.next_number);
}

// All of it has been told. That this was all goes out when what is published here goes to the other
// node's session by itself; until then its copy here takes it, and tells it.
void Shard::GiveWay(Session& session) {
  auto giving_way = std::make_unique<GivingWay>(GivingWay{.told_as = session.told_as});
  for (const auto& [filter, state] : session.subscriptions) giving_way->stale.insert(filter);
  Demote(session);
  session.giving_way = std::move(giving_way);
  giving_way_.push_back(session.client_id);
  FinishGivingWay();
}

void Shard::FinishGivingWay() {
  std::erase_if(giving_way_, [this](const std::string& client_id) {
    Session* const session = sessions_.Find(client_id);
    if (session == nullptr || !session->giving_way) return true;
    if (mirrored_.reached() < session->giving_way->told_as) return false;
    StopGivingWay(*session);
    return true;
  });
}

// Should the other node's own have ended meanwhile, it must not follow this one.
void Shard::TellWayGiven(Session& session) {
  if (session.giving_way && !std::exchange(session.giving_way->over, true) && peer_.up())
    peer_.Append(SessionEndRecord{.client_id = session.client_id});
}

void Shard::StopGivingWay(Session& session) {
  TellWayGiven(session);
  const auto giving_way = std::move(session.giving_way);
  for (const std::string& filter : giving_way->stale) FollowUnsubscribe(session, filter);
}

// Whether the other node's session goes on, and this one's gives way.
bool Shard::MergeSession(Session& session, const SessionRecord& record) {
  const bool theirs = record.connected_at != session.connected_at
                          ? record.connected_at > session.connected_at
                          : peer_.epoch().peer > peer_.epoch().self;
  context_.metrics.SessionMerged();
  const MergeLog::OtherSide there{.connected_at = record.connected_at,
                                  .has_will = record.will.has_value()};
  context_.merge.NoteSession(session, there, !theirs);
  if (theirs && peer_.up()) return true;
  if (session.will && !there.has_will && IsSameConnection(session, there)) {
    // The other side took the client for dead and has published it, or heard that it left.
    session.will.reset();
    context_.timers.Cancel(std::exchange(session.will_timer, reactor::kNoTimer));
    // With a claim under way the copy there has the new connection's will already.
    if (!IsClaimed(session.client_id)) teller_.WillDone(session);
  }
  // What follows of it is added to what is here. The client may have packet identifiers of the
  // other side open: none of those is given to another message.
  session.queue.SkipTo(record.next_number);
  session.merge_below = std::min(session.fork_number, record.fork_number);
  session.merging = peer_.up();
  if (session.started_at == 0 || record.started_at == 0) return false;  // as cleaned_apart says
  session.cleaned_apart = record.started_at < session.started_at;
  if (session.started_at < record.started_at) BeginAnew(session, record.started_at);
  return false;
}

// The client has begun its session anew on the other side, and come back to this one: what is older
// than that start is over, as it would be had the nodes seen each other [MQTT-3.1.2-4]. The new
// session's content follows.
void Shard::BeginAnew(Session& session, Hlc started_at) {
  session.started_at = started_at;
  session.merge_below = 0;
  session.never_had.reset();
  std::vector<std::string> over;
  for (const auto& [filter, state] : session.subscriptions) {
    if (state.changed_at < started_at) over.push_back(filter);
  }
  bool leaves_groups = false;
  for (const std::string& filter : over) {
    leaves_groups |= mqtt::ParseSharedFilter(filter).has_value();
    Unsubscribe(session, filter, started_at);
    context_.merge.Note(MergeCount::kSubscriptionsDropped);
  }
  if (leaves_groups) GiveBackGroupMessages(session, true);
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    if (!message.message || message.group || IsWanted(session, *message.message, message.retain))
      return;
    context_.metrics.QueuedChanged(-1, -static_cast<std::int64_t>(message.bytes()));
    context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded);
    session.queue.Discard(number);
  });
  teller_.TellHead(session);
}

void Shard::FollowHead(Session& session, const SessionRecord& record) {
  session.connected_at = record.connected_at;
  if (record.started_at != 0 || !record.update) session.started_at = record.started_at;
  session.connected_there = record.connected;
  session.expiry_s = record.expiry_s;
  session.away_since =
      context_.now.mono_ns - static_cast<MonoNs>(record.away_ms) * kNanosecondsPerMillisecond;
  session.will_not_before = record.will_in_ms == 0
                                ? 0
                                : context_.now.mono_ns + static_cast<MonoNs>(record.will_in_ms) *
                                                             kNanosecondsPerMillisecond;
  session.unsent_number = record.unsent_number;
  session.unused_there = std::max(session.unused_there, record.next_number);
  session.will = record.will ? std::make_unique<Will>(*record.will) : nullptr;
}

void Shard::Follow(const SessionSubscriptionRecord& record, CoreId stream) {
  Session* const session = sessions_.Find(record.client_id);
  const auto shared = mqtt::ParseSharedFilter(record.filter);
  const bool valid =
      shared ? mqtt::IsValidSharedFilter(*shared) : mqtt::IsValidTopicFilter(record.filter);
  if (session != nullptr && valid) {
    if (session->repair) session->repair->stale.erase(record.filter);
    if (session->giving_way) session->giving_way->stale.erase(record.filter);
    if (!session->mirrored_here()) {
      MergeSubscription(*session, record);
    } else if (!record.subscribed) {
      if (IsPlanted(PlantedBug::kUnsubscribeForgotten)) return;
      FollowUnsubscribe(*session, record.filter);
    } else {
      Subscribe(*session, record.filter, StateOf(record));
    }
  }
  if (record.confirm != 0 && peer_.up()) {
    mirroring_.Hold({.cores = interest_.cores}, {.core = stream, .number = record.confirm});
    ConfirmFollowed();
  }
}

// Both nodes served the session, and it goes on here: of SUBSCRIBE and UNSUBSCRIBE for a filter the
// newer counts. An older partner does not say when; then what either side has stays.
void Shard::MergeSubscription(Session& session, const SessionSubscriptionRecord& record) {
  using Count = MergeCount;
  const auto own = session.subscriptions.find(record.filter);
  const bool has = own != session.subscriptions.end();
  Hlc changed_at = has ? own->second.changed_at : 0;
  if (!has && session.unsubscribed) {
    if (const auto gone = session.unsubscribed->find(record.filter);
        gone != session.unsubscribed->end())
      changed_at = gone->second;
  }
  const bool differs = record.subscribed ? !has || !HasSame(own->second, StateOf(record)) : has;
  // Of a session that is over here, what was subscribed to since counts all the same.
  const bool over =
      session.cleaned_apart && (session.started_at == 0 || record.changed_at < session.started_at);
  if (!differs || over) return;
  const bool first = record.subscribed && changed_at == 0 && !has;
  const bool won_here = !first && record.changed_at <= changed_at;
  if (!won_here) {
    context_.merge.Note(!record.subscribed ? Count::kSubscriptionsDropped
                        : has              ? Count::kSubscriptionsReplaced
                                           : Count::kSubscriptionsAdded);
  } else if (record.subscribed && !has) {
    context_.merge.Note(Count::kSubscriptionsDropped);
  }
  if (!first) {
    context_.merge.Note({.kind = MergeConflict::Kind::kSubscription,
                         .key = session.client_id,
                         .filter = record.filter,
                         .won_here = won_here,
                         .here_at = WallOf(changed_at),
                         .there_at = WallOf(record.changed_at)});
  }
  if (won_here) return;
  if (record.subscribed) return Subscribe(session, record.filter, StateOf(record));
  Unsubscribe(session, record.filter, record.changed_at);
}

// Behind the interest that this core may have announced, and when all cores here route by it.
void Shard::ConfirmFollowed() {
  mirroring_.Release([this](const MirroredRecord& record) {
    if (peer_.up()) peer_.Append(record);
  });
}

// What the owner has placed before it unsubscribed, it has told before.
void Shard::FollowUnsubscribe(Session& session, std::string_view filter) {
  Unsubscribe(session, filter);
  if (!session.join) return;
  session.join->ForgetUnwanted([&](const Message& message) {
    return std::any_of(session.subscriptions.begin(), session.subscriptions.end(), [&](auto& s) {
      return !mqtt::ParseSharedFilter(s.first) && mqtt::Matches(s.first, message.topic());
    });
  });
}

void Shard::Follow(SessionMessageRecord record) {
  Session* const session = sessions_.Find(record.client_id);
  if (session == nullptr || record.state > static_cast<std::uint8_t>(OutboundState::kReleased))
    return;
  if (!record.message && record.state != static_cast<std::uint8_t>(OutboundState::kReleased))
    return;  // a broken partner
  const bool again = session->repair && session->repair->told;
  if (session->join && !again) {
    if (const auto place = session->join->TakePlace(record.number)) {
      // The answer to what RepairJoins asked.
      if (place->origin.number != 0) LetGo(place->origin);
      if (!record.message) return;
      session->join->Expect(record.message->id(), context_.now.mono_ns);
      return delivery_.Fill(*session, {.number = record.number}, record.message);
    }
  }
  if (!session->mirrored_here()) return MergeMessage(*session, std::move(record));
  // For a session that has ended here since (SessionTeller::Along).
  if (record.number == UINT64_MAX) return;
  const std::uint64_t number = record.number;
  const OutboundMessage* const known = again ? session->queue.Find(number) : nullptr;
  const bool has_come = known != nullptr && known->message;
  if (record.also_routed && record.message && !has_come) {
    MessageJoin& join = delivery_.NeedJoin(*session);
    const MessageId& id = record.message->id();
    if (!join.TakeMessage(id)) join.Expect(id, context_.now.mono_ns);
  }
  // It was told from here (GivingWay), and this is its place.
  if (session->join && record.message) session->join->Forget(record.message->id());
  OutboundMessage message = ToOutbound(record);
  if (message.state == OutboundState::kSent) message.state = OutboundState::kQueued;
  (again ? session->repair->queue : session->queue).Place(number, std::move(message));
}

// Both nodes served the session: a message that is only there is queued here too. Below the fork
// this one had it as well, and has served it since, unless it died on its way here.
void Shard::MergeMessage(Session& session, SessionMessageRecord record) {
  if (!record.message) return;
  // Of a session that a clean start has ended here [MQTT-3.1.2-4].
  if (session.cleaned_apart && !IsWanted(session, *record.message, record.retain))
    return context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded);
  bool known = record.number < session.merge_below && !TakeNeverHad(session, record.number);
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& own) {
    if (!own.message || own.message->id() != record.message->id()) return;
    if (known || number >= session.merge_below) return static_cast<void>(known = true);
    // A group's message that its member gave back there, and got again: what was its place here is
    // about to be called done.
    context_.metrics.QueuedChanged(-1, -static_cast<std::int64_t>(own.bytes()));
    session.queue.Discard(number);
  });
  context_.merge.Note(known ? MergeCount::kDuplicatesSuppressed : MergeCount::kMessagesUnited);
  if (known) return;
  if (record.also_routed)
    delivery_.NeedJoin(session).Expect(record.message->id(), context_.now.mono_ns);
  record.state = static_cast<std::uint8_t>(OutboundState::kQueued);
  delivery_.Enqueue(session, ToOutbound(record), false);
  delivery_.Pump(session);
}

void Shard::Follow(const SessionOrderRecord& record, const PeerOrigin& origin) {
  for (const QueuePlace& place : record.places) {
    if (HomeOf(place.client_id, context_.cores) != context_.core) continue;
    Session* const session = sessions_.Find(place.client_id);
    if (session == nullptr || !session->mirrored_here()) continue;
    if (IsPlanted(PlantedBug::kPlaceForgotten)) continue;
    FollowPlace(*session, record.message, place, origin);
  }
}

void Shard::FollowPlace(Session& session, const MessageId& id, const QueuePlace& place,
                        const PeerOrigin& origin) {
  MessageJoin& join = delivery_.NeedJoin(session);
  if (!place.group && session.queue.IsOld(place.number)) {
    // Named because the message may be on its way still: it is not new when it comes.
    if (!join.TakeMessage(id)) join.Expect(id, context_.now.mono_ns);
    return;
  }
  OutboundMessage message = Delivery::OutboundAt(place);
  if (place.group) {
    message.group = KeyOf(*place.group);
  } else if (auto unplaced = join.TakeMessage(id)) {
    message.message = std::move(unplaced->message);
    session.queue.Place(place.number, std::move(message));
    return;
  }
  if (!session.queue.Place(place.number, std::move(message))) return;
  MessageJoin::Unfilled unfilled{.message = id,
                                 .number = place.number,
                                 .since = context_.now.mono_ns,
                                 .by_spare = place.group.has_value()};
  if (place.qos == mqtt::QoS::kExactlyOnce) {
    // The owner sends it to the client when this record is applied, so this copy must have it.
    unfilled.origin = origin;
    HoldBack(origin);
  }
  join.Add(unfilled);
  if (!place.group) return;
  SpareWanted wanted{
      .message = id, .group = *place.group, .client_id = session.client_id, .number = place.number};
  if (place.keeper == context_.core) return OnSpareWanted(context_.core, std::move(wanted));
  if (Index(place.keeper) < context_.cores)
    context_.outbox.cores.push_back({place.keeper, std::move(wanted)});
}

// A copy has a place for the spare that this core keeps, or is about to get.
void Shard::OnSpareWanted(CoreId from, SpareWanted wanted) {
  LentMessages::Place place{
      .core = from, .client_id = std::move(wanted.client_id), .number = wanted.number};
  if (MessagePtr message = lent_.TakeFor(wanted.message, wanted.group, place))
    GiveSpare(std::move(place), std::move(message));
}

void Shard::GiveSpare(LentMessages::Place place, MessagePtr message) {
  SpareGiven given{.message = std::move(message),
                   .client_id = std::move(place.client_id),
                   .number = place.number};
  if (place.core == context_.core) return OnSpareGiven(given);
  given.message->MarkShared();
  context_.outbox.cores.push_back({place.core, std::move(given)});
}

// If the place is gone, its owner has done with the message meanwhile.
void Shard::OnSpareGiven(const SpareGiven& given) {
  Session* const session = sessions_.Find(given.client_id);
  if (session == nullptr || !session->join) return;
  if (const auto place = session->join->TakePlace(given.number))
    delivery_.Fill(*session, *place, given.message);
}

// What a record says about groups' spares: which to keep here, and which a member has left behind.
void Shard::KeepSpares(const PublishRecord& record, const PeerOrigin& origin) {
  const MessagePtr& message = record.message;
  if (!message) return;  // a broken partner
  if (const auto& back = record.given_back) {
    if (!back->client_id.empty()) {
      RelayOrApply(back->client_id,
                   SessionProgressRecord{.client_id = back->client_id,
                                         .done = {{back->number, back->number}}},
                   origin);
    }
    if (back->spare != 0) {
      for (const SharedTarget& group : record.groups)
        ReturnSpare(static_cast<CoreId>(back->spare - 1), {message->id(), group});
    }
  }
  for (const SharedTarget& group : record.spares) {
    if (auto place = lent_.Keep(message, group)) GiveSpare(std::move(*place), message);
  }
}

void Shard::ReturnSpare(CoreId keeper, LentReturned returned) {
  if (keeper == context_.core) {
    lent_.Return(returned.message, returned.group);
  } else if (Index(keeper) < context_.cores) {
    context_.outbox.cores.push_back({keeper, std::move(returned)});
  }
}

void Shard::HoldBack(const PeerOrigin& origin) {
  const std::size_t stream = Index(origin.stream);
  if (stream < relayed_.size() && relayed_[stream].epoch == origin.epoch) {
    relayed_[stream].held_back.insert(origin.number);
  } else {
    peer_.HoldBack(origin);
  }
}

void Shard::Follow(const SessionMissingRecord& record) {
  if (Session* const session = sessions_.Find(record.client_id))
    teller_.Repeat(*session, record.number);
}

void Shard::Follow(const SessionProgressRecord& record) {
  Session* const session = sessions_.Find(record.client_id);
  if (session == nullptr) return;
  if (session->mirrored_here()) {
    for (const auto& range : record.done) session->queue.FollowDone(range.first, range.last);
    if (record.released != UINT64_MAX) session->queue.FollowReleased(record.released);
  } else {
    MergeProgress(*session, record);
  }
  if (!session->join) return;
  for (const auto& range : record.done) {
    // Asked for, and there is nothing to answer with.
    if (range.first != range.last || !session->join->IsAsked(range.first)) continue;
    if (const auto place = session->join->TakePlace(range.first); place->origin.number != 0)
      LetGo(place->origin);
  }
}

// Done on the other node while both served the session, or never to come.
void Shard::MergeProgress(Session& session, const SessionProgressRecord& record) {
  using Count = MergeCount;
  const auto is_done = [&](std::uint64_t number, const OutboundMessage& message) {
    if (number >= session.merge_below && message.message) return false;
    return std::any_of(record.done.begin(), record.done.end(), [&](const auto& range) {
      return range.first <= number && number <= range.last;
    });
  };
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    if (message.state == OutboundState::kReleased || !is_done(number, message)) return;
    context_.metrics.QueuedChanged(-1, -static_cast<std::int64_t>(message.bytes()));
    context_.merge.Note(Count::kMessagesDoneThere);
    if (message.qos == mqtt::QoS::kExactlyOnce) context_.merge.Note(Count::kQos2Completed);
    session.queue.Discard(number);
  });
  delivery_.Pump(session);
}

void Shard::Follow(const SessionReceivedIdRecord& record) {
  Session* const session = sessions_.Find(record.client_id);
  if (session == nullptr) return;
  if (!session->mirrored_here()) {
    if (record.held && session->forked_ids) std::erase(*session->forked_ids, record.packet_id);
    return;
  }
  if (session->repair && session->repair->told) {
    session->repair->received_ids.insert(record.packet_id);
  } else if (record.held) {
    session->received_ids.insert(record.packet_id);
  } else {
    session->received_ids.erase(record.packet_id);
  }
}

void Shard::Follow(const SessionAwayRecord& record) {
  Session* const session = sessions_.Find(record.client_id);
  if (session == nullptr || !session->mirrored_here()) return;
  session->connected_there = false;
  session->away_since = context_.now.mono_ns;
  session->expiry_s = record.expiry_s;
  session->unsent_number = record.unsent_number;
  if (!record.will_waits) session->will.reset();
}

void Shard::FollowWillDone(std::string_view client_id) {
  Session* const session = sessions_.Find(client_id);
  if (session != nullptr && session->mirrored_here()) session->will.reset();
}

void Shard::FollowEnd(std::string_view client_id) {
  Session* const session = sessions_.Find(client_id);
  if (session == nullptr) return;
  if (!session->mirrored_here()) {
    if (std::exchange(session->merging, false)) FreeForkedIds(*session);
    session->cleaned_apart = false;
    return;
  }
  if (session->giving_way) StopGivingWay(*session);
  ForgetContent(*session);
  context_.metrics.SessionsChanged(metrics::SessionState::kMirror, -1);
  sessions_.Remove(*session);
}

// The other node has told which packet identifiers it held when it gave way. One from before the
// fork that it held no longer is complete: the client may use it again.
void Shard::FreeForkedIds(Session& session) {
  if (!session.forked_ids) return;
  const auto forked = std::exchange(session.forked_ids, nullptr);
  for (const std::uint16_t id : *forked) {
    if (session.received_ids.erase(id) == 0) continue;
    teller_.ReceivedId(session, id, false);
    if (session.client == nullptr || session.client->unacknowledged == 0) continue;
    --session.client->unacknowledged;
    context_.metrics.InflightChanged(metrics::Direction::kIn, -1);
  }
}

// Empties a copy. What was routed to it and has no place yet stays: the owner may be about to give
// it one.
void Shard::ForgetContent(Session& session) {
  session.repair.reset();
  while (!session.subscriptions.empty() && !session.giving_way) {
    const std::string filter = session.subscriptions.begin()->first;
    Unsubscribe(session, filter);
  }
  session.queue = SessionQueue();
  session.received_ids.clear();
  session.will.reset();
  if (!session.join) return;
  LetPlacesGo(*session.join);
  if (session.join->empty()) session.join.reset();
}

// Nobody waits for their messages any longer.
void Shard::LetPlacesGo(MessageJoin& join) {
  for (const MessageJoin::Unfilled& place : join.TakePlaces()) {
    if (place.origin.number != 0) LetGo(place.origin);
  }
}

// Places whose messages died with the other node, before anybody was told that they were safe.
void Shard::DiscardUnfilled(Session& session) {
  if (leaving_.was_told || !session.forked) session.never_had.reset();
  if (!session.join) return;
  for (const MessageJoin::Unfilled& place : session.join->TakePlaces()) {
    const OutboundMessage* const message = session.queue.Find(place.number);
    if (message == nullptr || message->message || message->state != OutboundState::kQueued)
      continue;
    session.queue.Discard(place.number);
    if (!session.never_had) session.never_had = std::make_unique<std::vector<std::uint64_t>>();
    session.never_had->push_back(place.number);
  }
  session.queue.ForEach([](std::uint64_t, OutboundMessage&) {});
}

// From now on each node may change its own of this session: what both have, if both live.
void Shard::Fork(Session& session) {
  session.forked = true;
  session.fork_number = session.queue.next_number();
  session.forked_ids.reset();
  if (session.received_ids.empty()) return;
  session.forked_ids = std::make_unique<std::vector<std::uint16_t>>(session.received_ids.begin(),
                                                                    session.received_ids.end());
  std::sort(session.forked_ids->begin(), session.forked_ids->end());
}

void Shard::Unfork(Session& session) {
  session.forked = false;
  session.fork_number = 0;
  session.forked_ids.reset();
}

// This node owns the session from now on. `owner_lives`: the other node has handed it over and
// keeps a copy; else it is gone.
void Shard::Promote(Session& session, bool owner_lives) {
  TANDEM_CHECK(session.mirrored_here());
  if (owner_lives && session.giving_way) {
    session.giving_way->over = true;  // an owner that hands over waits for nothing
    StopGivingWay(session);
  }
  session.giving_way.reset();
  session.role = Role::kOwner;
  session.repair.reset();
  const bool was_connected = std::exchange(session.connected_there, false);
  session.parted = {};
  if (!owner_lives)
    session.parted = {.connected_at = session.connected_at, .connected_there = was_connected};
  if (was_connected) session.away_since = context_.now.mono_ns;
  // Should the owner only have been out of sight: with no newer CONNECT on either side, it goes on.
  if (!owner_lives) --session.connected_at;
  if (!owner_lives) DiscardUnfilled(session);
  // How far a connected client was served is not known: it may have got a window's worth.
  session.queue.Activate(was_connected ? session.queue.first_number() + context_.config.inflight_max
                                       : session.unsent_number,
                         was_connected);
  owner_lives ? Unfork(session) : Fork(session);
  // Behind the fork: what this copy has not had is no part of what both have.
  session.queue.SkipTo(session.unused_there);
  if (!owner_lives)
    session.queue.SkipTo(session.queue.next_number() + ApartNumbers(peer_.epoch().epoch));
  CountOwned(session, 1);
  if (owner_lives) teller_.BeginFollowing(session);
  for (const auto& [filter, state] : session.subscriptions) {
    const auto shared = mqtt::ParseSharedFilter(filter);
    if (!shared) continue;
    trie_.RemoveGroupCopy(shared->filter, shared->share_name);
    const auto change = trie_.JoinGroup(
        shared->filter, shared->share_name,
        {.subscriber = session.id, .options = state.options, .identifier = state.identifier},
        false);
    AnnounceGroup(shared->filter, shared->share_name, change.local);
  }
  if (session.join && !IsPlanted(PlantedBug::kUnplacedForgotten)) {
    for (MessageJoin::Unplaced& unplaced : session.join->TakeMessages()) {
      if (session.handed_over && session.handed_over->Covers(unplaced.message->id())) continue;
      delivery_.Enqueue(session, ToOutbound(unplaced), true);
    }
  }
  if (was_connected && !owner_lives)
    session.will_not_before = context_.now.mono_ns + context_.config.will_grace_ns;
  StartAwayTimers(session);
}

// Precedes Promote: what the owner says that it had routed to the session by then.
void Shard::NoteHandedOver(Session& session, const std::vector<std::uint64_t>& routed) {
  session.handed_over =
      std::make_unique<HandedOver>(HandedOver{.node = peer_.epoch().peer,
                                              .incarnation = peer_.epoch().peer_incarnation,
                                              .routed = routed,
                                              .since = context_.now.mono_ns});
  delivery_.Watch(session.id);
}

// The other node owns the session from now on; what is here becomes its copy.
void Shard::Demote(Session& session) {
  TANDEM_CHECK(session.role == Role::kOwner && session.client == nullptr);
  for (const auto& [filter, state] : session.subscriptions) {
    const auto shared = mqtt::ParseSharedFilter(filter);
    if (!shared) continue;
    trie_.LeaveGroup(shared->filter, shared->share_name, session.id);
    const auto change = trie_.AddGroupCopy(shared->filter, shared->share_name);
    AnnounceGroup(shared->filter, shared->share_name, change.local);
  }
  fetcher_.Cancel(session);
  context_.timers.Cancel(std::exchange(session.expiry_timer, reactor::kNoTimer));
  context_.timers.Cancel(std::exchange(session.will_timer, reactor::kNoTimer));
  teller_.EndFollowing(session);
  CountOwned(session, -1);
  session.unsent_number = session.queue.unsent_number();
  session.unused_there = session.queue.next_number();
  session.queue.Deactivate();
  Unfork(session);
  session.never_had.reset();
  session.handed_over.reset();
  session.merge_below = 0;
  session.merging = session.cleaned_apart = false;
  session.unsubscribed.reset();
  session.parted = {};
  session.role = Role::kMirror;
}

// What the metrics count of a session whose client is away. Copies are counted as such, and not
// again what is in them.
void Shard::CountOwned(const Session& session, std::int64_t sign) {
  metrics::BrokerMetrics& metrics = context_.metrics;
  metrics.SessionsChanged(metrics::SessionState::kOffline, sign);
  metrics.SessionsChanged(metrics::SessionState::kMirror, -sign);
  const std::int64_t shared = std::count_if(
      session.subscriptions.begin(), session.subscriptions.end(),
      [](const auto& each) { return mqtt::ParseSharedFilter(each.first).has_value(); });
  metrics.SubscriptionsChanged(sign * static_cast<std::int64_t>(session.subscriptions.size()),
                               sign * shared);
  metrics.QueuedChanged(sign * static_cast<std::int64_t>(session.queue.waiting_messages()),
                        sign * static_cast<std::int64_t>(session.queue.waiting_bytes()));
}

// Once a second: what should have met by now.
void Shard::RepairJoins() {
  const MonoNs now = context_.now.mono_ns;
  delivery_.EachJoin([&](SubscriberId id) {
    Session* const session = sessions_.Get(id);
    if (session == nullptr) return false;
    if (session->handed_over && session->handed_over->since < now - kForgetAfterNs)
      session->handed_over.reset();
    if (session->join) RepairJoin(*session);
    return session->join || session->handed_over;
  });
}

void Shard::RepairJoin(Session& session) {
  const MonoNs now = context_.now.mono_ns;
  MessageJoin& join = *session.join;
  join.Forget(now - kForgetAfterNs);
  for (MessageJoin::Unfilled& place : join.places()) {
    if (place.by_spare || place.asked || now - place.since < kAskAfterNs || !peer_.up()) continue;
    place.asked = true;
    peer_.Append(SessionMissingRecord{.client_id = session.client_id, .number = place.number});
  }
  if (join.empty()) session.join.reset();
}

}  // namespace tandem::broker
