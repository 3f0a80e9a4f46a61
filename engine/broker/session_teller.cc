#include "engine/broker/session_teller.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted_bug.h"

namespace tandem::broker {
namespace {

std::vector<std::uint32_t> Identifiers(const OutboundMessage& message) {
  if (message.more_identifiers) return *message.more_identifiers;
  if (message.identifier != 0) return {message.identifier};
  return {};
}

std::optional<Will> Copy(const std::unique_ptr<Will>& will) {
  if (!will) return std::nullopt;
  return *will;
}

std::uint32_t Milliseconds(MonoNs duration) {
  return static_cast<std::uint32_t>(
      std::clamp<MonoNs>(duration / kNanosecondsPerMillisecond, 0, UINT32_MAX));
}

}  // namespace

void SessionTeller::BeginFollowing(Session& session) {
  TANDEM_DCHECK(peer_.up() && session.role == Role::kOwner);
  session.told_epoch = peer_.epoch().epoch;
  NoteChanged(session);
  session.queue.LogFinished(&finished_, session.id);
}

void SessionTeller::EndFollowing(Session& session) {
  if (session.told_epoch == 0) return;
  FlushProgress();
  session.told_epoch = 0;
  session.queue.LogFinished(nullptr, session.id);
}

SessionRecord SessionTeller::HeadRecord(const Session& session) const {
  const bool connected = session.client != nullptr;
  const MonoNs away = connected ? 0 : context_.now.mono_ns - session.away_since;
  return {
      .client_id = session.client_id,
      .connected_at = session.connected_at,
      .started_at = session.started_at,
      .connected = connected,
      .expiry_s = session.expiry_s,
      .away_ms = Milliseconds(away),
      .will_in_ms = connected ? 0 : Milliseconds(session.will_not_before - context_.now.mono_ns),
      .next_number = session.queue.next_number(),
      .first_number = session.queue.first_number(),
      .unsent_number = session.queue.unsent_number(),
      .fork_number = session.fork_number,
      .will = Copy(session.will)};
}

void SessionTeller::TellHead(const Session& session) {
  if (!IsFollowed(session)) return;
  SessionRecord record = HeadRecord(session);
  record.update = true;
  NoteChanged(session);
  peer_.Append(std::move(record));
}

void SessionTeller::Tell(Session& session, std::uint64_t confirm) {
  peer_.Append(HeadRecord(session));
  BeginFollowing(session);
  if (session.unsubscribed) {
    for (const auto& [filter, at] : *session.unsubscribed) Unsubscribed(session, filter, at);
  }
  for (auto it = session.subscriptions.begin(); it != session.subscriptions.end();) {
    const auto& [filter, state] = *it++;
    Subscribed(session, filter, state, it == session.subscriptions.end() ? confirm : 0);
  }
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    if (message.message || message.state == OutboundState::kReleased) {
      SessionMessageRecord record = MessageRecord(session, number, message);
      record.also_routed = message.message && !message.group;
      message.record = peer_.Position(peer_.Append(std::move(record)));
      if (message.lender != 0)
        Return(std::exchange(message.lender, std::uint16_t{0}), message.message->id(),
               *message.group);
    }
  });
  TellDone(session);
  NameUntold(session);
  std::vector<std::uint16_t> ids(session.received_ids.begin(), session.received_ids.end());
  std::sort(ids.begin(), ids.end());
  for (const std::uint16_t id : ids) ReceivedId(session, id, true);
}

// What was queued on both nodes when they parted, and is done since: the other node may have served
// the session as well and must not deliver it again.
void SessionTeller::TellDone(Session& session) {
  if (session.fork_number == 0) return;
  std::vector<std::uint64_t> open;
  if (session.never_had) open = *session.never_had;
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage&) {
    if (number < session.fork_number) open.push_back(number);
  });
  open.push_back(session.fork_number);
  std::sort(open.begin(), open.end());
  SessionProgressRecord record{.client_id = session.client_id};
  std::uint64_t next = 0;
  for (const std::uint64_t number : open) {
    if (number > next) record.done.push_back({next, number - 1});
    next = number + 1;
  }
  if (!record.done.empty()) peer_.Append(std::move(record));
}

// What crosses may be on its way to the copy still. Where a place has gone with its message, or the
// message alone, the copy must not take that for new when it comes.
void SessionTeller::NameUntold(Session& session) {
  const auto untold = std::exchange(session.untold, nullptr);
  if (!untold) return;
  for (const Session::Untold& each : *untold) {
    const OutboundMessage* const place = session.queue.Find(each.number);
    if (place != nullptr && place->message) continue;
    peer_.Append(SessionOrderRecord{.message = each.message,
                                    .places = {{.client_id = BlockString(session.client_id),
                                                .number = each.number,
                                                .qos = mqtt::QoS::kExactlyOnce}}});
  }
}

