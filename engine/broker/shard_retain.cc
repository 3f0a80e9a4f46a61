// Room for retained messages. A message may be retained if its topic has a value already or the
// cluster has room for one more; whether it has a value only the topic's home core knows. While
// there is ample room nobody asks; then the publisher waits for the answer of the home, so that its
// messages keep their order. Room that was found is taken out of the budget at once, so that what
// is on its way to its home counts, and comes back when the home stores it. What is decided here
// holds on both nodes: the other one takes what it is given.
#include <utility>

#include "engine/base/check.h"
#include "engine/broker/shard.h"

namespace tandem::broker {

using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;

Shard::Room Shard::RoomFor(const MessageFields& fields) {
  if (fields.payload.empty()) return {.answer = Room::kYes};  // a deletion
  const std::size_t bytes = fields.topic.size() + fields.properties.size() + fields.payload.size();
  if (router_.RetainedHome(fields.topic) == context_.core) {
    const auto room = retained_.Reserve(fields.topic, bytes, context_.now.mono_ns);
    return room ? Room{.answer = Room::kYes, .held = *room} : Room{.answer = Room::kNo};
  }
  const bool ample = retained_budget_->HasAmpleRoom(static_cast<std::int64_t>(bytes));
  return {.answer = ample ? Room::kYes : Room::kAsk};
}

// Its packets behind this one wait with it: the core hands out no more of them until the answer.
void Shard::AskForRoom(Client& client, const MessageFields& fields, mqtt::PacketId packet_id) {
  TANDEM_CHECK_MSG(!client.asking, "a packet of a client that is held");
  MessagePtr message = Message::Create(fields);
  context_.outbox.cores.push_back(
      {router_.RetainedHome(fields.topic), RoomQuery{.connection = client.id,
                                                     .topic = std::string(fields.topic),
                                                     .bytes = message->bytes()}});
  client.asking = std::make_unique<AskingPublish>(AskingPublish{std::move(message), packet_id});
  context_.outbox.connections.push_back(
      {.kind = ConnectionEffect::Kind::kHold, .connection = client.id});
  context_.outbox.pauses = true;
}

void Shard::OnRoomReply(const RoomReply& reply) {
  Client* const client = ConnectedClient(reply.connection);
  if (client == nullptr || !client->asking) {
    if (reply.room) retained_.Release(*reply.room);
    return;
  }
  const std::unique_ptr<AskingPublish> asking = std::move(client->asking);
  if (reply.room) {
    AcceptPublish(*client, asking->message->fields(), asking->packet_id,
                  {.kind = Retaining::Kind::kYes, .room = *reply.room});
  } else {
    RefuseRetained(*client, asking->message->fields(), asking->packet_id);
  }
  context_.outbox.connections.push_back(
      {.kind = ConnectionEffect::Kind::kRelease, .connection = client->id});
}

// Who can be told keeps the whole message; of others it goes to whoever is there now.
void Shard::RefuseRetained(Client& client, const MessageFields& fields, mqtt::PacketId packet_id) {
  context_.metrics.PublishRefused(metrics::PublishRefusal::kQuotaExceeded);
  if (client.version == mqtt::Version::k5 && fields.qos != QoS::kAtMostOnce)
    return AnswerRefused(client, fields.qos, packet_id, ReasonCode::kQuotaExceeded);
  AcceptPublish(client, fields, packet_id, {});
}

// A PUBREC with an error ends the flow: its packet id is free at once [MQTT-4.3.3-9]. 3.x clients
// cannot be told, and go on as if it were taken (A10).
void Shard::AnswerRefused(Client& client, QoS qos, mqtt::PacketId packet_id, ReasonCode code) {
  if (qos == QoS::kAtMostOnce) return;
  Acknowledge(client, qos == QoS::kExactlyOnce ? PacketType::kPubrec : PacketType::kPuback,
              packet_id, code, {}, 0, false);
}

}  // namespace tandem::broker
