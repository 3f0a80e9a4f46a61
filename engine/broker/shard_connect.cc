// CONNECT, takeover, and how sessions begin and end.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/planted_bug.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

using metrics::RefuseReason;
using mqtt::ReasonCode;

std::vector<std::uint8_t> Copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

std::unique_ptr<Will> MakeWill(const mqtt::WillView& view) {
  auto will = std::make_unique<Will>();
  will->topic = std::string(view.topic);
  will->payload = Copy(view.payload);
  ByteBuffer properties;
  mqtt::CopyForwardedProperties(view.properties, properties);
  will->properties = Copy(properties.bytes());
  will->qos = view.qos;
  will->retain = view.retain;
  will->delay_s = view.delay_s;
  will->message_expiry_s = view.message_expiry_s;
  return will;
}

// A session that begins while the partner is out of sight may begin there as well, or be one that
// goes on there. So it numbers from a place of its own, above where copies that take over begin
// (ApartNumbers), and not from where the other node's does: the half that goes on when both meet
// may give a number before it has heard which ones the other half used.
std::uint64_t FirstNumberApart(Incarnation incarnation) noexcept {
  constexpr std::uint64_t kLeast = 36'864;
  constexpr std::uint64_t kNumbers = 28'000;
  return kLeast + StableHash({static_cast<std::uint64_t>(incarnation)}) % kNumbers;
}

}  // namespace

void Shard::OnConnect(Client& client, const mqtt::ConnectView& connect) {
  if (client.stage != Client::Stage::kOpened) {
    // A second CONNECT [MQTT-3.1.0-2].
    if (client.stage == Client::Stage::kClaiming)
      return Close(client, metrics::CloseReason::kProtocolError);
    return Disconnect(client, ReasonCode::kProtocolError, metrics::CloseReason::kProtocolError,
                      "second CONNECT");
  }
  client.version = connect.version;
  client.problem_information = connect.request_problem_information;
  client.packet_bytes_max = connect.maximum_packet_size;
  if (!CheckConnect(client, connect)) return;
  if (takeovers_.IsStorm(connect.client_id, context_.now.mono_ns)) {
    return Refuse(client, ReasonCode::kConnectionRateExceeded, RefuseReason::kTakeoverStorm,
                  "the client id goes to and fro between connections");
  }
  TakeConnect(client, connect);
  Claim(client);
}

// What can be refused without asking anybody.
bool Shard::CheckConnect(Client& client, const mqtt::ConnectView& connect) {
  const auto refuse = [&](ReasonCode code, RefuseReason reason, std::string_view why) {
    Refuse(client, code, reason, why);
    return false;
  };
  const bool v5 = connect.version == mqtt::Version::k5;
  if (client.admission == Admission::kQuotaExceeded)
    return refuse(ReasonCode::kQuotaExceeded, RefuseReason::kBusy, "too many connections");
  if (client.admission == Admission::kRateExceeded) {
    return refuse(ReasonCode::kConnectionRateExceeded, RefuseReason::kConnectRate,
                  "too many connections in a short time");
  }
  if (draining_)
    return refuse(ReasonCode::kUseAnotherServer, RefuseReason::kUnavailable,
                  "this node is being drained");
  if (!serving_ || !takes_clients_)
    return refuse(ReasonCode::kServerUnavailable, RefuseReason::kUnavailable,
                  "this node is not serving");
  if (connect.client_id.empty() && !v5 &&
      !(connect.version == mqtt::Version::k311 && connect.clean_start)) {
    // [MQTT-3.1.3-8] of 3.1.1: only with a clean session may the id be empty. 3.1 never allows it.
    return refuse(ReasonCode::kClientIdentifierNotValid, RefuseReason::kBadClientId,
                  "empty client id");
  }
  if (connect.client_id.size() > context_.config.client_id_bytes_max) {  // [MQTT-3.1.3-8]
    return refuse(ReasonCode::kClientIdentifierNotValid, RefuseReason::kBadClientId,
                  "client id too long");
  }
  if (connect.client_id.empty() && !context_.config.empty_client_id_allowed) {  // A33
    return refuse(ReasonCode::kClientIdentifierNotValid, RefuseReason::kBadClientId,
                  "a client id is required");
  }
  if (connect.authentication_method) {
    // [MQTT-4.12.0-1]
    return refuse(ReasonCode::kBadAuthenticationMethod, RefuseReason::kBadCredentials,
                  "no such authentication method");
  }
  if (connect.will) {
    const mqtt::WillView& will = *connect.will;
    if (!mqtt::IsValidTopicName(will.topic) || HasTooManyLevels(will.topic)) {
      return refuse(ReasonCode::kTopicNameInvalid, RefuseReason::kWillNotAllowed,
                    "invalid will topic");
    }
    if (IsSystemTopic(will.topic)) {  // A4
      return refuse(ReasonCode::kNotAuthorized, RefuseReason::kNotAuthorized,
                    "topics below $SYS are the broker's");
    }
    if (will.qos > context_.config.qos_max) {  // [MQTT-3.2.2-12]
      return refuse(ReasonCode::kQoSNotSupported, RefuseReason::kWillNotAllowed,
                    "will QoS not supported");
    }
    if (will.retain && !context_.config.retain_available) {  // [MQTT-3.2.2-13]
      return refuse(ReasonCode::kRetainNotSupported, RefuseReason::kWillNotAllowed,
                    "will retain not supported");
    }
  }
  return true;
}