void SessionTeller::KeepUntold(const MessageId& id) {
  for (const NewPlace& place : untold_) {
    Session& session = *sessions_.Get(place.session);
    if (!session.untold) session.untold = std::make_unique<std::vector<Session::Untold>>();
    session.untold->push_back({place.number, id});
  }
}

std::uint64_t SessionTeller::Subscribed(const Session& session, std::string_view filter,
                                        const SubscriptionState& state, std::uint64_t confirm) {
  if (!IsFollowed(session)) return 0;
  NoteChanged(session);
  return peer_.Append(SessionSubscriptionRecord{.client_id = session.client_id,
                                                .filter = std::string(filter),
                                                .options = state.options,
                                                .identifier = state.identifier,
                                                .confirm = confirm,
                                                .changed_at = state.changed_at});
}

std::uint64_t SessionTeller::Unsubscribed(const Session& session, std::string_view filter, Hlc at) {
  if (!IsFollowed(session)) return 0;
  NoteChanged(session);
  return peer_.Append(SessionSubscriptionRecord{.client_id = session.client_id,
                                                .filter = std::string(filter),
                                                .subscribed = false,
                                                .changed_at = at});
}

std::uint64_t SessionTeller::ReceivedId(const Session& session, std::uint16_t packet_id,
                                        bool held) {
  if (!IsFollowed(session)) return 0;
  NoteChanged(session);
  return peer_.Append(SessionReceivedIdRecord{
      .client_id = session.client_id, .packet_id = packet_id, .held = held});
}

std::uint64_t SessionTeller::Released(const Session& session, std::uint64_t number) {
  if (!IsFollowed(session)) return 0;
  NoteChanged(session);
  return peer_.Append(SessionProgressRecord{.client_id = session.client_id, .released = number});
}

void SessionTeller::Away(const Session& session) {
  if (!IsFollowed(session)) return;
  NoteChanged(session);
  FlushProgress();
  peer_.Append(SessionAwayRecord{.client_id = session.client_id,
                                 .expiry_s = session.expiry_s,
                                 .will_waits = session.will != nullptr,
                                 .unsent_number = session.queue.unsent_number()});
}

void SessionTeller::WillDone(const Session& session) {
  if (!IsFollowed(session)) return;
  NoteChanged(session);
  peer_.Append(SessionWillDoneRecord{.client_id = session.client_id});
}

void SessionTeller::Ended(const Session& session) {
  if (IsFollowed(session)) peer_.Append(SessionEndRecord{.client_id = session.client_id});
}

void SessionTeller::Placed(Session& session, std::uint64_t number) {
  NoteChanged(session);
  placed_.push_back({.session = session.id, .number = number});
  session.queue.newest().record = UINT64_MAX;  // until it is told
}

void SessionTeller::PlacedInGroup(Session& session, std::uint64_t number,
                                  const IntrusivePtr<SharedKey>& group, std::uint16_t keeper) {
  Placed(session, number);
  placed_.back().group = group;
  placed_.back().keeper = keeper;
}

void SessionTeller::PlacedWithMessage(Session& session, std::uint64_t number, bool also_routed) {
  NoteChanged(session);
  OutboundMessage& message = *session.queue.Find(number);
  SessionMessageRecord record = MessageRecord(session, number, message);
  record.also_routed = also_routed;
  message.record = peer_.Position(peer_.Append(std::move(record)));
}

void SessionTeller::Along(const Session& session, const MessagePtr& message, mqtt::QoS qos,
                          bool retain, std::span<const std::uint32_t> identifiers) {
  if (!peer_.up()) return;
  peer_.Append(SessionMessageRecord{.client_id = session.client_id,
                                    .number = UINT64_MAX,  // none: the receiver gives it one
                                    .qos = qos,
                                    .retain = retain,
                                    .subscription_ids = {identifiers.begin(), identifiers.end()},
                                    .also_routed = true,
                                    .message = message});
}

// Whether the copy gets the message on a way of its own, and the place needs only to name it.
bool SessionTeller::IsNamed(const NewPlace& place, bool crosses) const noexcept {
  if (!copies_routed_) return false;
  return place.group ? place.keeper != 0 && peer_.epoch().group_spares : crosses;
}

BlockVector<QueuePlace> SessionTeller::TakePlaces(Crossing crossing) {
  if (placed_.empty() || crossing != Crossing::kYes || !copies_routed_ ||
      !peer_.epoch().placed_publishes)
    return {};
  // Of a group's the record would have to say which of its spares it is for.
  const auto is_of_group = [](const NewPlace& place) { return static_cast<bool>(place.group); };
  if (std::any_of(placed_.begin(), placed_.end(), is_of_group)) return {};
  BlockVector<QueuePlace> places = Describe(placed_);
  placed_.clear();
  return places;
}

