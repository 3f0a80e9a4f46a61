// PUBLISH and its acknowledgements, in both directions.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

using metrics::CloseReason;
using mqtt::PacketId;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;

// Whether every property of the publish goes on to receivers as it is; then its bytes are used in
// place.
bool ForwardsAll(const mqtt::PublishView& publish) noexcept {
  return !publish.topic_alias && !publish.message_expiry_s;
}

}  // namespace

// The message without its time and identity. Views into the packet, or into scratch_.
inline MessageFields Shard::FieldsOf(const Client& client, const mqtt::PublishView& publish,
                                     std::string_view topic, Buffer* block) {
  MessageFields fields;
  fields.topic = topic;
  if (ForwardsAll(publish)) {
    fields.properties = publish.properties.raw;
    fields.block = block;
  } else {
    scratch_.Clear();
    mqtt::CopyForwardedProperties(publish.properties, scratch_);
    fields.properties = scratch_.bytes();
  }
  fields.payload = publish.payload;
  fields.qos = publish.qos;
  fields.retain = publish.retain;
  if (publish.message_expiry_s) {
    fields.expires_at = context_.now.mono_ns +
                        static_cast<MonoNs>(*publish.message_expiry_s) * kNanosecondsPerSecond;
  }
  fields.publisher = client.session->client_hash;
  return fields;
}

void Shard::OnPublish(Client& client, const mqtt::PublishView& publish, Buffer* block) {
  context_.metrics.PublishReceived(static_cast<std::uint8_t>(publish.qos), publish.payload.size());
  std::string_view topic;
  if (!ResolveTopic(client, publish, topic) || !CheckPublish(client, publish, topic)) return;
  if (IsRepeated(client, publish)) {
    // The message was taken when its id first came; a repeat only asks for the answer again (4.3.3,
    // method B; A11). Whether the other node has it by now is not remembered; it has all that came
    // up to here.
    return Acknowledge(client, PacketType::kPubrec, publish.packet_id, ReasonCode::kSuccess,
                       {.peer = peer_.up() ? peer_.last_number() : 0}, 0, false);
  }
  if (topic.front() == '$' && IsSystemTopic(topic)) return DenyPublish(client, publish);
  const MessageFields fields = FieldsOf(client, publish, topic, block);
  if (!fields.retain) return AcceptPublish(client, fields, publish.packet_id, {});
  const Room room = RoomFor(fields);
  switch (room.answer) {
    case Room::kYes:
      return AcceptPublish(client, fields, publish.packet_id,
                           {.kind = Retaining::Kind::kYes, .room = room.held});
    case Room::kNo:
      return RefuseRetained(client, fields, publish.packet_id);
    case Room::kAsk:
      return AskForRoom(client, fields, publish.packet_id);
  }
}

bool Shard::IsRepeated(const Client& client, const mqtt::PublishView& publish) const {
  return publish.qos == QoS::kExactlyOnce &&
         client.session->received_ids.contains(static_cast<std::uint16_t>(publish.packet_id));
}

// A10: dropped, and told to those who can be told; or the end of the connection.
void Shard::DenyPublish(Client& client, const mqtt::PublishView& publish) {
  context_.metrics.PublishRefused(metrics::PublishRefusal::kNotAuthorized);
  if (context_.config.closes_on_denied_publish) {
    return Disconnect(client, ReasonCode::kNotAuthorized, CloseReason::kNotAuthorized,
                      "topics below $SYS are the broker's");
  }
  AnswerRefused(client, publish.qos, publish.packet_id, ReasonCode::kNotAuthorized);
}

// The topic of the publish, through its alias if it has one (3.3.2.3.4). False if the connection
// had to be closed.
bool Shard::ResolveTopic(Client& client, const mqtt::PublishView& publish,
                         std::string_view& topic) {
  topic = publish.topic;
  if (!publish.topic_alias) return true;
  const std::size_t alias = *publish.topic_alias;
  if (alias == 0 ||
      alias > context_.config.topic_alias_maximum) {  // [MQTT-3.3.2-8], [MQTT-3.3.2-9]
    Disconnect(client, ReasonCode::kTopicAliasInvalid, CloseReason::kProtocolError,
               "topic alias out of range");
    return false;
  }
  if (!publish.topic.empty()) {
    if (client.aliases.size() < alias) client.aliases.resize(alias);
    client.aliases[alias - 1] = std::string(publish.topic);
    return true;
  }
  if (client.aliases.size() < alias || client.aliases[alias - 1].empty()) {
    Disconnect(client, ReasonCode::kProtocolError, CloseReason::kProtocolError,
               "topic alias was never set");
    return false;
  }
  topic = client.aliases[alias - 1];
  return true;
}