// Keeps what CONNECT asked for: the views into its bytes do not last until the other node has
// answered.
void Shard::TakeConnect(Client& client, const mqtt::ConnectView& connect) {
  const BrokerConfig& config = context_.config;
  auto pending = std::make_unique<PendingConnect>();
  pending->client_id = std::string(connect.client_id);
  if (pending->client_id.empty()) {
    // [MQTT-3.1.3-6], [MQTT-3.2.2-16]; one whose home is this core, where its claim is answered and
    // where the client is found again if it comes back with it.
    do {
      pending->client_id = assigned_id_prefix_ + std::to_string(assigned_ids_++);
    } while (HomeOf(pending->client_id, context_.cores) != context_.core);
    pending->client_id_assigned = true;
  }
  pending->clean_start = connect.clean_start;
  pending->session_expiry_s = std::min(connect.session_expiry_s, config.session_expiry_max_s);
  if (pending->session_expiry_s != connect.session_expiry_s)
    pending->session_expiry_told_s = pending->session_expiry_s;
  if (connect.will) pending->will = MakeWill(*connect.will);

  std::uint32_t keep_alive_s = connect.keep_alive_s;
  // 3.x cannot be told, and devices that ask for no keep alive must not be dropped for it (A34).
  if (connect.version == mqtt::Version::k5 && config.keep_alive_max_s != 0 &&
      (keep_alive_s == 0 || keep_alive_s > config.keep_alive_max_s)) {
    keep_alive_s = config.keep_alive_max_s;
    pending->keep_alive_told_s = config.keep_alive_max_s;  // [MQTT-3.2.2-21]
  }
  client.keep_alive_ns = static_cast<MonoNs>(keep_alive_s) * kNanosecondsPerSecond * 3 / 2;
  client.window = std::min<std::uint32_t>(
      connect.version == mqtt::Version::k5 ? connect.receive_maximum : UINT16_MAX,
      config.inflight_max);
  client.connected_at = context_.IssueTime();
  client.pending = std::move(pending);
}