// Places of one session are told in their order, so one that takes its message along lets those
// before it go first.
void SessionTeller::TellRouted(const MessageId& id, Crossing crossing) {
  if (!untold_.empty()) {
    if (crossing != Crossing::kNo) KeepUntold(id);
    untold_.clear();
  }
  std::size_t untold = 0;
  for (std::size_t i = 0; i < placed_.size(); ++i) {
    if (IsNamed(placed_[i], crossing == Crossing::kYes)) continue;
    TellNamed(id, std::span(placed_).subspan(untold, i - untold));
    TellWithMessage(id, placed_[i], crossing != Crossing::kNo);
    untold = i + 1;
  }
  TellNamed(id, std::span(placed_).subspan(untold));
  placed_.clear();
}

void SessionTeller::TellWithMessage(const MessageId& id, const NewPlace& place, bool crosses) {
  Session& session = *sessions_.Get(place.session);
  if (session.queue.Contains(place.number))
    PlacedWithMessage(session, place.number, crosses && !place.group);
  // From here on the session's copy stands for it.
  if (place.group) Return(place.keeper, id, *place.group);
}

void SessionTeller::TellNamed(const MessageId& id, std::span<const NewPlace> places) {
  if (places.empty()) return;
  peer_.Append(SessionOrderRecord{.message = id, .places = Describe(places)});
}

// As the next record tells them, which a QoS 2 message waits for.
BlockVector<QueuePlace> SessionTeller::Describe(std::span<const NewPlace> places) {
  const std::uint64_t position = peer_.Position(peer_.last_number() + 1);
  BlockVector<QueuePlace> described;
  described.reserve(places.size());
  for (const NewPlace& place : places) {
    Session& session = *sessions_.Get(place.session);
    described.push_back({.client_id = BlockString(session.client_id), .number = place.number});
    QueuePlace& out = described.back();
    if (place.group) {
      out.group = TargetOf(*place.group);
      out.keeper = static_cast<CoreId>(place.keeper - 1);
    }
    // One that is gone already, because it was too large or the queue full, is named all the same:
    // the copy there must not wait for its place.
    OutboundMessage* const message = session.queue.Find(place.number);
    if (message == nullptr) continue;
    out.qos = message->qos;
    out.retain = message->retain;
    out.subscription_ids = Identifiers(*message);
    message->record = position;
  }
  return described;
}

void SessionTeller::Return(std::uint16_t keeper, const MessageId& message, const SharedKey& group) {
  if (keeper == 0 || !peer_.up()) return;
  LentDoneRecord record{.core = static_cast<CoreId>(keeper - 1), .message = message};
  if (peer_.epoch().group_spares) record.group = TargetOf(group);
  peer_.Append(std::move(record));
}

void SessionTeller::FlushProgress() {
  for (const ReturnedMessage& message : std::exchange(returned_, {}))
    Return(message.lender, message.message, *message.group);
  if (finished_.empty()) return;
  const auto is_before = [](const FinishedRange& a, const FinishedRange& b) {
    return a.session != b.session ? a.session < b.session : a.first < b.first;
  };
  if (!std::is_sorted(finished_.begin(), finished_.end(), is_before))
    std::sort(finished_.begin(), finished_.end(), is_before);
  for (std::size_t i = 0; i < finished_.size();) {
    const SubscriberId id = finished_[i].session;
    const Session* const session = sessions_.Get(id);
    const bool followed = session != nullptr && IsFollowed(*session);
    SessionProgressRecord record;
    for (; i < finished_.size() && finished_[i].session == id; ++i) {
      const FinishedRange& range = finished_[i];
      if (!record.done.empty() && record.done.back().last + 1 == range.first) {
        record.done.back().last = range.last;
      } else if (followed) {
        record.done.push_back({range.first, range.last});
      }
    }
    if (!followed || IsPlanted(PlantedBug::kProgressUntold)) continue;
    NoteChanged(*session);
    record.client_id = session->client_id;
    peer_.Append(std::move(record));
  }
  finished_.clear();
}

void SessionTeller::Repeat(Session& session, std::uint64_t number) {
  if (!peer_.up()) return;
  OutboundMessage* const message = session.queue.Find(number);
  if (message == nullptr) {
    peer_.Append(SessionProgressRecord{.client_id = session.client_id, .done = {{number, number}}});
  } else if (message->message || message->state == OutboundState::kReleased) {
    peer_.Append(MessageRecord(session, number, *message));
  }
}

SessionMessageRecord SessionTeller::MessageRecord(const Session& session, std::uint64_t number,
                                                  const OutboundMessage& message) const {
  SessionMessageRecord record{.client_id = session.client_id,
                              .number = number,
                              .state = static_cast<std::uint8_t>(message.state),
                              .qos = message.qos,
                              .retain = message.retain,
                              .subscription_ids = Identifiers(message),
                              .message = message.message};
  if (message.group) record.group = TargetOf(*message.group);
  return record;
}

}  // namespace tandem::broker