bool Shard::CheckPublish(Client& client, const mqtt::PublishView& publish, std::string_view topic) {
  const BrokerConfig& config = context_.config;
  const auto refuse = [&](ReasonCode code, CloseReason reason, std::string_view why) {
    Disconnect(client, code, reason, why);
    return false;
  };
  if (!mqtt::IsValidTopicName(topic) || HasTooManyLevels(topic)) {  // [MQTT-3.3.2-2]
    return refuse(ReasonCode::kTopicNameInvalid, CloseReason::kProtocolError, "invalid topic name");
  }
  if (publish.qos > config.qos_max) {  // [MQTT-3.2.2-11]
    return refuse(ReasonCode::kQoSNotSupported, CloseReason::kProtocolError, "QoS not supported");
  }
  if (publish.retain && !config.retain_available) {  // [MQTT-3.2.2-14]
    return refuse(ReasonCode::kRetainNotSupported, CloseReason::kProtocolError,
                  "retain not supported");
  }
  if (publish.qos != QoS::kAtMostOnce && client.version == mqtt::Version::k5 &&
      client.unacknowledged >= config.receive_maximum &&
      !IsRepeated(client, publish)) {  // [MQTT-3.3.4-9]
    return refuse(ReasonCode::kReceiveMaximumExceeded, CloseReason::kQuotaExceeded,
                  "receive maximum exceeded");
  }
  return true;
}

void Shard::AcceptPublish(Client& client, MessageFields fields, PacketId packet_id,
                          const Retaining& retaining) {
  Session& session = *client.session;
  const auto id = static_cast<std::uint16_t>(packet_id);
  if (fields.qos == QoS::kExactlyOnce) session.received_ids.insert(id);
  fields.hlc = context_.IssueTime();
  fields.id = {context_.node, context_.core, context_.incarnation, ++messages_};

  std::optional<PublisherStep> step;
  if (fields.qos == QoS::kExactlyOnce && teller_.IsFollowed(session) &&
      !IsPlanted(PlantedBug::kPacketIdForgotten)) {
    step = PublisherStep{.client_id = session.client_id, .packet_id = id};
    teller_.NoteChanged(session);
  }
  Router::Result result = router_.FromClient(fields, retaining, std::move(step));
  if (result.step_handed) handed_steps_.emplace_back(session.client_id, result.routed);
  if (IsPlanted(PlantedBug::kAckBeforePeer)) result.peer_number = result.routed = 0;
  if (fields.qos != QoS::kAtMostOnce) {
    if (brakes_.any()) SlowDown(client);
    ++client.unacknowledged;
    context_.metrics.InflightChanged(metrics::Direction::kIn, 1);
    const bool exactly_once = fields.qos == QoS::kExactlyOnce;
    Acknowledge(client, exactly_once ? PacketType::kPubrec : PacketType::kPuback, packet_id,
                result.matched ? ReasonCode::kSuccess : ReasonCode::kNoMatchingSubscribers,
                {.peer = result.peer_number, .routed = result.routed},
                static_cast<std::uint8_t>(fields.qos), !exactly_once);
  }
  if (mail_full_ || peer_.backlog_bytes() > context_.config.peer_backlog_bytes_max ||
      (client.version != mqtt::Version::k5 &&
       client.unacknowledged >= context_.config.receive_maximum)) {
    Throttle(client);
  }
}

// An acknowledgement to the client, held until `position`.
void Shard::Acknowledge(Client& client, PacketType type, PacketId id, ReasonCode code,
                        const CommitPosition& position, std::uint8_t ack_qos, bool ends_flow) {
  if (client.version != mqtt::Version::k5) code = ReasonCode::kSuccess;
  HeldPacket packet{
      .type = type, .ack_qos = ack_qos, .ends_flow = ends_flow, .since = context_.now.mono_ns};
  ByteBuffer& bytes = context_.outbox.bytes;
  const std::size_t offset = bytes.size();
  mqtt::EncodeAck(client.version, {.type = type, .packet_id = id, .reason = code}, bytes);
  if (!client.slowed && MayGoAtOnce(client, position)) {  // mostly: then its bytes stay there
    SendBytes(context_, client, offset);
    NoteWritten(client, packet);
    return;
  }
  const Bytes encoded = bytes.bytes(offset, bytes.size() - offset);
  packet.bytes.assign(encoded.begin(), encoded.end());
  bytes.Truncate(offset);
  SendGated(client, position, std::move(packet));
}

