#include "tests/support/mqtt_client.h"

#include <algorithm>

#include "proto/mqtt/encoder.h"
#include "proto/mqtt/property.h"

namespace tandem::testing {

using mqtt::PacketId;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;

void MqttClient::SendConnect(mqtt::ConnectView connect) {
  connect.version = version_;
  connect.client_id = id_;
  if (version_ != mqtt::Version::k5) {
    connect.session_expiry_s = 0;
    connect.receive_maximum = 65'535;
    connect.maximum_packet_size = UINT32_MAX;
  }
  receive_maximum_ = connect.receive_maximum;
  packet_bytes_max_ = connect.maximum_packet_size;
  mqtt::EncodeConnect(connect, outgoing_);
}

std::uint16_t MqttClient::NextId() {
  do {
    last_id_ = static_cast<std::uint16_t>(last_id_ % publish_ids_max + 1);
  } while (publishing_.contains(last_id_));
  return last_id_;
}

std::uint16_t MqttClient::NextRequestId() {
  last_request_id_ = last_request_id_ == 65'535 ? 60'001 : last_request_id_ + 1;
  return last_request_id_;
}

std::uint16_t MqttClient::SendSubscribe(const std::vector<mqtt::SubscribeEntry>& entries,
                                        std::optional<std::uint32_t> identifier) {
  const std::uint16_t id = NextRequestId();
  mqtt::EncodeSubscribe(version_, PacketId{id}, entries, identifier, outgoing_);
  return id;
}

std::uint16_t MqttClient::SendUnsubscribe(const std::vector<std::string_view>& filters) {
  const std::uint16_t id = NextRequestId();
  mqtt::EncodeUnsubscribe(version_, PacketId{id}, filters, outgoing_);
  return id;
}

std::uint16_t MqttClient::SendPublish(std::string_view topic, std::string_view payload, int qos,
                                      const PublishOptions& options) {
  Outgoing message{.topic = std::string(topic),
                   .payload = std::string(payload),
                   .qos = qos,
                   .retain = options.retain};
  const std::uint16_t id = qos == 0 ? 0 : options.packet_id != 0 ? options.packet_id : NextId();
  WritePublish(id, message, options);
  if (qos != 0 && publishing_.emplace(id, std::move(message)).second) {
    publishing_order_.push_back(id);
  }
  return id;
}

void MqttClient::WritePublish(std::uint16_t id, const Outgoing& message,
                              const PublishOptions& options) {
  mqtt::EncodePublishHead({.version = version_,
                           .dup = options.dup,
                           .qos = static_cast<QoS>(message.qos),
                           .retain = message.retain,
                           .packet_id = PacketId{id},
                           .topic = message.topic,
                           .topic_alias = options.alias,
                           .message_expiry_s = options.expiry_s,
                           .payload_bytes = message.payload.size()},
                          outgoing_);
  outgoing_.Append(AsBytes(message.payload));
}

void MqttClient::Resend() {
  for (const std::uint16_t id : publishing_order_) {
    const Outgoing& message = publishing_.at(id);
    if (message.received) {
      SendAck(PacketType::kPubrel, id);
    } else {
      WritePublish(id, message, {.dup = true});
    }
  }
}

void MqttClient::ForgetSession() {
  publishing_.clear();
  publishing_order_.clear();
  receiving_.clear();
}

void MqttClient::SendAck(PacketType type, std::uint16_t packet_id, ReasonCode reason) {
  mqtt::EncodeAck(version_, {.type = type, .packet_id = PacketId{packet_id}, .reason = reason},
                  outgoing_);
  const bool ends = type == PacketType::kPuback || type == PacketType::kPubcomp ||
                    (type == PacketType::kPubrec && mqtt::IsError(reason));
  if (ends) unacknowledged_.erase(packet_id);
  if (type == PacketType::kPubrec && mqtt::IsError(reason)) receiving_.erase(packet_id);
}

void MqttClient::SendPing() { mqtt::EncodePingreq(outgoing_); }

void MqttClient::SendDisconnect(const mqtt::DisconnectView& disconnect) {
  mqtt::EncodeDisconnect(version_, disconnect, outgoing_);
}

void MqttClient::OnOpened() {
  open_ = true;
  connack.reset();
  disconnected.reset();
  decoder_ = mqtt::Decoder(mqtt::Sender::kServer);
  decoder_.set_version(version_);
  incoming_.Clear();
  outgoing_.Clear();
  unacknowledged_.clear();
}

void MqttClient::OnClosed() { open_ = false; }

void MqttClient::OnBytes(Bytes bytes) {
  incoming_.Append(bytes);
  std::size_t at = 0;
  while (at < incoming_.size()) {
    const auto result = decoder_.Next(incoming_.bytes().subspan(at));
    if (result.status == mqtt::DecodeStatus::kNeedMore) break;
    if (result.status == mqtt::DecodeStatus::kMalformed) {
      Fault(std::string("cannot read the server: ") + result.explanation);
      at = incoming_.size();
      break;
    }
    if (result.size > packet_bytes_max_) Fault("a packet above the Maximum Packet Size");
    OnPacket(result.packet);
    at += result.size;
  }
  incoming_.Consume(at);
}

void MqttClient::OnPacket(const mqtt::Packet& packet) {
  if (disconnected) Fault("a packet behind DISCONNECT");
  if (!std::holds_alternative<mqtt::ConnackView>(packet) && !connack) {
    Fault("a packet before CONNACK");
  }
  if (const auto* connack_view = std::get_if<mqtt::ConnackView>(&packet)) {
    OnConnack(*connack_view);
  } else if (const auto* publish = std::get_if<mqtt::PublishView>(&packet)) {
    OnPublish(*publish);
  } else if (const auto* ack = std::get_if<mqtt::AckView>(&packet)) {
    OnAck(*ack);
  } else if (const auto* suback = std::get_if<mqtt::SubackView>(&packet)) {
    answers.push_back({PacketType::kSuback,
                       static_cast<std::uint16_t>(suback->packet_id),
                       {suback->codes.begin(), suback->codes.end()}});
  } else if (const auto* unsuback = std::get_if<mqtt::UnsubackView>(&packet)) {
    answers.push_back({PacketType::kUnsuback,
                       static_cast<std::uint16_t>(unsuback->packet_id),
                       {unsuback->codes.begin(), unsuback->codes.end()}});
  } else if (const auto* disconnect = std::get_if<mqtt::DisconnectView>(&packet)) {
    disconnected = disconnect->reason;
  } else if (std::holds_alternative<mqtt::PingrespView>(packet)) {
    ++pings;
  }
}

void MqttClient::OnConnack(const mqtt::ConnackView& view) {
  if (connack) Fault("a second CONNACK");
  connack = Connack{.session_present = view.session_present,
                    .reason = view.reason,
                    .session_expiry_s = view.session_expiry_s,
                    .server_keep_alive_s = view.server_keep_alive_s,
                    .assigned_client_id = std::string(view.assigned_client_id.value_or(""))};
  if (view.session_present) return;
  receiving_.clear();
}

void MqttClient::OnPublish(const mqtt::PublishView& publish) {
  const auto id = static_cast<std::uint16_t>(publish.packet_id);
  Received message{.topic = std::string(publish.topic),
                   .payload = std::string(AsText(publish.payload)),
                   .qos = publish.qos,
                   .retain = publish.retain,
                   .dup = publish.dup,
                   .packet_id = id,
                   .expiry_s = publish.message_expiry_s};
  mqtt::PropertyReader reader(publish.properties);
  for (mqtt::Property property; reader.Next(property);) {
    if (property.id == mqtt::PropertyId::kSubscriptionIdentifier) {
      message.identifiers.push_back(property.number);
    }
  }
  std::sort(message.identifiers.begin(), message.identifiers.end());
  if (publish.qos == QoS::kAtMostOnce) {
    received.push_back(std::move(message));
    return;
  }
  if (!unacknowledged_.insert(id).second) {
    Fault("packet id " + std::to_string(id) + " is in use");
  }
  if (unacknowledged_.size() > receive_maximum_) Fault("above Receive Maximum");
  if (publish.qos == QoS::kExactlyOnce && !receiving_.insert(id).second) {
    if (!publish.dup) Fault("a QoS 2 repeat without DUP");
    ++repeats;
  } else {
    received.push_back(std::move(message));
  }
  if (!acknowledges) return;
  SendAck(publish.qos == QoS::kExactlyOnce ? PacketType::kPubrec : PacketType::kPuback, id);
}

void MqttClient::OnAck(const mqtt::AckView& ack) {
  const auto id = static_cast<std::uint16_t>(ack.packet_id);
  if (ack.type == PacketType::kPubrel) {
    receiving_.erase(id);
    if (acknowledges) {
      SendAck(PacketType::kPubcomp, id);
    } else {
      answers.push_back({ack.type, id, {ack.reason}});
      unacknowledged_.insert(id);
    }
    return;
  }
  answers.push_back({ack.type, id, {ack.reason}});
  const auto it = publishing_.find(id);
  if (it == publishing_.end()) return;
  if (ack.type == PacketType::kPubrec && !mqtt::IsError(ack.reason)) {
    it->second.received = true;
    if (releases) SendAck(PacketType::kPubrel, id);
    return;
  }
  publishing_.erase(it);
  std::erase(publishing_order_, id);
}

std::vector<std::string> MqttClient::Payloads() const {
  std::vector<std::string> payloads;
  for (const Received& message : received) payloads.push_back(message.payload);
  return payloads;
}

std::optional<Answer> MqttClient::AnswerTo(PacketType type, std::uint16_t packet_id) const {
  for (const Answer& answer : answers) {
    if (answer.type == type && answer.packet_id == packet_id) return answer;
  }
  return std::nullopt;
}

void MqttClient::ForgetSeen() {
  received.clear();
  answers.clear();
  repeats = 0;
}

}  // namespace tandem::testing
