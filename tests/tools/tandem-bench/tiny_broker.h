// A broker just large enough for the generator's tests, and able to misbehave.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/packet.h"
#include "proto/mqtt/topic.h"
#include "tools/tandem-bench/client.h"

namespace tandem::bench {

// What a client has to say, as its connection would carry it; then it has said it.
inline std::string TakeOutput(Client& client) {
  ClientOutput::Fragments fragments;
  const std::size_t count = client.output().ToFragments(client.shared_payload(), fragments);
  std::string bytes;
  for (const auto& [data, size] : std::span(fragments).first(count))
    bytes.append(AsText({data, size}));
  client.output().Clear();
  return bytes;
}

// Connections are numbers; all of one protocol version. Forwards at once, a message at most once
// per connection; members of a shared group take turns. Packet ids never run out in a test.
class TinyBroker {
 public:
  explicit TinyBroker(mqtt::Version version = mqtt::Version::k5) : version_(version) {}

  // Decides what becomes of a message: how many copies each subscriber gets. Default: one.
  std::function<int(const mqtt::PublishView&)> copies = [](const mqtt::PublishView&) { return 1; };
  mqtt::ReasonCode connack = mqtt::ReasonCode::kSuccess;
  std::optional<std::uint16_t> receive_maximum;
  bool refuses_subscriptions = false;
  int disconnects = 0;
  int pings = 0;
  int kept_sessions = 0;  // that were asked for
  std::size_t subscriptions = 0;

  void Receive(std::uint64_t connection, Bytes bytes) {
    Peer& peer = peers_.try_emplace(connection).first->second;
    peer.tail.append(AsText(bytes));
    for (;;) {
      const mqtt::DecodeResult result = peer.decoder.Next(AsBytes(peer.tail));
      if (result.status != mqtt::DecodeStatus::kPacket) return;
      Handle(peer, result.packet);
      peer.tail.erase(0, result.size);
    }
  }
  ByteBuffer& output(std::uint64_t connection) { return peers_[connection].output; }

 private:
  struct Peer {
    mqtt::Decoder decoder{mqtt::Sender::kClient};
    std::string tail;
    std::vector<std::string> filters;
    ByteBuffer output;
    std::uint16_t next_id = 1;
  };

  void Handle(Peer& peer, const mqtt::Packet& packet) {
    if (const auto* connect = std::get_if<mqtt::ConnectView>(&packet)) {
      if (!connect->clean_start && connect->session_expiry_s > 0) ++kept_sessions;
      mqtt::EncodeConnack(version_, {.reason = connack, .receive_maximum = receive_maximum},
                          peer.output);
    } else if (const auto* subscribe = std::get_if<mqtt::SubscribeView>(&packet)) {
      auto entries = subscribe->entries;
      std::vector<mqtt::ReasonCode> codes;
      while (const auto entry = entries.Next()) {
        peer.filters.emplace_back(entry->filter);
        codes.push_back(refuses_subscriptions ? mqtt::ReasonCode::kNotAuthorized
                                              : static_cast<mqtt::ReasonCode>(entry->options.qos));
        ++subscriptions;
      }
      mqtt::EncodeSuback(version_, {.packet_id = subscribe->packet_id, .codes = codes},
                         peer.output);
    } else if (const auto* publish = std::get_if<mqtt::PublishView>(&packet)) {
      Forward(*publish);
      if (publish->qos == mqtt::QoS::kAtLeastOnce)
        Ack(peer, mqtt::PacketType::kPuback, publish->packet_id);
      if (publish->qos == mqtt::QoS::kExactlyOnce)
        Ack(peer, mqtt::PacketType::kPubrec, publish->packet_id);
    } else if (const auto* ack = std::get_if<mqtt::AckView>(&packet)) {
      if (ack->type == mqtt::PacketType::kPubrec)
        Ack(peer, mqtt::PacketType::kPubrel, ack->packet_id);
      if (ack->type == mqtt::PacketType::kPubrel)
        Ack(peer, mqtt::PacketType::kPubcomp, ack->packet_id);
    } else if (std::holds_alternative<mqtt::PingreqView>(packet)) {
      ++pings;
      mqtt::EncodePingresp(peer.output);
    } else if (std::holds_alternative<mqtt::DisconnectView>(packet)) {
      ++disconnects;
    }
  }

  void Ack(Peer& peer, mqtt::PacketType type, mqtt::PacketId id) {
    mqtt::EncodeAck(version_, {.type = type, .packet_id = id}, peer.output);
  }

  // Whether `peer` has a filter for the topic; of a group only the one whose turn it is.
  bool Wants(const Peer& peer, std::string_view topic) const {
    return std::any_of(peer.filters.begin(), peer.filters.end(),
                       [&](const std::string& filter) { return mqtt::Matches(filter, topic); });
  }
  bool IsMember(const Peer& peer, std::string_view topic) const {
    return std::any_of(peer.filters.begin(), peer.filters.end(), [&](const std::string& filter) {
      const auto shared = mqtt::ParseSharedFilter(filter);
      return shared && mqtt::Matches(shared->filter, topic);
    });
  }

  void Forward(const mqtt::PublishView& message) {
    const int count = copies(message);
    std::vector<Peer*> members;
    for (auto& [number, peer] : peers_) {
      if (IsMember(peer, message.topic)) {
        members.push_back(&peer);
      } else if (Wants(peer, message.topic)) {
        SendTo(peer, message, count);
      }
    }
    if (!members.empty()) SendTo(*members[turn_++ % members.size()], message, count);
  }

  void SendTo(Peer& peer, const mqtt::PublishView& message, int count) {
    for (int i = 0; i < count; ++i) {
      mqtt::PublishHead head{.version = version_,
                             .qos = message.qos,
                             .topic = message.topic,
                             .payload_bytes = message.payload.size()};
      if (message.qos != mqtt::QoS::kAtMostOnce) head.packet_id = mqtt::PacketId{peer.next_id++};
      mqtt::EncodePublishHead(head, peer.output);
      peer.output.Append(message.payload);
    }
  }

  std::size_t turn_ = 0;
  mqtt::Version version_;
  std::map<std::uint64_t, Peer> peers_;
};

}  // namespace tandem::bench