// P7: this connection holds the client id from now on, here at once, there when the other node has
// said so.
void Shard::Claim(Client& client) {
  const PendingConnect& pending = *client.pending;
  SupersedeLocal(pending.client_id, &client);
  if (!peer_.up() && !leaving_.active) return CompleteConnect(client);
  client.stage = Client::Stage::kClaiming;
  claiming_[pending.client_id] = client.id;
  context_.outbox.connections.push_back(
      {.kind = ConnectionEffect::Kind::kHold, .connection = client.id});
  if (!peer_.up()) return;  // FinishPeerDown goes on
  if (IsPlanted(PlantedBug::kMoveWithoutFence)) {
    Session* const copy = sessions_.Find(pending.client_id);
    if (copy != nullptr && copy->mirrored_here()) Promote(*copy, true);
  }
  ForgetOver(pending.client_id, pending.clean_start);
  // The other node's copy must be that of the session that the claim is about.
  Session* const session = sessions_.Find(pending.client_id);
  if (session != nullptr && session->role == Role::kOwner && !teller_.IsFollowed(*session))
    Tell(*session);
  if (session != nullptr) TellWayGiven(*session);
  std::optional<Will> will;
  if (pending.will) will = *pending.will;
  unanswered_[pending.client_id] = client.connected_at;
  peer_.Append(ClaimRecord{.client_id = pending.client_id,
                           .connected_at = client.connected_at,
                           .clean_start = pending.clean_start,
                           .expiry_s = pending.session_expiry_s,
                           .will = std::move(will)});
}

// Ends what this node owns of a session that a CONNECT does not go on with: it wants a clean start
// [MQTT-3.1.2-4], or the session should have ended with its connection and only waited here for
// its will, which is not due now that the client is back. True if a copy on the other node ends
// with it.
bool Shard::ForgetOver(std::string_view client_id, bool clean_start) {
  Session* const session = sessions_.Find(client_id);
  if (session == nullptr || session->role != Role::kOwner || session->client != nullptr)
    return false;
  if (session->persistent() && !clean_start) return false;
  const bool is_followed = teller_.IsFollowed(*session);
  const bool publishes_will = session->persistent();
  if (!publishes_will) session->will.reset();
  EndSession(*session, publishes_will);
  return is_followed;
}

// Ends whatever other connection of this core has the client id, or is about to get it
// [MQTT-3.1.4-3].
void Shard::SupersedeLocal(std::string_view client_id, const Client* newer) {
  if (const auto it = claiming_.find(client_id); it != claiming_.end()) {
    Client* const waiting = FindClient(it->second);
    claiming_.erase(it);
    if (waiting != nullptr && waiting != newer) {
      takeovers_.Note(client_id, context_.now.mono_ns);
      waiting->pending.reset();
      Close(*waiting, metrics::CloseReason::kTakenOver);
    }
  }
  Session* const session = sessions_.Find(client_id);
  if (session == nullptr || session->client == nullptr || session->client == newer) return;
  SupersedeClient(*session,
                  newer != nullptr ? metrics::TakeoverFrom::kLocal : metrics::TakeoverFrom::kPeer);
}

// May end the session with it.
void Shard::SupersedeClient(Session& session, metrics::TakeoverFrom from) {
  context_.metrics.SessionTakenOver(from);
  takeovers_.Note(session.client_id, context_.now.mono_ns);
  Disconnect(*session.client, ReasonCode::kSessionTakenOver, metrics::CloseReason::kTakenOver, "");
}

// P3 for a session that has just moved here: a client that has its CONNACK misses nothing that is
// published from then on, so every core of both nodes must route to its new place first.
void Shard::CompleteWhenRouted(Client& client, bool moved) {
  if (!moved || gate_.IsReached(interest_)) {
    claiming_.erase(client.pending->client_id);
    return CompleteConnect(client);
  }
  client.pending->waits_for_routes = true;
  ++client.held;
  gate_.Hold(interest_, {.connection = client.id, .type = mqtt::PacketType::kConnack});
}

