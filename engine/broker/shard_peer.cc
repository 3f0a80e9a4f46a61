// What comes from other cores of this node and from the other node.
#include <algorithm>
#include <utility>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/overloaded.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

// A snapshot goes out in steps of this many records, so that the records of live traffic wait for
// one step at the most.
constexpr std::size_t kSnapshotStepRecords = 256;
constexpr std::size_t kSnapshotStepBytes = 128 * 1024;

}  // namespace

void Shard::OnCoreMessage(CoreId from, CoreMessage message) {
  const auto note = [&](const PeerOrigin& origin) {
    if (origin.number == 0) return;
    for (RelaySeen& seen : relays_seen_) {
      if (seen.from == from && seen.origin.stream == origin.stream) {
        seen.origin = origin;
        return;
      }
    }
    relays_seen_.push_back({from, origin});
  };
  std::visit(Overloaded{
                 [&](RouteMessage& m) {
                   note(m.origin);
                   router_.FromCore(std::move(m));
                 },
                 [&](RetainMessage& m) {
                   note(m.origin);
                   router_.FromCore(std::move(m));
                 },
                 [&](CoreInterest& m) {
                   trie_.SetCoreInterest(m.filter, from, m.wanted);
                   interest_seen_[Index(from)] = m.number;
                 },
                 [&](CoreGroupInterest& m) {
                   trie_.SetGroupCounts(m.filter, m.share_name, {Side::kThisNode, from},
                                        {m.online, m.total});
                   interest_seen_[Index(from)] = m.number;
                 },
                 [&](CoreInterestApplied& m) {
                   interest_applied_[Index(from)] = m.number;
                   std::uint64_t everywhere = m.number;
                   for (std::uint16_t core = 0; core < context_.cores; ++core) {
                     if (CoreId{core} != context_.core)
                       everywhere = std::min(everywhere, interest_applied_[core]);
                   }
                   gate_.CoresReached(everywhere);
                   ReleaseHeld();
                 },
                 [&](RelayedRecord& m) {
                   if (m.origin.epoch > peer_.epoch().epoch) {
                     early_.emplace_back(
                         from, std::move(m));  // this core has not heard of the new epoch yet
                     return;
                   }
                   note(m.origin);
                   if (!peer_.up() || m.origin.epoch != peer_.epoch().epoch)
                     return;  // of a node that is gone
                   ApplyAtHome(std::move(m.record), m.origin.stream);
                 },
                 [&](RelayedApplied& m) { peer_.AppliedAt(from, m.origin); },
                 [&](RetainedQuery& m) { fetcher_.OnQuery(from, m); },
                 [&](RetainedPage& m) { fetcher_.OnPage(from, std::move(m)); },
             },
             message);
}

void Shard::OnPeerUp(const PeerEpoch& epoch) {
  gate_.ForgetPeer();
  interest_.peer = 0;
  peer_.Up(epoch);
  trie_.ClearPeer();
  context_.node = epoch.self;
  snapshot_ = {.active = true};
  for (auto& [from, record] : std::exchange(early_, {})) OnCoreMessage(from, std::move(record));
  ReleaseHeld();
}

void Shard::OnPeerDown() {
  peer_.Down();
  trie_.ClearPeer();
  snapshot_ = {};
  gate_.ForgetPeer();
  interest_.peer = 0;
  ReleaseHeld();
  // Nobody else can hold the client ids that were being claimed.
  std::vector<ConnectionId> waiting;
  for (const auto& client : clients_) {
    if (client && client->stage == Client::Stage::kClaiming) waiting.push_back(client->id);
  }
  claiming_.clear();
  for (const ConnectionId id : waiting) CompleteConnect(*FindClient(id));
}

void Shard::OnPeerApplied(std::uint64_t number) {
  if (!peer_.Applied(number)) return;
  gate_.PeerReached(number);
  ReleaseHeld();
}

void Shard::OnPeerRecord(CoreId stream, std::uint64_t number, PeerRecord record) {
  if (!peer_.up()) return;
  const PeerOrigin origin = peer_.Received(stream, number);
  ApplyRecord(std::move(record), origin);
}

