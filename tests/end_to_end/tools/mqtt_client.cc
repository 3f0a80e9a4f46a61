#include "tests/end_to_end/tools/mqtt_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tandem::e2e {
namespace {

constexpr std::uint16_t kMqttPort = 1883;

int Dial(const std::string& host) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kMqttPort);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) Fail(host + " is no IPv4 address");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Fail("connect to " + host + ": " + std::strerror(errno));
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

std::uint16_t U16At(std::string_view bytes, std::size_t at) {
  if (bytes.size() < at + 2) Fail("a packet ends early");
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

}  // namespace

void Fail(const std::string& words) {
  std::printf("FAILED: %s\n", words.c_str());
  std::fflush(stdout);
  std::_Exit(1);
}

MqttClient::MqttClient(const std::string& host, const std::string& client_id,
                       std::size_t receive_bytes)
    : fd_(Dial(host)), name_(client_id + " at " + host), in_(receive_bytes) {
  AppendHeader(0x10, 6 + 1 + 1 + 2 + 2 + client_id.size());
  AppendText("MQTT");
  out_ += {4, 2, 0, 0};  // level 3.1.1, clean session, no keep alive
  AppendText(client_id);
  Flush();
  const Packet connack = Expect(PacketType::kConnack, 10'000, "CONNACK");
  if (connack.packet_id != 0) Fail(name_ + ": CONNACK refuses");
}

MqttClient::~MqttClient() { close(fd_); }

void MqttClient::Subscribe(std::string_view filter, std::uint8_t qos, std::uint16_t packet_id) {
  AppendHeader(0x82, 2 + 2 + filter.size() + 1);
  AppendU16(packet_id);
  AppendText(filter);
  out_ += static_cast<char>(qos);
}

void MqttClient::Unsubscribe(std::string_view filter, std::uint16_t packet_id) {
  AppendHeader(0xA2, 2 + 2 + filter.size());
  AppendU16(packet_id);
  AppendText(filter);
}

void MqttClient::Publish(std::string_view topic, std::string_view payload, std::uint8_t qos,
                         std::uint16_t packet_id) {
  const std::size_t id_bytes = qos > 0 ? 2 : 0;
  AppendHeader(static_cast<std::uint8_t>(0x30 | qos << 1),
               2 + topic.size() + id_bytes + payload.size());
  AppendText(topic);
  if (qos > 0) AppendU16(packet_id);
  out_ += payload;
}

void MqttClient::Acknowledge(PacketType type, std::uint16_t packet_id) {
  const unsigned flags = type == PacketType::kPubrel ? 2 : 0;
  AppendHeader(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags), 2);
  AppendU16(packet_id);
}

void MqttClient::Flush() {
  for (std::size_t sent = 0; sent < out_.size();) {
    const ssize_t count = send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (count < 0) Fail(name_ + ": send: " + std::strerror(errno));
    sent += static_cast<std::size_t>(count);
  }
  out_.clear();
}

bool MqttClient::Read(int timeout_ms) {
  if (begin_ > 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == in_.size()) Fail(name_ + ": a packet is larger than the receive buffer");
  pollfd waiting{fd_, POLLIN, 0};
  if (poll(&waiting, 1, timeout_ms) == 0) return false;
  const ssize_t count = recv(fd_, in_.data() + end_, in_.size() - end_, 0);
  if (count < 0) Fail(name_ + ": receive: " + std::strerror(errno));
  if (count == 0) Fail(name_ + ": the broker closed the connection");
  end_ += static_cast<std::size_t>(count);
  return true;
}

std::optional<Packet> MqttClient::Next() {
  std::size_t length = 0;
  for (std::size_t at = begin_ + 1, shift = 0; at < end_ && shift < 28; ++at, shift += 7) {
    length |= (static_cast<unsigned char>(in_[at]) & 0x7Fu) << shift;
    if ((static_cast<unsigned char>(in_[at]) & 0x80u) != 0) continue;
    if (end_ - at - 1 < length) return std::nullopt;
    const auto first_byte = static_cast<std::uint8_t>(in_[begin_]);
    begin_ = at + 1 + length;
    return Decode(first_byte, {in_.data() + at + 1, length});
  }
  return std::nullopt;
}

Packet MqttClient::Decode(std::uint8_t first_byte, std::string_view body) const {
  Packet packet{static_cast<PacketType>(first_byte >> 4)};
  if (packet.type != PacketType::kPublish) {
    packet.packet_id = U16At(body, 0);
    packet.payload = body.substr(2);
    return packet;
  }
  packet.qos = first_byte >> 1 & 3;
  packet.duplicate = (first_byte & 8) != 0;
  const std::size_t topic_bytes = U16At(body, 0);
  packet.topic = body.substr(2, topic_bytes);
  std::size_t at = 2 + topic_bytes;
  if (packet.qos > 0) {
    packet.packet_id = U16At(body, at);
    at += 2;
  }
  packet.payload = body.substr(at);
  return packet;
}

Packet MqttClient::Expect(PacketType type, int timeout_ms, const std::string& what) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    if (const std::optional<Packet> packet = Next()) {
      if (packet->type == type) return *packet;
      Fail(name_ + ": packet of type " + std::to_string(static_cast<int>(packet->type)) +
           " instead of " + what);
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0 || !Read(static_cast<int>(left.count()))) {
      Fail(name_ + ": no " + what + " within " + std::to_string(timeout_ms) + " ms");
    }
  }
}

void MqttClient::AppendHeader(std::uint8_t first_byte, std::size_t body_bytes) {
  out_ += static_cast<char>(first_byte);
  for (std::size_t rest = body_bytes;;) {
    const std::size_t digit = rest & 0x7F;
    rest >>= 7;
    out_ += static_cast<char>(digit | (rest > 0 ? 0x80u : 0u));
    if (rest == 0) return;
  }
}

void MqttClient::AppendText(std::string_view text) {
  AppendU16(static_cast<std::uint16_t>(text.size()));
  out_ += text;
}

void MqttClient::AppendU16(std::uint16_t number) {
  out_ += static_cast<char>(number >> 8);
  out_ += static_cast<char>(number & 0xFF);
}

}  // namespace tandem::e2e
