// Clients of a shard by themselves, many of them: for what they cost.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/check.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/encoder.h"

namespace tandem::testing {

// Clients are numbered from 0 and speak MQTT 5; what the shard answers is thrown away.
class ShardLoad {
 public:
  explicit ShardLoad(std::size_t clients)
      : shard_({.incarnation = Incarnation{1}}, config_, metrics_),
        decoders_(clients, mqtt::Decoder(mqtt::Sender::kClient)) {
    shard_.SetTime({.mono_ns = 1, .wall_ms = 1});
  }

  broker::Shard& shard() noexcept { return shard_; }

  void Connect(std::size_t client, std::uint32_t session_expiry_s) {
    shard_.OnOpened(IdOf(client), 0);
    const std::string client_id = "client-" + std::to_string(client);
    mqtt::ConnectView connect;
    connect.version = mqtt::Version::k5;
    connect.client_id = client_id;
    connect.session_expiry_s = session_expiry_s;
    mqtt::EncodeConnect(connect, bytes_);
    Feed(client);
  }
  void Subscribe(std::size_t client, const std::string& filter) {
    const mqtt::SubscribeEntry entry{.filter = filter, .options = {.qos = mqtt::QoS::kAtLeastOnce}};
    mqtt::EncodeSubscribe(mqtt::Version::k5, mqtt::PacketId{1}, {&entry, 1}, std::nullopt, bytes_);
    Feed(client);
  }
  void Publish(std::size_t client, const std::string& topic, std::size_t payload_bytes,
               mqtt::QoS qos, bool retain = false) {
    mqtt::PublishHead head;
    head.version = mqtt::Version::k5;
    head.topic = topic;
    head.qos = qos;
    head.retain = retain;
    head.packet_id = qos == mqtt::QoS::kAtMostOnce ? mqtt::kNoPacketId : mqtt::PacketId{1};
    head.payload_bytes = payload_bytes;
    mqtt::EncodePublishHead(head, bytes_);
    std::memset(bytes_.Extend(payload_bytes), 'p', payload_bytes);
    Feed(client);
  }
  void Leave(std::size_t client) {
    shard_.OnClosed(IdOf(client), metrics::CloseReason::kClientClosed);
    shard_.outbox().Clear();
  }

 private:
  static ConnectionId IdOf(std::size_t client) {
    return ConnectionId{std::uint64_t{1} << 32 | client};
  }

  void Feed(std::size_t client) {
    const mqtt::DecodeResult result = decoders_[client].Next(bytes_.bytes());
    TANDEM_CHECK(result.status == mqtt::DecodeStatus::kPacket);
    shard_.OnPacket(IdOf(client), result.packet);
    shard_.EndTurn();
    shard_.NoteFlushed(1);
    shard_.outbox().Clear();
    bytes_.Clear();
  }

  const broker::BrokerConfig config_;  // the shard keeps a reference
  metrics::BrokerMetrics metrics_;
  broker::Shard shard_;
  std::vector<mqtt::Decoder> decoders_;
  ByteBuffer bytes_;
};

}  // namespace tandem::testing