void Shard::ApplyRecord(PeerRecord record, const PeerOrigin& origin) {
  std::visit(Overloaded{
                 [&](PublishRecord& r) { router_.FromPeer(std::move(r), origin); },
                 [&](RetainedRecord& r) { router_.FromPeer(std::move(r), origin); },
                 [&](InterestRecord& r) {
                   // A bad filter can only come from a broken partner; the trie must never see it.
                   if (!mqtt::IsValidTopicFilter(r.filter)) return;
                   RelayToAll(r, origin);
                   ApplyAtHome(std::move(r), origin.stream);
                 },
                 [&](GroupInterestRecord& r) {
                   if (!mqtt::IsValidSharedFilter({.share_name = r.share_name, .filter = r.filter}))
                     return;
                   RelayToAll(r, origin);
                   ApplyAtHome(std::move(r), origin.stream);
                 },
                 [&](SnapshotEndRecord&) {},
                 [&](auto& r) {
                   const std::string client_id = r.client_id;
                   RelayOrApply(client_id, std::move(r), origin);
                 },
             },
             record);
}

void Shard::RelayToAll(const PeerRecord& record, const PeerOrigin& origin) {
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if (CoreId{core} == context_.core) continue;
    peer_.RelayedTo(CoreId{core}, origin);
    context_.outbox.cores.push_back(
        {CoreId{core}, RelayedRecord{.record = record, .origin = origin}});
  }
}

void Shard::RelayOrApply(std::string_view client_id, PeerRecord record, const PeerOrigin& origin) {
  const CoreId home = HomeOf(client_id, context_.cores);
  if (home == context_.core) return ApplyAtHome(std::move(record), origin.stream);
  if (const auto* queued = std::get_if<SessionMessageRecord>(&record);
      queued != nullptr && queued->message) {
    queued->message->MarkShared();
  }
  peer_.RelayedTo(home, origin);
  context_.outbox.cores.push_back(
      {home, RelayedRecord{.record = std::move(record), .origin = origin}});
}

// On the core (or each core) that the record is about.
void Shard::ApplyAtHome(PeerRecord record, CoreId stream) {
  std::visit(
      Overloaded{
          [&](InterestRecord& r) { trie_.SetPeerInterest(r.filter, stream, r.wanted); },
          [&](GroupInterestRecord& r) {
            trie_.SetGroupCounts(r.filter, r.share_name, {Side::kPeerNode, stream},
                                 {r.online, r.total});
          },
          [&](ClaimRecord& r) { OnClaim(r); },
          [&](ClaimReplyRecord& r) { OnClaimReply(r); },
          [&](SessionRecord& r) { ImportSession(r); },
          [&](SessionSubscriptionRecord& r) {
            Session* const session = sessions_.Find(r.client_id);
            const auto shared = mqtt::ParseSharedFilter(r.filter);
            const bool valid =
                shared ? mqtt::IsValidSharedFilter(*shared) : mqtt::IsValidTopicFilter(r.filter);
            if (session == nullptr || !valid || session->subscriptions.contains(r.filter)) return;
            Subscribe(*session, r.filter, {.options = r.options, .identifier = r.identifier});
          },
          [&](SessionMessageRecord& r) { ImportMessage(std::move(r)); },
          [&](SessionReceivedIdRecord& r) {
            if (Session* const session = sessions_.Find(r.client_id))
              session->received_ids.insert(r.packet_id);
          },
          [&](PublishRecord&) { TANDEM_CHECK_MSG(false, "routed where it arrives"); },
          [&](RetainedRecord&) { TANDEM_CHECK_MSG(false, "routed where it arrives"); },
          [&](SnapshotEndRecord&) {},
      },
      record);
}