// PUBACK, PUBREC, PUBCOMP for what we sent. Unknown ids are ignored and move no quota (A15).
void Shard::OnAck(Client& client, const mqtt::AckView& ack) {
  Session& session = *client.session;
  bool moved = false;
  const auto leaves_window = [&] {
    moved = true;
    context_.metrics.InflightChanged(metrics::Direction::kOut, -1);
  };
  const auto finish = [&](QoS qos) {
    if (const std::optional<std::size_t> bytes = session.queue.Acknowledge(ack.packet_id, qos)) {
      leaves_window();
      context_.metrics.QueuedChanged(-1, -static_cast<std::int64_t>(*bytes));
    } else if (session.queue.Settle(ack.packet_id, qos)) {
      leaves_window();
    }
  };
  switch (ack.type) {
    case PacketType::kPuback:
      finish(QoS::kAtLeastOnce);
      break;
    case PacketType::kPubrec: {
      if (mqtt::IsError(ack.reason)) {  // the receiver refuses it: that ends the flow (4.3.3, A14)
        finish(QoS::kExactlyOnce);
        break;
      }
      const std::size_t bytes_before = session.queue.waiting_bytes();
      const auto received = session.queue.Received(ack.packet_id);
      moved = received == SessionQueue::ReceivedResult::kReleased;
      CommitPosition position;
      if (const auto released = session.queue.FindInFlight(ack.packet_id);
          released && received == SessionQueue::ReceivedResult::kReleased) {
        position.peer = teller_.Released(session, released->number);
        released->message->record = position.peer == 0 ? 0 : peer_.Position(position.peer);
        if (IsPlanted(PlantedBug::kPubrelBeforeReleased)) {
          released->message->record = 0;
          position = {};
        }
      } else if (received == SessionQueue::ReceivedResult::kRepeated) {
        position.peer = peer_.up() ? peer_.last_number() : 0;
      }
      context_.metrics.QueuedChanged(0, static_cast<std::int64_t>(session.queue.waiting_bytes()) -
                                            static_cast<std::int64_t>(bytes_before));
      const ReasonCode code = received == SessionQueue::ReceivedResult::kUnknown
                                  ? ReasonCode::kPacketIdentifierNotFound
                                  : ReasonCode::kSuccess;
      Acknowledge(client, PacketType::kPubrel, ack.packet_id, code, position, 0,
                  false);  // [MQTT-4.3.3-4]
      break;
    }
    case PacketType::kPubcomp:
      if (session.queue.Complete(ack.packet_id)) {
        leaves_window();
        context_.metrics.QueuedChanged(-1, 0);
      } else if (session.queue.Settle(ack.packet_id, QoS::kExactlyOnce)) {
        leaves_window();
      }
      break;
    default:
      TANDEM_CHECK_MSG(false, "not an acknowledgement");
  }
  delivery_.Pump(session);
  if (moved) congestion_.Moved(session);
  fetcher_.Continue(session);
}

// The client has heard that we hold its message: its id is free again.
void Shard::OnPubrel(Client& client, const mqtt::AckView& ack) {
  const auto id = static_cast<std::uint16_t>(ack.packet_id);
  const bool known = client.session->received_ids.erase(id) != 0;
  if (client.session->forked_ids) std::erase(*client.session->forked_ids, id);
  const ReasonCode code =
      known ? ReasonCode::kSuccess : ReasonCode::kPacketIdentifierNotFound;  // A13
  CommitPosition position;
  if (known) {
    position.peer = teller_.ReceivedId(*client.session, id, false);
    if (IsPlanted(PlantedBug::kPubcompBeforeFree)) position = {};
  }
  Acknowledge(client, PacketType::kPubcomp, ack.packet_id, code, position, 0,
              known);  // [MQTT-4.3.3-11]
}

// Sessions whose queue is full and whose operator wants them disconnected then.
void Shard::CloseOverflowed() {
  // The will of one may overflow the next.
  for (auto overflowed = router_.TakeOverflowed(); !overflowed.empty();
       overflowed = router_.TakeOverflowed()) {
    for (const SubscriberId id : overflowed) CloseOverflowed(id);
  }
}

void Shard::CloseOverflowed(SubscriberId id) {
  Session* const session = sessions_.Get(id);
  if (session == nullptr || session->client == nullptr) return;
  Disconnect(*session->client, ReasonCode::kQuotaExceeded, CloseReason::kSlowConsumer,
             "queue full");
}

}  // namespace tandem::broker