void Shard::CompleteConnect(Client& client) {
  const std::unique_ptr<PendingConnect> pending = std::move(client.pending);
  const bool copy_is_over =
      ForgetOver(pending->client_id, pending->clean_start) || pending->copy_is_over;
  Session* session = sessions_.Find(pending->client_id);
  const bool session_present = session != nullptr;
  bool tells = false;
  if (session == nullptr) {
    session = &sessions_.Create(pending->client_id);
    session->started_at = pending->clean_start ? client.connected_at : Session::kNoCleanStart;
    session->cleaned_apart = pending->clean_start && !peer_.up();
    if (has_partner_ && !peer_.up()) session->queue.SkipTo(FirstNumberApart(context_.incarnation));
    // The other node has made its copy with the claim, unless that is about to end.
    if (peer_.up() && (pending->session_expiry_s != 0 || pending->will)) {
      tells = copy_is_over;
      if (!tells) teller_.BeginFollowing(*session);
    } else if (peer_.up() && pending->older_claim_granted) {
      peer_.Append(SessionEndRecord{.client_id = pending->client_id});
    }
  } else {
    context_.metrics.SessionsChanged(metrics::SessionState::kOffline, -1);
    context_.timers.Cancel(std::exchange(session->expiry_timer, reactor::kNoTimer));
    // The client is back before its will was due [MQTT-3.1.3-9].
    context_.timers.Cancel(std::exchange(session->will_timer, reactor::kNoTimer));
  }
  context_.metrics.SessionsChanged(metrics::SessionState::kOnline, 1);
  session->client = &client;
  session->expiry_s = pending->session_expiry_s;
  session->connected_at = client.connected_at;
  session->will = std::move(pending->will);
  session->will_not_before = 0;
  session->queue.Rewind();
  client.session = session;
  client.stage = Client::Stage::kConnected;
  client.unacknowledged = static_cast<std::uint32_t>(session->received_ids.size());
  context_.metrics.InflightChanged(metrics::Direction::kIn, client.unacknowledged);
  context_.timers.Cancel(std::exchange(client.timer, reactor::kNoTimer));
  if (client.keep_alive_ns != 0) {
    client.timer = context_.timers.Schedule(
        context_.now.mono_ns + client.keep_alive_ns,
        TimerCookie(TimerKind::kClient, static_cast<std::uint64_t>(client.id)));
  }
  LogAccess({.kind = AccessEvent::Kind::kConnect,
             .connection = client.id,
             .session_present = session_present});
  if (tells) Tell(*session);
  SendConnack(client, *pending, session_present);
  if (client.stage != Client::Stage::kConnected) return;
  SetMembersOnline(*session, true);
  delivery_.Pump(*session);
}

void Shard::SendConnack(Client& client, const PendingConnect& pending, bool session_present) {
  const BrokerConfig& config = context_.config;
  mqtt::ConnackView connack;
  connack.session_present = session_present;
  connack.session_expiry_s = pending.session_expiry_told_s;
  if (config.receive_maximum != UINT16_MAX) connack.receive_maximum = config.receive_maximum;
  if (config.qos_max != mqtt::QoS::kExactlyOnce)
    connack.maximum_qos = static_cast<std::uint8_t>(config.qos_max);
  if (!config.retain_available) connack.retain_available = false;
  connack.maximum_packet_size = static_cast<std::uint32_t>(config.packet_bytes_max);
  if (pending.client_id_assigned) connack.assigned_client_id = pending.client_id;
  if (config.topic_alias_maximum != 0) connack.topic_alias_maximum = config.topic_alias_maximum;
  if (!config.wildcard_available) connack.wildcard_subscription_available = false;
  if (!config.shared_available) connack.shared_subscription_available = false;
  connack.server_keep_alive_s = pending.keep_alive_told_s;

  Outbox& out = context_.outbox;
  const std::size_t offset = out.bytes.size();
  mqtt::EncodeConnack(client.version, connack, out.bytes);
  if (out.bytes.size() - offset > client.packet_bytes_max) {
    // Nothing in it may be left out without breaking a promise, so the client learns that its limit
    // is too low (A51).
    out.bytes.Truncate(offset);
    client.session->will.reset();  // only an accepted connection has one [MQTT-3.1.2-7]
    return Refuse(client, ReasonCode::kPacketTooLarge, RefuseReason::kPacketTooLarge,
                  "CONNACK is above the client's Maximum Packet Size");
  }
  SendBytes(context_, client, offset);
  context_.metrics.PacketSent(static_cast<std::uint8_t>(mqtt::PacketType::kConnack));
  out.connections.push_back({.kind = ConnectionEffect::Kind::kRelease, .connection = client.id});
}

