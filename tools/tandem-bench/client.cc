#include "tools/tandem-bench/client.h"

#include <array>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/reason_code.h"

namespace tandem::bench {

using mqtt::PacketId;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;

Client::Client(ClientSettings settings)
    : settings_(std::move(settings)), decoder_(mqtt::Sender::kServer) {
  decoder_.set_version(settings_.version);
}

void Client::Connect() {
  std::optional<Bytes> password;
  if (settings_.password) password = AsBytes(*settings_.password);
  mqtt::EncodeConnect({.version = settings_.version,
                       .clean_start = settings_.session_expiry_s == 0,
                       .keep_alive_s = settings_.keep_alive_s,
                       .client_id = settings_.client_id,
                       .user_name = settings_.user_name,
                       .password = password,
                       .session_expiry_s = settings_.session_expiry_s},
                      output_.own());
}

void Client::Subscribe(std::span<const std::string_view> filters, QoS qos) {
  std::vector<mqtt::SubscribeEntry> entries;
  for (const std::string_view filter : filters) {
    entries.push_back({.filter = filter, .options = {.qos = qos}});
  }
  mqtt::EncodeSubscribe(settings_.version, PacketId{1}, entries, std::nullopt, output_.own());
}

void Client::Ping() { mqtt::EncodePingreq(output_.own()); }

void Client::Disconnect() { mqtt::EncodeDisconnect(settings_.version, {}, output_.own()); }

void Client::StartAgain() {
  decoder_ = mqtt::Decoder(mqtt::Sender::kServer);
  decoder_.set_version(settings_.version);
  tail_.Clear();
  clipped_.Clear();
  output_.Clear();
  error_.clear();
}

void Client::PreparePublish(std::string_view topic, QoS qos, std::size_t payload_bytes) {
  TANDEM_CHECK(payload_bytes >= kStampBytes);
  qos_ = qos;
  frame_.Clear();
  id_offset_ = mqtt::EncodePublishHead(
      {.version = settings_.version,
       .qos = qos,
       .packet_id = qos == QoS::kAtMostOnce ? mqtt::kNoPacketId : PacketId{1},
       .topic = topic,
       .payload_bytes = payload_bytes},
      frame_);
  stamp_offset_ = frame_.size();
  std::uint8_t* const payload = frame_.Extend(payload_bytes);
  for (std::size_t i = 0; i < payload_bytes; ++i) {
    payload[i] = static_cast<std::uint8_t>('a' + i % 26);
  }
  const std::size_t rest = payload_bytes - kStampBytes;
  copied_bytes_ = frame_.size() - (rest < ClientOutput::kSharedBytesMin ? 0 : rest);
}

void Client::Publish(const Stamp& stamp) {
  TANDEM_DCHECK(CanPublish());
  std::uint8_t* const packet = output_.own().Extend(copied_bytes_);
  std::memcpy(packet, frame_.data(), copied_bytes_);
  WriteStamp(stamp, packet + stamp_offset_);
  if (qos_ != QoS::kAtMostOnce) {
    const std::uint16_t id = TakeId();
    outgoing_[id - 1u] = {stamp.planned_ns, Stage::kSent};
    packet[id_offset_] = static_cast<std::uint8_t>(id >> 8);
    packet[id_offset_ + 1] = static_cast<std::uint8_t>(id & 0xff);
  }
  const Bytes rest = shared_payload();
  if (!rest.empty() && !output_.Share(rest.size())) output_.own().Append(rest);
}

std::uint16_t Client::TakeId() {
  if (!free_ids_.empty()) {
    const std::uint16_t id = free_ids_.back();
    free_ids_.pop_back();
    return id;
  }
  outgoing_.emplace_back();
  return static_cast<std::uint16_t>(outgoing_.size());
}

bool Client::Receive(Bytes bytes, ClientEvents& events) {
  if (clipped_.is_coming()) bytes = ReceiveClipped(bytes, events);
  if (tail_.empty()) {
    const std::size_t taken = ReceiveWhole(bytes, events);
    if (error_.empty()) tail_.Append(bytes.subspan(taken));
  } else {
    tail_.Append(bytes);
    const std::size_t taken = ReceiveWhole(tail_.bytes(), events);
    if (error_.empty()) tail_.Consume(taken);
  }
  return error_.empty();
}

std::size_t Client::ReceiveWhole(Bytes bytes, ClientEvents& events) {
  std::size_t taken = 0;
  while (taken < bytes.size() && error_.empty()) {
    const Bytes rest = bytes.subspan(taken);
    const mqtt::DecodeResult result = decoder_.Next(rest);
    if (result.status == mqtt::DecodeStatus::kNeedMore) {
      if (clipped_.Begin(rest, decoder_)) return bytes.size();
      break;
    }
    if (result.status == mqtt::DecodeStatus::kMalformed) {
      Fail(absl::StrCat("malformed packet: ", result.explanation));
      break;
    }
    Handle(result.packet, events);
    taken += result.size;
  }
  return taken;
}

Bytes Client::ReceiveClipped(Bytes bytes, ClientEvents& events) {
  bytes = clipped_.Skip(bytes);
  if (clipped_.is_coming()) return bytes;
  ReceiveWhole(clipped_.packet(), events);
  clipped_.Clear();
  return bytes;
}

void Client::Handle(const mqtt::Packet& packet, ClientEvents& events) {
  if (const auto* message = std::get_if<mqtt::PublishView>(&packet)) {
    HandleMessage(*message, events);
  } else if (const auto* ack = std::get_if<mqtt::AckView>(&packet)) {
    HandleAck(*ack, events);
  } else if (const auto* connack = std::get_if<mqtt::ConnackView>(&packet)) {
    HandleConnack(*connack, events);
  } else if (const auto* suback = std::get_if<mqtt::SubackView>(&packet)) {
    events.OnSuback(*this, suback->codes);
  } else if (const auto* disconnect = std::get_if<mqtt::DisconnectView>(&packet)) {
    Fail(absl::StrCat("the broker disconnects: ", ToAbsl(mqtt::Name(disconnect->reason))));
  }
}

void Client::HandleConnack(const mqtt::ConnackView& connack, ClientEvents& events) {
  receive_maximum_ = connack.receive_maximum.value_or(65'535);
  events.OnConnack(*this, connack.reason);
}

void Client::HandleMessage(const mqtt::PublishView& message, ClientEvents& events) {
  switch (message.qos) {
    case QoS::kAtMostOnce:
      events.OnMessage(*this, message);
      return;
    case QoS::kAtLeastOnce:
      events.OnMessage(*this, message);
      SendAck(PacketType::kPuback, message.packet_id);
      return;
    case QoS::kExactlyOnce:
      if (incoming_.empty()) incoming_.resize(kPacketIds + 1);
      const auto id = static_cast<std::size_t>(message.packet_id);
      if (!incoming_[id]) {
        incoming_[id] = true;
        events.OnMessage(*this, message);
      }
      SendAck(PacketType::kPubrec, message.packet_id);
      return;
  }
}

void Client::HandleAck(const mqtt::AckView& ack, ClientEvents& events) {
  const auto id = static_cast<std::uint16_t>(ack.packet_id);
  if (ack.type == PacketType::kPubrel) {
    if (id < incoming_.size()) incoming_[id] = false;
    SendAck(PacketType::kPubcomp, ack.packet_id);
    return;
  }
  const Stage stage = id <= outgoing_.size() ? outgoing_[id - 1u].stage : Stage::kFree;
  const bool is_first_ack = ack.type != PacketType::kPubcomp;
  if (stage != (is_first_ack ? Stage::kSent : Stage::kReleased)) {
    Fail(absl::StrCat(ToAbsl(mqtt::Name(ack.type)), " for packet id ", id,
                      ", which does not wait for it"));
    return;
  }
  if (ack.type == PacketType::kPubrec && !mqtt::IsError(ack.reason)) {
    outgoing_[id - 1u].stage = Stage::kReleased;
    SendAck(PacketType::kPubrel, ack.packet_id);
    return;
  }
  Complete(id, ack.reason, events);
}

void Client::Complete(std::uint16_t id, ReasonCode reason, ClientEvents& events) {
  outgoing_[id - 1u].stage = Stage::kFree;
  free_ids_.push_back(id);
  events.OnAcknowledged(*this, outgoing_[id - 1u].planned_ns, reason);
}

void Client::SendAck(PacketType type, PacketId id) {
  mqtt::EncodeAck(settings_.version, {.type = type, .packet_id = id}, output_.own());
}

void Client::Fail(std::string error) { error_ = std::move(error); }

}  // namespace tandem::bench
