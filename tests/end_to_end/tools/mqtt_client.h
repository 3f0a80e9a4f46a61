// A minimal MQTT 3.1.1 client for load tests: its wire code is its own on purpose, so that a
// mistake of the broker's codec cannot hide behind the same mistake here. Broken bytes end the
// program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::e2e {

enum class PacketType : std::uint8_t {
  kConnack = 2,
  kPublish = 3,
  kPuback = 4,
  kPubrec = 5,
  kPubrel = 6,
  kPubcomp = 7,
  kSuback = 9,
  kUnsuback = 11,
};

struct Packet {
  PacketType type;
  std::uint8_t qos = 0;         // of a PUBLISH
  bool duplicate = false;       // of a PUBLISH
  std::uint16_t packet_id = 0;  // 0: none
  std::string_view topic;       // of a PUBLISH
  std::string_view payload;     // of a PUBLISH; else what follows the packet id
};

// Prints the words and ends the program with 1: the promise under test is broken.
[[noreturn]] void Fail(const std::string& words);

// One connection, used by one thread. Writes block, reads wait as long as they are told.
class MqttClient {
 public:
  // Connects as `client_id` with a clean session and no keep alive; returns after CONNACK.
  // `receive_bytes`: room for the largest packet.
  MqttClient(const std::string& host, const std::string& client_id,
             std::size_t receive_bytes = 256 << 10);
  ~MqttClient();
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  int fd() const { return fd_; }

  // Packets of these wait in a buffer until Flush.
  void Subscribe(std::string_view filter, std::uint8_t qos, std::uint16_t packet_id);
  void Unsubscribe(std::string_view filter, std::uint16_t packet_id);
  void Publish(std::string_view topic, std::string_view payload, std::uint8_t qos,
               std::uint16_t packet_id);
  void Acknowledge(PacketType type, std::uint16_t packet_id);
  void Flush();

  // Reads what the socket has, waiting up to `timeout_ms` for the first byte; false if none came.
  // Packets handed out before become invalid.
  bool Read(int timeout_ms);
  // The next whole packet that was read; valid until the next Read.
  std::optional<Packet> Next();

  // Waits for a packet of this type, and fails with `what` if it is late or another comes first.
  Packet Expect(PacketType type, int timeout_ms, const std::string& what);

 private:
  void AppendHeader(std::uint8_t first_byte, std::size_t body_bytes);
  void AppendText(std::string_view text);
  void AppendU16(std::uint16_t number);
  Packet Decode(std::uint8_t first_byte, std::string_view body) const;

  int fd_;
  std::string name_;
  std::string out_;
  std::vector<char> in_;
  std::size_t begin_ = 0;  // of what is read and not handed out
  std::size_t end_ = 0;
};

}  // namespace tandem::e2e