void Shard::Refuse(Client& client, ReasonCode code, RefuseReason reason, std::string_view why) {
  mqtt::ConnackView connack{.reason = code};
  Outbox& out = context_.outbox;
  const std::size_t offset = out.bytes.size();
  if (client.version == mqtt::Version::k5 && client.problem_information)
    connack.reason_string = why;
  mqtt::EncodeConnack(client.version, connack, out.bytes);
  if (out.bytes.size() - offset > client.packet_bytes_max) {
    out.bytes.Truncate(offset);
    connack.reason_string.reset();
    mqtt::EncodeConnack(client.version, connack, out.bytes);
  }
  // A 3.x client for whose fault there is no return code gets none [MQTT-3.2.2-6 of 3.1.1].
  if (out.bytes.size() != offset) {
    SendBytes(context_, client, offset);
    context_.metrics.PacketSent(static_cast<std::uint8_t>(mqtt::PacketType::kConnack));
  }
  context_.metrics.ConnectRefused(reason);
  LogAccess({.kind = AccessEvent::Kind::kRefuse,
             .connection = client.id,
             .code = code,
             .detail = std::string(why)});
  Close(client, metrics::CloseReason::kRefused);
}

// Takes the connection off its session.
void Shard::Detach(Client& client, WillRule rule) {
  context_.metrics.InflightChanged(metrics::Direction::kIn,
                                   -static_cast<std::int64_t>(client.unacknowledged));
  client.unacknowledged = 0;
  client.asking.reset();
  if (client.pending) {
    const auto it = claiming_.find(client.pending->client_id);
    if (it != claiming_.end() && it->second == client.id) claiming_.erase(it);
    const std::unique_ptr<PendingConnect> pending = std::move(client.pending);
    if (pending->waits_for_routes && peer_.up()) WithdrawClaim(pending->client_id);
  }
  if (client.session == nullptr) return;
  ForgetSlowed(client);
  Session* const session = std::exchange(client.session, nullptr);
  congestion_.Forget(*session);
  session->client = nullptr;
  session->away_since = context_.now.mono_ns;
  context_.metrics.SessionsChanged(metrics::SessionState::kOnline, -1);
  context_.metrics.SessionsChanged(metrics::SessionState::kOffline, 1);
  fetcher_.Cancel(*session);
  context_.metrics.InflightChanged(metrics::Direction::kOut,
                                   -static_cast<std::int64_t>(session->queue.in_flight()));
  session->queue.Rewind();
  if (rule == WillRule::kDrop) session->will.reset();
  if (rule == WillRule::kDue && AbsenceWaits()) rule = WillRule::kWait;
  const bool will_waits = rule == WillRule::kWait && session->will;
  if (!session->persistent() && !will_waits) return EndSession(*session, true);

  SetMembersOnline(*session, false);
  GiveBackGroupMessages(*session, false);
  if (!will_waits && session->will && session->will->delay_s == 0) PublishWill(*session);
  if (will_waits) session->will_not_before = context_.now.mono_ns + context_.config.will_grace_ns;
  StartAwayTimers(*session);
  // To its copy the client of a will that waits is still here: should this node end first, the
  // other one gives it the same grace.
  if (!will_waits) teller_.Away(*session);
}

