// A scripted MQTT client for worlds without sockets: it writes and reads the bytes of the wire.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/packet.h"

namespace tandem::testing {

// A message as the application behind the client gets it.
struct Received {
  std::string topic;
  std::string payload;
  mqtt::QoS qos{};
  bool retain = false;
  bool dup = false;
  std::uint16_t packet_id = 0;
  std::vector<std::uint32_t> identifiers;
  std::optional<std::uint32_t> expiry_s;
};

// An acknowledgement of something that the client sent, in the order of arrival.
struct Answer {
  mqtt::PacketType type{};
  std::uint16_t packet_id = 0;
  std::vector<mqtt::ReasonCode> codes;
};

struct Connack {
  bool session_present = false;
  mqtt::ReasonCode reason{};
  std::optional<std::uint32_t> session_expiry_s;
  std::optional<std::uint16_t> server_keep_alive_s;
  std::string assigned_client_id;
};

struct PublishOptions {
  bool retain = false;
  bool dup = false;
  std::uint16_t packet_id = 0;  // 0: the next free one
  std::optional<std::uint32_t> expiry_s{};
  std::optional<std::uint16_t> alias{};
};

// Keeps what a client keeps between its connections: the packet ids of both directions that are not
// done. Watches the server meanwhile: what breaks the standard is noted in `faults`.
class MqttClient {
 public:
  explicit MqttClient(std::string id, mqtt::Version version = mqtt::Version::k5)
      : id_(std::move(id)), version_(version), decoder_(mqtt::Sender::kServer) {}

  const std::string& id() const { return id_; }
  mqtt::Version version() const { return version_; }

  // What to send. Each only writes into outgoing(); the world moves it.
  void SendConnect(mqtt::ConnectView connect);  // fills in client id and version
  std::uint16_t SendSubscribe(const std::vector<mqtt::SubscribeEntry>& entries,
                              std::optional<std::uint32_t> identifier = {});
  std::uint16_t SendUnsubscribe(const std::vector<std::string_view>& filters);
  // Yields the packet id, 0 for QoS 0.
  std::uint16_t SendPublish(std::string_view topic, std::string_view payload, int qos,
                            const PublishOptions& options = {});
  void SendAck(mqtt::PacketType type, std::uint16_t packet_id,
               mqtt::ReasonCode reason = mqtt::ReasonCode::kSuccess);
  void SendPing();
  void SendDisconnect(const mqtt::DisconnectView& disconnect = {});
  void SendBytes(Bytes bytes) { outgoing_.Append(bytes); }
  // A new session begins: nothing of the old one is owed.
  void ForgetSession();
  // Of the publishes that no final acknowledgement came for: PUBLISH with DUP, or PUBREL.
  void Resend();

  std::uint16_t publish_ids_max = 60'000;  // packet ids of publishes are 1 up to this

  // How it behaves on its own.
  bool acknowledges = true;  // PUBACK, PUBREC and PUBCOMP at once
  bool releases = true;      // PUBREL at once
  bool reads = true;         // the world gives it what the server sends

  // What it has seen, since the last ForgetSeen() where it is a list.
  std::vector<Received> received;
  std::vector<Answer> answers;
  std::optional<Connack> connack;                // of the present connection
  std::optional<mqtt::ReasonCode> disconnected;  // the DISCONNECT of the server
  std::uint64_t repeats = 0;  // QoS 2 PUBLISH again, not given to the application
  std::uint64_t pings = 0;
  std::vector<std::string> faults;
  std::vector<std::string> Payloads() const;
  std::optional<Answer> AnswerTo(mqtt::PacketType type, std::uint16_t packet_id) const;
  void ForgetSeen();

  // Whether a connection is there, as the client sees it.
  bool open() const { return open_; }
  bool connected() const {
    return open_ && connack && connack->reason == mqtt::ReasonCode::kSuccess;
  }
  std::size_t unacknowledged() const { return unacknowledged_.size(); }
  std::size_t publishing() const { return publishing_.size(); }

  // For the world.
  void OnOpened();
  void OnBytes(Bytes bytes);
  void OnClosed();
  ByteBuffer& outgoing() { return outgoing_; }

 private:
  struct Outgoing {
    std::string topic;
    std::string payload;
    int qos = 0;
    bool retain = false;
    bool received = false;  // PUBREC came
  };

  void OnPacket(const mqtt::Packet& packet);
  void OnPublish(const mqtt::PublishView& publish);
  void OnAck(const mqtt::AckView& ack);
  void OnConnack(const mqtt::ConnackView& view);
  void Fault(const std::string& what) { faults.push_back(id_ + ": " + what); }
  std::uint16_t NextId();
  std::uint16_t NextRequestId();
  void WritePublish(std::uint16_t id, const Outgoing& message, const PublishOptions& options);

  std::string id_;
  mqtt::Version version_;
  bool open_ = false;
  mqtt::Decoder decoder_;
  ByteBuffer incoming_;
  ByteBuffer outgoing_;
  std::uint32_t receive_maximum_ = 65'535;
  std::uint32_t packet_bytes_max_ = UINT32_MAX;

  std::uint16_t last_id_ = 0;
  std::uint16_t last_request_id_ =
      60'000;  // of SUBSCRIBE and UNSUBSCRIBE, above those of publishes
  std::map<std::uint16_t, Outgoing> publishing_;  // not finally acknowledged by the server
  std::vector<std::uint16_t> publishing_order_;   // in the order of first sending
  std::set<std::uint16_t> receiving_;             // QoS 2 from the server, waiting for PUBREL
  std::set<std::uint16_t> unacknowledged_;        // of this connection, not finally acknowledged
};

}  // namespace tandem::testing
