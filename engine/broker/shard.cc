#include "engine/broker/shard.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/overloaded.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/reason_code.h"

namespace tandem::broker {
namespace {

using mqtt::PacketType;
using mqtt::ReasonCode;

// How often a slice of the retained messages is looked at for expired ones, and how long a deletion
// is remembered.
constexpr MonoNs kSweepIntervalNs = kNanosecondsPerSecond;
constexpr std::size_t kSweepVisits = 5'000;
constexpr MonoNs kTombstoneAgeNs = 3'600 * kNanosecondsPerSecond;
// A claim is answered in a round trip, or when the other node counts as gone.
constexpr MonoNs kClaimRetryNs = kNanosecondsPerSecond / 10;

std::size_t Slot(ConnectionId id) noexcept {
  return static_cast<std::size_t>(static_cast<std::uint64_t>(id) & UINT32_MAX);
}

}  // namespace

Shard::Shard(const ShardOptions& options, const BrokerConfig& config,
             metrics::BrokerMetrics& metrics)
    : context_{.config = config,
               .metrics = metrics,
               .core = options.core,
               .cores = options.cores,
               .node = options.node,
               .incarnation = options.incarnation,
               .now = {},
               .clock = {},
               .timers = reactor::TimerWheel(),
               .outbox = {}},
      has_partner_(options.has_partner),
      assigned_id_prefix_(options.assigned_id_prefix),
      trie_(options.core),
      retained_budget_(options.retained_budget),
      takeovers_(config.takeovers_per_minute_max),
      peer_(context_),
      teller_(context_, peer_, sessions_),
      congestion_(context_, peer_, brakes_, sessions_),
      delivery_(context_, peer_, teller_, congestion_),
      router_(context_, trie_, sessions_, delivery_, peer_, retained_, teller_, lent_, brakes_),
      fetcher_(context_, sessions_, delivery_, retained_),
      interest_applied_(options.cores, 0),
      interest_seen_(options.cores, 0),
      interest_answered_(options.cores, 0),
      routed_here_(options.cores, 0),
      emptied_(options.cores),
      gone_(options.cores),
      exposure_(metrics, options.has_partner, options.cores) {
  if (!retained_budget_) {
    retained_budget_ =
        std::make_shared<RetainedBudget>(config.retained_messages_max, config.retained_bytes_max);
  }
  retained_.ShareBudget(*retained_budget_);
  context_.timers.Schedule(kSweepIntervalNs, TimerCookie(TimerKind::kSweep, 0));
}

Shard::~Shard() = default;

CoreId Shard::HomeOf(std::string_view client_id, std::uint16_t cores) noexcept {
  return cores == 1 ? CoreId{0} : static_cast<CoreId>(StableHash(client_id) % cores);
}

Client* Shard::FindClient(ConnectionId id) const noexcept {
  const std::size_t slot = Slot(id);
  if (slot >= clients_.size() || !clients_[slot] || clients_[slot]->id != id) return nullptr;
  return clients_[slot].get();
}

Client* Shard::ConnectedClient(ConnectionId id) const noexcept {
  Client* const client = FindClient(id);
  return client != nullptr && client->stage == Client::Stage::kConnected ? client : nullptr;
}

bool Shard::HasTooManyLevels(std::string_view topic) const noexcept {
  const std::size_t most = context_.config.topic_levels_max;
  return most < kTopicLevelsMax &&
         static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/')) >= most;
}

void Shard::OnOpened(ConnectionId id, std::uint32_t listener, Admission admission) {
  const std::size_t slot = Slot(id);
  if (slot >= clients_.size()) clients_.resize(slot + 1);
  TANDEM_CHECK_MSG(!clients_[slot], "connection opened twice");
  auto client = std::make_unique<Client>();
  client->id = id;
  client->listener = listener;
  client->admission = admission;
  client->last_packet_at = context_.now.mono_ns;
  client->timer =
      context_.timers.Schedule(context_.now.mono_ns + context_.config.connect_timeout_ns,
                               TimerCookie(TimerKind::kClient, static_cast<std::uint64_t>(id)));
  clients_[slot] = std::move(client);
  ++connections_;
}

void Shard::OnDetached(ConnectionId id) {
  Client* const client = FindClient(id);
  if (client == nullptr) return;
  // It may have been closed here while it was on its way: for want of a CONNECT, or with all
  // others.
  TANDEM_CHECK(client->stage == Client::Stage::kOpened || client->stage == Client::Stage::kClosing);
  context_.timers.Cancel(client->timer);
  clients_[Slot(id)].reset();
  --connections_;
}

void Shard::OnClosed(ConnectionId id, metrics::CloseReason reason) {
  Client* const client = FindClient(id);
  if (client == nullptr) return;
  if (client->stage != Client::Stage::kClosing) {
    // The network or the client ended it without DISCONNECT: its will is due (3.1.2.5).
    LogAccess({.kind = AccessEvent::Kind::kDisconnect, .connection = id, .reason = reason});
    context_.metrics.ConnectionClosed(reason);
    Detach(*client, WillRule::kDue);
  }
  context_.timers.Cancel(client->timer);
  clients_[Slot(id)].reset();
  --connections_;
}

void Shard::OnPacket(ConnectionId id, const mqtt::Packet& packet, Buffer* block) {
  Client* const client = FindClient(id);
  if (client == nullptr || client->stage == Client::Stage::kClosing) return;
  client->last_packet_at = context_.now.mono_ns;
  if (const auto* connect = std::get_if<mqtt::ConnectView>(&packet)) {
    context_.metrics.PacketReceived(static_cast<std::uint8_t>(PacketType::kConnect));
    return OnConnect(*client, *connect);
  }
  if (client->stage != Client::Stage::kConnected) {
    // The decoder lets nothing else come first, and the connection is held while a CONNECT is
    // decided [MQTT-3.1.0-1].
    return Close(*client, metrics::CloseReason::kProtocolError);
  }
  const auto count = [this](PacketType type) {
    context_.metrics.PacketReceived(static_cast<std::uint8_t>(type));
  };
  std::visit(Overloaded{
                 [&](const mqtt::PublishView& publish) {
                   count(PacketType::kPublish);
                   OnPublish(*client, publish, block);
                 },
                 [&](const mqtt::AckView& ack) {
                   count(ack.type);
                   ack.type == PacketType::kPubrel ? OnPubrel(*client, ack) : OnAck(*client, ack);
                 },
                 [&](const mqtt::SubscribeView& subscribe) {
                   count(PacketType::kSubscribe);
                   OnSubscribe(*client, subscribe);
                 },
                 [&](const mqtt::UnsubscribeView& unsubscribe) {
                   count(PacketType::kUnsubscribe);
                   OnUnsubscribe(*client, unsubscribe);
                 },
                 [&](const mqtt::PingreqView&) {
                   count(PacketType::kPingreq);
                   const std::size_t offset = context_.outbox.bytes.size();
                   mqtt::EncodePingresp(context_.outbox.bytes);  // [MQTT-3.12.4-1]
                   SendBytes(context_, *client, offset);
                   context_.metrics.PacketSent(static_cast<std::uint8_t>(PacketType::kPingresp));
                 },
                 [&](const mqtt::DisconnectView& disconnect) {
                   count(PacketType::kDisconnect);
                   OnDisconnect(*client, disconnect);
                 },
                 [&](const mqtt::AuthView&) {
                   count(PacketType::kAuth);
                   // No authentication method is offered, so no exchange can be under way
                   // [MQTT-4.12.0-6].
                   Disconnect(*client, ReasonCode::kProtocolError,
                              metrics::CloseReason::kProtocolError,
                              "AUTH without an authentication method");
                 },
                 [&](const auto&) {
                   // What only a server sends does not pass the decoder of a server.
                   Disconnect(*client, ReasonCode::kProtocolError,
                              metrics::CloseReason::kProtocolError, "not a packet for a server");
                 },
             },
             packet);
}

void Shard::OnMalformed(ConnectionId id, const mqtt::DecodeResult& result) {
  Client* const client = FindClient(id);
  if (client == nullptr || client->stage == Client::Stage::kClosing) return;
  const auto reason = [&] {
    if (result.reason == ReasonCode::kPacketTooLarge) return metrics::CloseReason::kPacketTooLarge;
    if (result.reason == ReasonCode::kProtocolError) return metrics::CloseReason::kProtocolError;
    return metrics::CloseReason::kMalformed;
  }();
  if (client->stage == Client::Stage::kConnected) {
    // A second CONNECT may be wrong in ways that only CONNACK has codes for [MQTT-3.14.2-1].
    const bool has_code =
        mqtt::IsAllowed(result.reason, PacketType::kDisconnect, mqtt::Sender::kServer);
    return Disconnect(*client, has_code ? result.reason : ReasonCode::kProtocolError, reason,
                      result.explanation);
  }
  if (result.reason == ReasonCode::kUnsupportedProtocolVersion) {
    // In the nearest form that its sender may know (A38): with level 5 it is the name that is
    // wrong.
    client->version = result.requested_level >= 5 ? mqtt::Version::k5 : mqtt::Version::k311;
    return Refuse(*client, result.reason, metrics::RefuseReason::kUnsupportedVersion,
                  result.explanation);
  }
  LogAccess({.kind = AccessEvent::Kind::kRefuse,
             .connection = id,
             .code = result.reason,
             .detail = result.explanation});
  context_.metrics.ConnectRefused(metrics::RefuseReason::kMalformed);
  Close(*client, reason);  // a stranger gets no answer to bytes that are no CONNECT (4.13.1)
}

void Shard::OnSent(ConnectionId id, std::size_t bytes) {
  Client* const client = FindClient(id);
  if (client == nullptr) return;
  client->unsent_bytes -= std::min(bytes, client->unsent_bytes);
  if (client->session == nullptr) return;
  Session& session = *client->session;
  // With a full window only an acknowledgement makes room.
  const bool moves = session.queue.in_flight() < client->window;
  delivery_.Pump(session);
  if (moves) congestion_.Moved(session);
  fetcher_.Continue(session);
}

void Shard::Disconnect(Client& client, ReasonCode code, metrics::CloseReason reason,
                       std::string_view why, WillRule rule) {
  if (client.version == mqtt::Version::k5 && client.stage == Client::Stage::kConnected) {
    mqtt::DisconnectView disconnect{.reason = code};
    if (!why.empty() && client.problem_information) disconnect.reason_string = why;
    const std::size_t offset = context_.outbox.bytes.size();
    mqtt::EncodeDisconnect(client.version, disconnect, context_.outbox.bytes);
    // A client that allows only tiny packets gets the code alone, or nothing [MQTT-3.1.2-24].
    if (context_.outbox.bytes.size() - offset > client.packet_bytes_max) {
      context_.outbox.bytes.Truncate(offset);
      mqtt::EncodeDisconnect(client.version, {.reason = code}, context_.outbox.bytes);
    }
    if (context_.outbox.bytes.size() - offset <= client.packet_bytes_max) {
      SendBytes(context_, client, offset);
      context_.metrics.PacketSent(static_cast<std::uint8_t>(PacketType::kDisconnect));
    } else {
      context_.outbox.bytes.Truncate(offset);
    }
  }
  LogAccess({.kind = AccessEvent::Kind::kDisconnect,
             .connection = client.id,
             .code = code,
             .reason = reason,
             .detail = std::string(why)});
  context_.metrics.ConnectionClosed(reason);
  Detach(client, rule);
  client.stage = Client::Stage::kClosing;
  context_.outbox.connections.push_back(
      {.kind = ConnectionEffect::Kind::kClose, .connection = client.id});
}

void Shard::Close(Client& client, metrics::CloseReason reason, bool reset) {
  if (client.stage == Client::Stage::kConnected) {
    LogAccess({.kind = AccessEvent::Kind::kDisconnect, .connection = client.id, .reason = reason});
  }
  context_.metrics.ConnectionClosed(reason);
  Detach(client, WillRule::kDue);
  client.stage = Client::Stage::kClosing;
  context_.outbox.connections.push_back(
      {.kind = ConnectionEffect::Kind::kClose, .reset = reset, .connection = client.id});
}

void Shard::Tick() {
  if (clients_wait_) return;  // they have not been heard, so they are not late
  context_.timers.Advance(context_.now.mono_ns, [this](std::uint64_t cookie) { OnTimer(cookie); });
}

void Shard::OnTimer(std::uint64_t cookie) {
  const std::uint64_t object = cookie & ((std::uint64_t{1} << 56) - 1);
  switch (static_cast<TimerKind>(cookie >> 56)) {
    case TimerKind::kClient:
      if (Client* const client = FindClient(ConnectionId{object})) OnClientTimer(*client);
      return;
    case TimerKind::kSessionExpiry:
      if (Session* const session =
              sessions_.Get(SubscriberId{static_cast<std::uint32_t>(object)})) {
        session->expiry_timer = reactor::kNoTimer;
        if (WaitsForClaim(*session, session->expiry_timer, cookie)) return;
        context_.metrics.SessionExpired();
        EndSession(*session, true);
      }
      return;
    case TimerKind::kWill:
      if (Session* const session =
              sessions_.Get(SubscriberId{static_cast<std::uint32_t>(object)})) {
        session->will_timer = reactor::kNoTimer;
        if (!WaitsForClaim(*session, session->will_timer, cookie)) PublishWill(*session);
      }
      return;
    case TimerKind::kCopies:
      return;  // EndTurn looks
    case TimerKind::kSweep:
      retained_.Sweep(context_.now.mono_ns, kTombstoneAgeNs, kSweepVisits);
      takeovers_.Sweep(context_.now.mono_ns);
      RepairJoins();
      for (const SubscriberId id : congestion_.Sweep()) {
        if (context_.config.when_full == WhenFull::kDisconnect) CloseOverflowed(id);
      }
      context_.timers.Schedule(context_.now.mono_ns + kSweepIntervalNs,
                               TimerCookie(TimerKind::kSweep, 0));
      return;
  }
}

// Whether the client can't be back yet, or is and only waits for the other node's answer: what its
// absence makes due is looked at again later. The copy there has the new connection's will already,
// and must not take the end of the old one for that of the new.
bool Shard::WaitsForClaim(const Session& session, reactor::TimerId& timer, std::uint64_t cookie) {
  if (!claiming_.contains(session.client_id) && !AbsenceWaits()) return false;
  timer = context_.timers.Schedule(context_.now.mono_ns + kClaimRetryNs, cookie);
  return true;
}

void Shard::OnClientTimer(Client& client) {
  client.timer = reactor::kNoTimer;
  if (client.stage == Client::Stage::kClosing) return;
  if (client.stage == Client::Stage::kOpened) {
    context_.metrics.ConnectRefused(metrics::RefuseReason::kMalformed);
    LogAccess({.kind = AccessEvent::Kind::kRefuse,
               .connection = client.id,
               .detail = "no CONNECT in time"});
    return Close(client, metrics::CloseReason::kConnectTimeout);
  }
  if (client.stage != Client::Stage::kConnected || client.keep_alive_ns == 0) return;
  const MonoNs deadline = client.last_packet_at + client.keep_alive_ns;
  // A publisher that we ourselves do not read cannot be blamed for its silence.
  if (context_.now.mono_ns >= deadline && !client.paused) {
    // [MQTT-3.1.2-22]
    return Disconnect(client, ReasonCode::kKeepAliveTimeout, metrics::CloseReason::kKeepAlive, "");
  }
  const MonoNs next = client.paused ? context_.now.mono_ns + client.keep_alive_ns : deadline;
  client.timer = context_.timers.Schedule(
      next, TimerCookie(TimerKind::kClient, static_cast<std::uint64_t>(client.id)));
}

// What is held for this connection goes first, and the gate keeps the order of holding:
// acknowledgements follow in the order of what they acknowledge (4.6).
bool Shard::MayGoAtOnce(const Client& client, const CommitPosition& position) const {
  return client.held == 0 && gate_.IsReached(position);
}

void Shard::SendGated(Client& client, const CommitPosition& position, HeldPacket packet) {
  if (MayGoAtOnce(client, position)) return WriteUnlessBraked(client, std::move(packet));
  packet.connection = client.id;
  ++client.held;
  gate_.Hold(position, std::move(packet));
}

void Shard::ReleaseHeld() {
  gate_.Release([this](HeldPacket&& packet) {
    Client* const client = FindClient(packet.connection);
    if (client == nullptr) return;
    --client->held;
    if (packet.type == PacketType::kConnack) {
      // While it waited, a newer connection may have come, or the other node may have gone.
      if (client->stage == Client::Stage::kClaiming) CompleteWhenRouted(*client, false);
    } else if (client->stage == Client::Stage::kConnected) {
      WriteUnlessBraked(*client, std::move(packet));
    }
  });
}

void Shard::Write(Client& client, const HeldPacket& packet) {
  const std::size_t offset = context_.outbox.bytes.size();
  context_.outbox.bytes.Append({packet.bytes.data(), packet.bytes.size()});
  SendBytes(context_, client, offset);
  NoteWritten(client, packet);
  for (const std::uint64_t fetch : packet.fetches) fetcher_.Begin(fetch);
}

// Counts, and the quota that comes back with the end of a flow.
void Shard::NoteWritten(Client& client, const HeldPacket& packet) {
  context_.metrics.PacketSent(static_cast<std::uint8_t>(packet.type));
  if (packet.ack_qos != 0) {
    exposure_.Acknowledged();
    context_.metrics.AckTook(packet.ack_qos, context_.now.mono_ns - packet.since);
  }
  if (packet.ends_flow && client.unacknowledged > 0) {
    --client.unacknowledged;
    context_.metrics.InflightChanged(metrics::Direction::kIn, -1);
  }
}

void Shard::PublishSystem(const SystemTopic& system) {
  MessageFields fields;
  fields.topic = system.topic;
  fields.payload = AsBytes(system.value);
  fields.retain = true;
  fields.hlc = context_.IssueTime();
  const bool is_home = router_.RetainedHome(system.topic) == context_.core;
  // One core of the cluster chooses for the shared groups.
  const bool is_first = !peer_.up() || peer_.epoch().self == tandem::NodeId{0};
  router_.FromSystem(fields, is_home && is_first);
  if (is_home) retained_.Set(Message::Create(fields), context_.now.mono_ns);
}

void Shard::EndTurn() {
  CloseOverflowed();
  if (!postponed_claims_.empty()) RetryClaims();
  FindFittingMembers();
  router_.RetryParked();
  fetcher_.GoOn();
  CountRetained();
  teller_.FlushProgress();
  CheckCopies();
  PumpSnapshot();
  congestion_.Relieve();
  ReleaseSlowed();
  Unthrottle();
  for (std::size_t core = 0; core < interest_seen_.size(); ++core) {
    if (interest_seen_[core] == interest_answered_[core]) continue;
    interest_answered_[core] = interest_seen_[core];
    context_.outbox.cores.push_back(
        {static_cast<CoreId>(core), CoreInterestApplied{interest_seen_[core], messages_}});
  }
  exposure_.EndTurn(context_.now.mono_ns);
  for (const PeerOrigin& origin : delivery_.TakeJoined()) LetGo(origin);
  AnswerRelays();
  peer_.Acknowledge();
  ConfirmMirrored();
}

// A27: what a member's client has turned out not to take is for another member.
void Shard::FindFittingMembers() {
  for (auto unfit = delivery_.TakeUnfit(); !unfit.empty(); unfit = delivery_.TakeUnfit()) {
    for (const Delivery::Unfit& one : unfit) router_.ToGroup(*one.group, one.message);
  }
}

// The store is changed in many places and knows no metrics.
void Shard::CountRetained() {
  const auto messages = static_cast<std::int64_t>(retained_.messages());
  const auto bytes = static_cast<std::int64_t>(retained_.bytes());
  if (const std::uint64_t forgotten = retained_.deletions_forgotten();
      forgotten != deletions_counted_) {
    context_.metrics.RetainedDeletionsForgotten(forgotten -
                                                std::exchange(deletions_counted_, forgotten));
  }
  if (messages == retained_messages_counted_ && bytes == retained_bytes_counted_) return;
  context_.metrics.RetainedChanged(messages - retained_messages_counted_,
                                   bytes - retained_bytes_counted_);
  retained_messages_counted_ = messages;
  retained_bytes_counted_ = bytes;
}

void Shard::LogAccess(AccessEvent event) {
  if (!context_.config.access_log) return;
  if (const Client* const client = FindClient(event.connection)) {
    if (event.client_id.empty()) {
      if (client->session != nullptr) event.client_id = client->session->client_id;
      if (client->pending) event.client_id = client->pending->client_id;
    }
    event.version = client->version;
  }
  context_.outbox.access.push_back(std::move(event));
}

}  // namespace tandem::broker