// For a session whose client has been away since `away_since`.
void Shard::StartAwayTimers(Session& session) {
  const std::uint64_t number = static_cast<std::uint64_t>(session.id);
  const auto after = [&](std::uint32_t seconds) {
    return std::max({session.away_since + static_cast<MonoNs>(seconds) * kNanosecondsPerSecond,
                     context_.now.mono_ns, session.will ? session.will_not_before : 0});
  };
  if (session.expiry_s != UINT32_MAX) {
    session.expiry_timer = context_.timers.Schedule(after(session.expiry_s),
                                                    TimerCookie(TimerKind::kSessionExpiry, number));
  }
  if (!session.will) return;
  // Whichever comes first, the delay or the end of the session (3.1.3.2.2).
  session.will_timer =
      context_.timers.Schedule(after(std::min(session.will->delay_s, session.expiry_s)),
                               TimerCookie(TimerKind::kWill, number));
}

// The session is over: nothing of it stays. A will that was still waiting is due now
// [MQTT-3.1.2-8].
void Shard::EndSession(Session& session, bool publish_will) {
  TANDEM_CHECK(session.client == nullptr);
  context_.timers.Cancel(session.expiry_timer);
  context_.timers.Cancel(session.will_timer);
  if (publish_will && session.will) PublishWill(session);
  // While the copy is there: what another member gets leaves it in the same step.
  LeaveGroups(session);
  GiveBackGroupMessages(session, true);
  teller_.FlushProgress();
  teller_.Ended(session);
  teller_.EndFollowing(session);
  // What the other node told of its own was united with this one, and it has no copy of that:
  // should it go on with it, as it has not heard of this one, it tells it again.
  if (session.merging && peer_.epoch().copy_hashes) AskAgain(session.client_id, false);
  fetcher_.Cancel(session);
  while (!session.subscriptions.empty()) {
    const std::string filter = session.subscriptions.begin()->first;
    Unsubscribe(session, filter);
  }
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  std::uint64_t undelivered = 0;
  session.queue.ForEach([&](std::uint64_t, OutboundMessage& message) {
    ++messages;
    bytes += static_cast<std::int64_t>(message.bytes());
    if (message.state == OutboundState::kQueued) ++undelivered;
    if (message.lender != 0 && message.message)
      teller_.Return(message.lender, message.message->id(), *message.group);
  });
  context_.metrics.QueuedChanged(-messages, -bytes);
  if (undelivered != 0)
    context_.metrics.PublishDropped(metrics::DropReason::kSessionEnded, undelivered);
  context_.metrics.SessionsChanged(metrics::SessionState::kOffline, -1);
  sessions_.Remove(session);
}

void Shard::SetMembersOnline(Session& session, bool online) {
  for (const auto& [filter, state] : session.subscriptions) {
    const auto shared = mqtt::ParseSharedFilter(filter);
    if (!shared) continue;
    const auto change =
        trie_.SetMemberOnline(shared->filter, shared->share_name, session.id, online);
    if (change.counts_changed) AnnounceGroup(shared->filter, shared->share_name, change.local);
  }
}

// P10: what a shared group gave to a member that is leaving goes to another member. Sent QoS 2
// messages stay with their session while it lives [MQTT-4.8.2-4]; sent QoS 1 messages leave it when
// it ends [MQTT-4.8.2-5].
void Shard::GiveBackGroupMessages(Session& session, bool also_sent) {
  struct Back {
    IntrusivePtr<SharedKey> key;
    MessagePtr message;
    GivenBack from;
  };
  std::vector<Back> back;
  const bool is_followed = teller_.IsFollowed(session);
  bool waits = false;
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    if (!message.group || !message.message) return;
    const bool sent = message.state != OutboundState::kQueued;
    if (sent && (!also_sent || message.qos == mqtt::QoS::kExactlyOnce)) return;
    // Nor may it reach another member before the packet id of its publisher is safe: what the place
    // waits for (P5).
    if (!also_sent && message.qos == mqtt::QoS::kExactlyOnce && !peer_.IsReached(message.record)) {
      waits = true;
      return;
    }
    back.push_back({.key = message.group,
                    .message = message.message,
                    .from = {.client_id = is_followed ? session.client_id : std::string(),
                             .number = is_followed ? number : 0,
                             .spare = std::exchange(message.lender, std::uint16_t{0})}});
    context_.metrics.QueuedChanged(-1, -static_cast<std::int64_t>(message.bytes()));
    session.queue.Discard(number);
  });
  if (waits) delivery_.Await(session.id);
  for (Back& each : back) router_.ToGroup(*each.key, each.message, std::move(each.from));
}

