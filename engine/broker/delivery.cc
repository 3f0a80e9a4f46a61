#include "engine/broker/delivery.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "proto/mqtt/encoder.h"

namespace tandem::broker {
namespace {

using metrics::DropReason;

std::int64_t Signed(std::size_t value) noexcept { return static_cast<std::int64_t>(value); }

bool IsConnected(const Session& session) noexcept {
  return session.client != nullptr && session.client->stage == Client::Stage::kConnected;
}

DropReason ReasonOfFull(const Session& session) noexcept {
  switch (session.congestion) {
    case CongestionState::kNone:
      break;
    case CongestionState::kMoving:
      return DropReason::kOverload;
    case CongestionState::kStalled:
      return DropReason::kStalled;
  }
  return DropReason::kQueueFull;
}

}  // namespace

// Into the queue.
inline bool Delivery::Keep(Session& session, RoutedMessage& message, const Form& form) {
  const MessagePtr& kept = message.Share();
  const bool is_followed = session.told_epoch != 0 && teller_.IsFollowed(session);
  // Had the client its SUBACK, the message would cross.
  if (is_followed && form.steps_alone) return true;
  const bool has_room = MakeRoom(session, message.fields(), kept->bytes(), form.stored);
  // QoS 0 crosses too, but its copy does not keep what has no place.
  const bool crosses_alone = !form.stored && !form.group && form.qos != mqtt::QoS::kAtMostOnce;
  if (!has_room && !(is_followed && crosses_alone)) {
    context_.metrics.PublishDropped(ReasonOfFull(session));
    if (form.group) teller_.Return(form.lender, kept->id(), *form.group);
    return context_.config.when_full != WhenFull::kDisconnect;
  }
  OutboundMessage outbound;
  outbound.message = IsConnected(session) ? kept : Compacted(kept);
  outbound.group = form.group;
  outbound.qos = form.qos;
  outbound.retain = form.retain;
  if (!form.identifiers.empty()) outbound.identifier = form.identifiers.front();
  if (form.identifiers.size() > 1) {
    outbound.more_identifiers = std::make_unique<std::vector<std::uint32_t>>(
        form.identifiers.begin(), form.identifiers.end());
  }
  // The copy of one that is followed stands for its message.
  if (form.lender != 0 && !is_followed) {
    outbound.lender = form.lender;
    session.borrows = true;
    session.queue.LogReturned(teller_.returned());
  }
  const std::uint64_t number = session.queue.next_number();
  Push(session, std::move(outbound));
  if (is_followed) {
    if (form.group) {
      teller_.PlacedInGroup(session, number, form.group, form.lender);
    } else if (crosses_alone) {
      teller_.Placed(session, number);
    } else {
      teller_.PlacedWithMessage(session, number);
    }
  } else if (crosses_alone && form.qos == mqtt::QoS::kExactlyOnce && session.persistent()) {
    teller_.PlacedUntold(session, number);
  }
  if (!has_room) {
    // The session's copy may have the message already: it is told its place, and that it is empty.
    CountDropped(ReasonOfFull(session), session.queue.DropNewestQueued());
    return context_.config.when_full != WhenFull::kDisconnect;
  }
  Pump(session);
  return true;
}

bool Delivery::Deliver(Session& session, RoutedMessage& message, const Form& form) {
  const MessageFields& fields = message.fields();
  if (session.role == Role::kMirror || session.join || session.handed_over) {
    if (KeepForOwner(session, message, form)) return true;
  }
  if (!session.fetches.empty() && fields.retain && !form.stored)
    session.newer_topics.emplace(fields.topic);

  if (form.qos == mqtt::QoS::kAtMostOnce) {
    if (!IsConnected(session)) {
      // Not kept for absent clients, unless the operator wants it (A31).
      if (!context_.config.keeps_qos0 || !session.persistent()) return true;
      return Keep(session, message, form);
    }
    if (session.client->unsent_bytes > context_.config.unsent_bytes_hard) {
      context_.metrics.PublishDropped(DropReason::kSlowConsumer);
      return true;
    }
    if (!sender_.Send(*session.client, message,
                      {.qos = form.qos, .retain = form.retain, .identifiers = form.identifiers})) {
      context_.metrics.PublishDropped(DropReason::kPacketTooLarge);
    }
    return true;
  }
  return Keep(session, message, form);
}

bool Delivery::Fits(const Session& session, const MessageFields& fields, const Form& form) {
  return !IsConnected(session) ||
         sender_.Fits(*session.client, fields,
                      {.qos = form.qos, .retain = form.retain, .identifiers = form.identifiers});
}

// Of a session that the other node owns: keeps what is routed to it here until its place comes. Of
// one that it owned lately: fills a place that waits for it, or drops what it had passed over. True
// if that is all.
bool Delivery::KeepForOwner(Session& session, RoutedMessage& message, const Form& form) {
  const MessageId& id = message.fields().id;
  if (form.stored || form.group) return session.mirrored_here();
  if (form.qos == mqtt::QoS::kAtMostOnce) return session.mirrored_here();
  if (arriving_ != nullptr && session.mirrored_here() && PutInPlace(session, message)) return true;
  if (session.join) {
    if (session.join->TakeExpected(id)) return true;
    if (const auto place = session.join->TakePlace(id)) {
      Fill(session, *place, message.Share());
      return true;
    }
  }
  if (!session.mirrored_here()) return session.handed_over && session.handed_over->Covers(id);
  // The owner will never give it a place: the subscription that it matched here is so new that the
  // core it came from has not heard of the other node's. Its SUBACK waits for that, and what is
  // kept until the session comes here again would stand behind newer messages (P6).
  if (!reaches_owners_ && !session.giving_way && peer_.up()) return true;
  if (session.giving_way && !session.giving_way->over) {
    teller_.Along(session, message.Share(), form.qos, form.retain, form.identifiers);
  }
  NeedJoin(session).Add(
      MessageJoin::Unplaced{.message = Compacted(message.Share()),
                            .qos = form.qos,
                            .retain = form.retain,
                            .identifiers = {form.identifiers.begin(), form.identifiers.end()},
                            .since = context_.now.mono_ns});
  return true;
}

// Mostly message and place come together, and have nothing to wait for.
bool Delivery::PutInPlace(Session& session, RoutedMessage& message) {
  const bool waits = session.giving_way || (session.join && !session.join->empty());
  if (waits || IsPlanted(PlantedBug::kPlaceForgotten)) return false;
  const auto place = std::find_if(arriving_->begin(), arriving_->end(), [&](const QueuePlace& p) {
    return std::string_view(p.client_id) == session.client_id && !p.group;
  });
  if (place == arriving_->end() || session.queue.IsOld(place->number)) return false;
  OutboundMessage outbound = OutboundAt(*place);
  outbound.message = Compacted(message.Share());
  session.queue.Place(place->number, std::move(outbound));
  arriving_->erase(place);
  return true;
}

OutboundMessage Delivery::OutboundAt(const QueuePlace& place) {
  OutboundMessage outbound;
  outbound.qos = place.qos;
  outbound.retain = place.retain;
  if (!place.subscription_ids.empty()) outbound.identifier = place.subscription_ids.front();
  if (place.subscription_ids.size() > 1)
    outbound.more_identifiers =
        std::make_unique<std::vector<std::uint32_t>>(place.subscription_ids);
  return outbound;
}

MessageJoin& Delivery::NeedJoin(Session& session) {
  if (!session.join) {
    session.join = std::make_unique<MessageJoin>();
    joins_.push_back(session.id);
  }
  return *session.join;
}

void Delivery::Fill(Session& session, const MessageJoin::Unfilled& place,
                    const MessagePtr& message) {
  const auto bytes = Signed(message->bytes());
  const bool filled = session.queue.Fill(place.number, Compacted(message));
  if (place.origin.number != 0) joined_.push_back(place.origin);
  if (!filled || session.mirrored_here()) return;
  context_.metrics.QueuedChanged(0, bytes);
  Pump(session);
}

void Delivery::Enqueue(Session& session, OutboundMessage message, bool crosses) {
  const MessageId id = message.message->id();
  const std::uint64_t number = session.queue.next_number();
  Push(session, std::move(message));
  if (!teller_.IsFollowed(session)) return;
  teller_.Placed(session, number);
  teller_.EndRouting(id, crosses ? Crossing::kYes : Crossing::kNo);
}

void Delivery::Push(Session& session, OutboundMessage&& message) {
  context_.metrics.QueuedChanged(1, Signed(message.bytes()));
  session.queue.Push(std::move(message));
  if (session.client != nullptr && session.client->slowed && session.client->paused)
    paused_receivers_.push_back(session.client->id);
}

// The queue's bound (O5). Those who feed one that is above its mark are slowed down, and what they
// have sent by then is taken, while its client moves.
bool Delivery::MakeRoom(Session& session, const MessageFields& fields, std::size_t bytes,
                        bool stored) {
  if (congestion_.HasRoom(session, bytes)) return true;
  if (!congestion_.IsWaitedFor(session)) return MakeRoomInFull(session, bytes);
  if (!stored) congestion_.Feed(session, fields);
  return !congestion_.IsOverrun(session.queue, bytes) || MakeRoomInFull(session, bytes);
}

// What was never sent may go, by policy; what is in flight stays. One that was waited for may be
// beyond the bound: it gets no longer, but what it has got is not taken away at once.
bool Delivery::MakeRoomInFull(Session& session, std::size_t bytes) {
  const BrokerConfig& config = context_.config;
  const std::size_t messages_max =
      std::max(config.queue_messages_max, session.queue.waiting_messages());
  const std::size_t bytes_max = std::max(config.queue_bytes_max, session.queue.waiting_bytes());
  const auto is_full = [&] {
    return session.queue.waiting_messages() >= messages_max ||
           (!session.queue.empty() && session.queue.waiting_bytes() + bytes > bytes_max);
  };
  while (is_full()) {
    if (config.when_full != WhenFull::kDropOldest) return false;
    const std::optional<OutboundMessage> dropped = session.queue.DropOldestQueued();
    if (!dropped) return false;
    CountDropped(ReasonOfFull(session), *dropped);
  }
  return true;
}

void Delivery::CountDropped(DropReason reason, const OutboundMessage& message) {
  context_.metrics.PublishDropped(reason);
  context_.metrics.QueuedChanged(-1, -Signed(message.bytes()));
}

void Delivery::Pump(Session& session) {
  if (!IsConnected(session)) return;
  const std::uint32_t in_flight_before = session.queue.in_flight();
  SendQueued(session, *session.client);
  context_.metrics.InflightChanged(metrics::Direction::kOut,
                                   Signed(session.queue.in_flight()) - Signed(in_flight_before));
}

// The packets of the commit gate towards subscribers: a QoS 2 PUBLISH and the PUBREL behind it.
bool Delivery::MayGo(const Session& session, const OutboundMessage& next) {
  if (IsPlanted(PlantedBug::kPublishBeforePlace) && next.state == OutboundState::kQueued)
    return true;
  if (next.record == 0 || next.qos != mqtt::QoS::kExactlyOnce || peer_.IsReached(next.record))
    return true;
  if (waiting_.empty() || waiting_.back() != session.id) waiting_.push_back(session.id);
  return false;
}

void Delivery::SendQueued(Session& session, Client& client) {
  SessionQueue& queue = session.queue;
  while (client.unsent_bytes < context_.config.unsent_bytes_soft) {
    OutboundMessage* const next = queue.Next();
    if (next == nullptr || !MayGo(session, *next)) return;
    if (next->state == OutboundState::kReleased) {
      const std::size_t offset = context_.outbox.bytes.size();
      mqtt::EncodeAck(client.version,
                      {.type = mqtt::PacketType::kPubrel, .packet_id = queue.next_packet_id()},
                      context_.outbox.bytes);
      SendBytes(context_, client, offset);
      context_.metrics.PacketSent(static_cast<std::uint8_t>(mqtt::PacketType::kPubrel));
      queue.MarkSent();
      continue;
    }
    if (queue.in_flight() >= client.window) return;
    // What was sent once never expires; what waits does (A18).
    if (next->state == OutboundState::kQueued && !queue.next_maybe_sent() &&
        next->message->expires_at() < context_.now.mono_ns) {
      CountDropped(DropReason::kExpired, *next);
      queue.DropNext();
    } else if (SendNext(session, client, *next)) {
      if (next->qos == mqtt::QoS::kAtMostOnce) {
        // Nothing answers it.
        context_.metrics.QueuedChanged(-1, -Signed(next->bytes()));
        queue.DropNext();
      } else {
        queue.MarkSent();
      }
    } else if (next->group) {
      context_.metrics.QueuedChanged(-1, -Signed(next->bytes()));
      unfit_.push_back({next->group, next->message});
      queue.DropNext();
    } else {
      CountDropped(DropReason::kPacketTooLarge, *next);
      queue.DropNext();
    }
  }
}

bool Delivery::SendNext(Session& session, Client& client, OutboundMessage& next) {
  std::span<const std::uint32_t> identifiers;
  if (next.more_identifiers) {
    identifiers = *next.more_identifiers;
  } else if (next.identifier != 0) {
    identifiers = {&next.identifier, 1};
  }
  RoutedMessage message(next.message);
  return sender_.Send(
      client, message,
      {.qos = next.qos,
       .retain = next.retain,
       .dup = next.qos != mqtt::QoS::kAtMostOnce &&
              (next.state == OutboundState::kSent || session.queue.next_maybe_sent()),
       .packet_id = session.queue.next_packet_id(),
       .identifiers = identifiers});
}

}  // namespace tandem::broker