// A client connected to the other node (P7). The newer connection wins; ties go to the higher node
// id, on both nodes alike.
void Shard::OnClaim(const ClaimRecord& claim) {
  context_.clock.Observe(claim.connected_at, context_.now.wall_ms);
  const auto reply = [&](bool granted, bool session_present) {
    if (!claim.answer || !peer_.up()) return;
    peer_.Append(ClaimReplyRecord{.client_id = claim.client_id,
                                  .connected_at = claim.connected_at,
                                  .granted = granted,
                                  .session_present = session_present});
  };
  const auto is_newer_here = [&](const Client& own) {
    if (own.connected_at != claim.connected_at) return own.connected_at > claim.connected_at;
    return peer_.epoch().self > peer_.epoch().peer;
  };
  const Client* own = nullptr;
  if (const auto it = claiming_.find(claim.client_id); it != claiming_.end())
    own = FindClient(it->second);
  Session* session = sessions_.Find(claim.client_id);
  if (own == nullptr && session != nullptr) own = session->client;
  if (own != nullptr && is_newer_here(*own)) return reply(false, false);

  SupersedeLocal(claim.client_id, nullptr);
  session =
      sessions_.Find(claim.client_id);  // a session that was to end with its connection has ended
  if (session == nullptr) return reply(true, false);
  if (!claim.answer) return;  // a note from a node that comes back: sessions are not moved by it
  if (claim.clean_start) {
    EndSession(*session, true);
    return reply(true, false);
  }
  ExportSession(*session);
  reply(true, true);
  session->will.reset();  // it lives on there: the client is back [MQTT-3.1.3-9]
  EndSession(*session, false);
}

void Shard::OnClaimReply(const ClaimReplyRecord& reply) {
  const auto it = claiming_.find(reply.client_id);
  if (it == claiming_.end()) return;
  Client* const client = FindClient(it->second);
  if (client == nullptr || client->connected_at != reply.connected_at)
    return;  // an older claim's answer
  if (reply.granted) return CompleteWhenRouted(*client, reply.session_present);
  claiming_.erase(it);
  client->pending.reset();
  Close(*client, metrics::CloseReason::kTakenOver);
}

// Hands the session to the other node, record by record.
void Shard::ExportSession(Session& session) {
  peer_.Append(SessionRecord{.client_id = session.client_id,
                             .expiry_s = session.expiry_s,
                             .next_number = session.queue.next_number(),
                             .first_number = session.queue.first_number()});
  for (const auto& [filter, state] : session.subscriptions) {
    peer_.Append(SessionSubscriptionRecord{.client_id = session.client_id,
                                           .filter = filter,
                                           .options = state.options,
                                           .identifier = state.identifier});
  }
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    SessionMessageRecord record{.client_id = session.client_id,
                                .number = number,
                                .state = static_cast<std::uint8_t>(message.state),
                                .qos = message.qos,
                                .retain = message.retain,
                                .message = message.message};
    if (message.more_identifiers) {
      record.subscription_ids = *message.more_identifiers;
    } else if (message.identifier != 0) {
      record.subscription_ids.push_back(message.identifier);
    }
    if (message.group)
      record.group = SharedTarget{message.group->filter(), message.group->share_name()};
    peer_.Append(std::move(record));
    // The message goes on living over there: it is not lost with this copy of the session.
    context_.metrics.QueuedChanged(-1, -static_cast<std::int64_t>(message.bytes()));
    session.queue.Discard(number);
  });
  std::vector<std::uint16_t> ids(session.received_ids.begin(), session.received_ids.end());
  std::sort(ids.begin(), ids.end());
  for (const std::uint16_t id : ids) {
    peer_.Append(SessionReceivedIdRecord{.client_id = session.client_id, .packet_id = id});
  }
}

// A session arrives from the other node. If there is one here as well, both served the client while
// they could not see each other: what arrives is added to what is here.
void Shard::ImportSession(const SessionRecord& record) {
  if (Session* const own = sessions_.Find(record.client_id)) {
    own->expiry_s = std::max(own->expiry_s, record.expiry_s);
    return;
  }
  Session& session = sessions_.Create(record.client_id);
  session.expiry_s = record.expiry_s;
  session.queue.StartAt(record.first_number);
  context_.metrics.SessionsChanged(metrics::SessionState::kOffline, 1);
  // Until the client that claimed it is connected, it is a session that is away.
  if (session.expiry_s != UINT32_MAX) {
    session.expiry_timer = context_.timers.Schedule(
        context_.now.mono_ns + static_cast<MonoNs>(session.expiry_s) * kNanosecondsPerSecond,
        TimerCookie(TimerKind::kSessionExpiry, static_cast<std::uint64_t>(session.id)));
  }
}