// It is no member any longer; what it subscribed to is forgotten later.
void Shard::LeaveGroups(Session& session) {
  for (const auto& [filter, state] : session.subscriptions) {
    const auto shared = mqtt::ParseSharedFilter(filter);
    if (!shared) continue;
    const auto change = trie_.LeaveGroup(shared->filter, shared->share_name, session.id);
    if (change.counts_changed) AnnounceGroup(shared->filter, shared->share_name, change.local);
  }
}

void Shard::PublishWill(Session& session) {
  const std::unique_ptr<Will> will = std::move(session.will);
  MessageFields fields;
  fields.topic = will->topic;
  fields.properties = will->properties;
  fields.payload = will->payload;
  fields.qos = will->qos;
  fields.retain = will->retain;
  if (will->message_expiry_s) {
    fields.expires_at =
        context_.now.mono_ns + static_cast<MonoNs>(*will->message_expiry_s) * kNanosecondsPerSecond;
  }
  fields.hlc = context_.IssueTime();
  fields.publisher = session.client_hash;
  fields.id = {context_.node, context_.core, context_.incarnation, ++messages_};
  std::optional<PublisherStep> step;
  if (teller_.IsFollowed(session) && !IsPlanted(PlantedBug::kWillDoneUntold)) {
    step = PublisherStep{.client_id = session.client_id};
    teller_.NoteChanged(session);
  }
  Retaining retaining;
  if (fields.retain) {
    const Room room = RoomFor(fields);
    if (room.answer == Room::kNo)
      context_.metrics.PublishRefused(metrics::PublishRefusal::kQuotaExceeded);
    if (room.answer == Room::kYes) retaining = {.kind = Retaining::Kind::kYes, .room = room.held};
    if (room.answer == Room::kAsk) retaining = {.kind = Retaining::Kind::kIfRoom};
  }
  router_.FromClient(fields, retaining, std::move(step));
}

void Shard::OnDisconnect(Client& client, const mqtt::DisconnectView& disconnect) {
  Session& session = *client.session;
  if (disconnect.session_expiry_s) {
    if (session.expiry_s == 0 && *disconnect.session_expiry_s != 0) {  // [MQTT-3.14.2-2]
      return Disconnect(client, ReasonCode::kProtocolError, metrics::CloseReason::kProtocolError,
                        "session expiry may not be raised from 0");
    }
    session.expiry_s = std::min(*disconnect.session_expiry_s, context_.config.session_expiry_max_s);
    // Should its will wait, its copy does not hear yet that it is away.
    teller_.TellHead(session);
  }
  // Only code 0x00 drops the will [MQTT-3.14.4-3]; every other says that it is wanted (A2).
  const WillRule rule =
      disconnect.reason == ReasonCode::kSuccess ? WillRule::kDrop : WillRule::kDue;
  LogAccess({.kind = AccessEvent::Kind::kDisconnect,
             .connection = client.id,
             .code = disconnect.reason,
             .reason = metrics::CloseReason::kDisconnect,
             .detail = std::string(disconnect.reason_string.value_or(""))});
  context_.metrics.ConnectionClosed(metrics::CloseReason::kDisconnect);
  Detach(client, rule);
  client.stage = Client::Stage::kClosing;
  context_.outbox.connections.push_back(
      {.kind = ConnectionEffect::Kind::kClose, .connection = client.id});
}

}  // namespace tandem::broker
