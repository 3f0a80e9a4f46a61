// One MQTT client of the load, without its socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/packet.h"
#include "tools/tandem-bench/client_output.h"
#include "tools/tandem-bench/clipped_message.h"
#include "tools/tandem-bench/stamp.h"

namespace tandem::bench {

class Client;

// What a client learns from the broker; called from Client::Receive().
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  virtual void OnConnack(Client& client, mqtt::ReasonCode reason) = 0;
  virtual void OnSuback(Client& client, std::span<const mqtt::ReasonCode> codes) = 0;
  // An application message: QoS 2 repetitions are already removed. Views live until it returns. Of
  // a large payload only the start is there (ClippedMessage).
  virtual void OnMessage(Client& client, const mqtt::PublishView& message) = 0;
  // A publish is complete (PUBACK; PUBCOMP or a PUBREC that refuses). `planned_ns` as published.
  virtual void OnAcknowledged(Client& client, MonoNs planned_ns, mqtt::ReasonCode reason) = 0;
};

struct ClientSettings {
  std::uint32_t index = 0;  // the caller's number for it
  std::string client_id;
  mqtt::Version version = mqtt::Version::k5;
  std::uint16_t keep_alive_s = 300;
  std::optional<std::string> user_name{};
  std::optional<std::string> password{};
  std::uint32_t session_expiry_s = 0;  // 0: a clean session, which ends with the connection
};

// The client's side of the protocol: bytes in, bytes out, no state kept for a next connection.
// Everything it has to say is appended to output(), which the caller sends and clears. Publishing
// copies a prepared frame, of a large one only the start, and writes stamp and packet id into it,
// because the generator must be faster than any broker.
class Client {
 public:
  explicit Client(ClientSettings settings);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Connect();
  void Subscribe(std::span<const std::string_view> filters, mqtt::QoS qos);
  void Ping();
  void Disconnect();
  // A new connection: what the old one left half read or unsent is forgotten.
  void StartAgain();

  // Fixes what Publish() sends. `payload_bytes` is at least kStampBytes; what follows the stamp is
  // filled with a pattern.
  void PreparePublish(std::string_view topic, mqtt::QoS qos, std::size_t payload_bytes);
  // False while all packet ids are in use that the broker's Receive Maximum allows.
  bool CanPublish() const noexcept {
    return qos_ == mqtt::QoS::kAtMostOnce || !free_ids_.empty() ||
           outgoing_.size() < receive_maximum_;
  }
  // Needs PreparePublish() and CanPublish().
  void Publish(const Stamp& stamp);

  // Takes bytes from the broker. False if they break the protocol; error() says how, and the
  // connection is to be closed.
  bool Receive(Bytes bytes, ClientEvents& events);

  std::uint32_t index() const noexcept { return settings_.index; }
  const std::string& client_id() const noexcept { return settings_.client_id; }
  ClientOutput& output() noexcept { return output_; }
  // What output() shares; it stays where it is as long as the client.
  Bytes shared_payload() const noexcept { return frame_.bytes().subspan(copied_bytes_); }
  const std::string& error() const noexcept { return error_; }
  // Publishes that the broker has not acknowledged yet.
  std::size_t unacknowledged() const noexcept { return outgoing_.size() - free_ids_.size(); }

 private:
  enum class Stage : std::uint8_t { kFree, kSent, kReleased };
  // A publish of QoS 1 or 2 that is under way; its packet id is its place + 1.
  struct Outgoing {
    MonoNs planned_ns = 0;
    Stage stage = Stage::kFree;
  };

  // Handles the packets that are complete; returns the bytes they took, or nothing good after
  // Fail(). What is left begins a packet; if that is large, it is clipped, and nothing is left.
  std::size_t ReceiveWhole(Bytes bytes, ClientEvents& events);
  Bytes ReceiveClipped(Bytes bytes, ClientEvents& events);
  void Handle(const mqtt::Packet& packet, ClientEvents& events);
  void HandleConnack(const mqtt::ConnackView& connack, ClientEvents& events);
  void HandleMessage(const mqtt::PublishView& message, ClientEvents& events);
  void HandleAck(const mqtt::AckView& ack, ClientEvents& events);
  void Complete(std::uint16_t id, mqtt::ReasonCode reason, ClientEvents& events);
  void SendAck(mqtt::PacketType type, mqtt::PacketId id);
  std::uint16_t TakeId();
  void Fail(std::string error);

  const ClientSettings settings_;
  mqtt::Decoder decoder_;
  ByteBuffer tail_;  // of a packet that has not arrived completely
  ClippedMessage clipped_;
  ClientOutput output_;
  std::string error_;

  mqtt::QoS qos_{};
  ByteBuffer frame_;  // a whole PUBLISH
  std::size_t id_offset_ = 0;
  std::size_t stamp_offset_ = 0;
  std::size_t copied_bytes_ = 0;  // of frame_, each time
  std::size_t receive_maximum_ = 65'535;
  std::vector<Outgoing> outgoing_;
  std::vector<std::uint16_t> free_ids_;  // those of outgoing_ that are free; reused while warm
  std::vector<bool> incoming_;           // QoS 2: ids received and not released; empty until needed
};

}  // namespace tandem::bench