void Shard::ImportMessage(SessionMessageRecord record) {
  Session* const session = sessions_.Find(record.client_id);
  if (session == nullptr || record.state > static_cast<std::uint8_t>(OutboundState::kReleased))
    return;
  OutboundMessage message;
  message.state = static_cast<OutboundState>(record.state);
  if (!record.message && message.state != OutboundState::kReleased) return;  // a broken partner
  if (record.message) message.message = Compacted(std::move(record.message));
  message.qos = record.qos;
  message.retain = record.retain;
  if (!record.subscription_ids.empty()) message.identifier = record.subscription_ids.front();
  if (record.subscription_ids.size() > 1) {
    message.more_identifiers =
        std::make_unique<std::vector<std::uint32_t>>(std::move(record.subscription_ids));
  }
  if (record.group)
    message.group =
        IntrusivePtr<SharedKey>(new SharedKey(record.group->filter, record.group->share_name));
  const auto bytes = static_cast<std::int64_t>(message.bytes());
  if (message.state == OutboundState::kQueued && record.number < session->queue.next_number()) {
    session->queue.Push(std::move(message));
  } else if (!session->queue.Restore(record.number, std::move(message))) {
    return;  // in flight over there, while this node has moved on: its copy decides
  }
  context_.metrics.QueuedChanged(1, bytes);
}

// Tells the other node what it must know, from the state as it is now, a step at a time between
// live records: what changes in the meantime goes the same way, so that the other node's picture is
// right at every record.
void Shard::PumpSnapshot() {
  if (!snapshot_.active || !peer_.up()) return;
  const std::uint64_t first = peer_.last_number();
  const std::size_t bytes_before = peer_.backlog_bytes();
  const auto has_room = [&] {
    return peer_.last_number() - first < kSnapshotStepRecords &&
           peer_.backlog_bytes() - bytes_before < kSnapshotStepBytes &&
           peer_.backlog_bytes() < kSnapshotWindowBytes;
  };
  for (; snapshot_.session_slot < sessions_.slots(); ++snapshot_.session_slot) {
    if (!has_room()) return;
    SnapshotSession(static_cast<SubscriberId>(snapshot_.session_slot));
  }
  while (has_room()) {
    RetainedStore::Page page =
        retained_.Walk(snapshot_.retained_after, kSnapshotStepRecords / 4, kSnapshotStepBytes / 2);
    for (MessagePtr& message : page.messages) peer_.Append(RetainedRecord{std::move(message)});
    if (page.done) {
      // Only from here on does what is known here say what is known there.
      interest_.peer = peer_.Append(SnapshotEndRecord{});
      snapshot_ = {};
      return;
    }
    snapshot_.retained_after = std::move(page.last);
  }
}

void Shard::SnapshotSession(SubscriberId id) {
  const Session* const session = sessions_.Get(id);
  if (session == nullptr) return;
  if (session->client != nullptr) {
    peer_.Append(ClaimRecord{
        .client_id = session->client_id, .connected_at = session->connected_at, .answer = false});
  }
  for (const auto& [filter, state] : session->subscriptions) {
    if (const auto shared = mqtt::ParseSharedFilter(filter)) {
      const FilterEntry* const entry = trie_.Find(shared->filter);
      const MemberCounts counts = entry->FindGroup(shared->share_name)->local();
      peer_.Append(GroupInterestRecord{.filter = std::string(shared->filter),
                                       .share_name = std::string(shared->share_name),
                                       .online = counts.online,
                                       .total = counts.total});
    } else {
      peer_.Append(InterestRecord{.filter = filter, .wanted = true});
    }
  }
}

}  // namespace tandem::broker
