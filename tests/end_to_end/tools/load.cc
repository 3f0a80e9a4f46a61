#include "tests/end_to_end/tools/load.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace tandem::e2e {
namespace {

constexpr std::uint8_t kQosKinds = 3;

std::string Payload(const Stamp& stamp, std::size_t bytes) {
  std::string payload(std::max(bytes, sizeof stamp), 'x');
  std::memcpy(payload.data(), &stamp, sizeof stamp);
  return payload;
}

Stamp StampOf(const Packet& packet) {
  Stamp stamp{};
  if (packet.payload.size() < sizeof stamp) Fail("a payload is cut short");
  std::memcpy(&stamp, packet.payload.data(), sizeof stamp);
  return stamp;
}

}  // namespace

Load::Load(const StormOptions& options, const std::string& filter) : options_(options) {
  for (std::size_t i = 0; i < options.clients * options.hosts.size(); ++i) {
    const std::string& host = options.hosts[i % options.hosts.size()];
    const std::string number = std::to_string(i);
    publishers_.push_back(
        {std::make_unique<MqttClient>(host, "load-pub-" + number), "load/" + number});
    subscribers_.push_back({std::make_unique<MqttClient>(host, "load-sub-" + number)});
    MqttClient& client = *subscribers_.back().client;
    client.Subscribe(filter, 2, 1);
    client.Flush();
    client.Expect(PacketType::kSuback, options.timeout_ms, "SUBACK");
  }
}

double Load::Run(Judge& judge) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  auto last_progress = begin;
  while (!Done(judge)) {
    bool progress = false;
    for (std::size_t i = 0; i < publishers_.size(); ++i) {
      progress |= Advance(publishers_[i], i, judge);
    }
    progress |= WaitAndRead(judge);
    if (progress) last_progress = Clock::now();
    if (Clock::now() - last_progress < std::chrono::milliseconds(options_.timeout_ms)) continue;
    std::string state = "nothing moves;";
    for (std::size_t i = 0; i < publishers_.size(); ++i) {
      state += " [" + std::to_string(publishers_[i].sent) + " sent, " +
               std::to_string(publishers_[i].acknowledged) + " acknowledged, " +
               std::to_string(judge.Complete(i)) + " delivered]";
    }
    Fail(state);
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  ExpectNothingMore(judge);
  return took.count();
}

bool Load::Done(const Judge& judge) const {
  for (std::size_t i = 0; i < publishers_.size(); ++i) {
    if (publishers_[i].acknowledged < options_.count || judge.Complete(i) < options_.count) {
      return false;
    }
  }
  return true;
}

// Sends what the window allows; whether that was anything.
bool Load::Advance(Publisher& publisher, std::size_t number, const Judge& judge) {
  const std::uint64_t before = publisher.sent;
  const std::uint64_t settled = std::min(judge.Complete(number), publisher.acknowledged);
  while (publisher.sent < options_.count && publisher.sent - settled < options_.window) {
    const auto qos = static_cast<std::uint8_t>(publisher.sent % kQosKinds);
    const Stamp stamp{static_cast<std::uint32_t>(number), qos, publisher.next_sequence[qos]++};
    publisher.client->Publish(publisher.topic, Payload(stamp, options_.bytes), qos,
                              static_cast<std::uint16_t>(1 + publisher.sent % 65'535));
    publisher.acknowledged += qos == 0 ? 1 : 0;
    ++publisher.sent;
  }
  if (publisher.sent != before) publisher.client->Flush();
  return publisher.sent != before;
}

bool Load::WaitAndRead(Judge& judge) {
  std::vector<pollfd> waiting;
  for (const Publisher& publisher : publishers_)
    waiting.push_back({publisher.client->fd(), POLLIN, 0});
  for (const Subscriber& subscriber : subscribers_) {
    waiting.push_back({subscriber.client->fd(), POLLIN, 0});
  }
  poll(waiting.data(), waiting.size(), 100);
  bool progress = false;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (waiting[i].revents == 0) continue;
    progress = true;
    const bool publishes = i < publishers_.size();
    const std::size_t number = publishes ? i : i - publishers_.size();
    MqttClient& client = publishes ? *publishers_[number].client : *subscribers_[number].client;
    client.Read(0);
    while (const std::optional<Packet> packet = client.Next()) {
      publishes ? OnAnswer(publishers_[number], *packet) : OnDelivery(number, *packet, judge);
    }
    client.Flush();
  }
  return progress;
}

void Load::OnAnswer(Publisher& publisher, const Packet& packet) {
  switch (packet.type) {
    case PacketType::kPubrec:
      return publisher.client->Acknowledge(PacketType::kPubrel, packet.packet_id);
    case PacketType::kPuback:
    case PacketType::kPubcomp:
      ++publisher.acknowledged;
      return;
    default:
      Fail("a publisher got a packet of type " + std::to_string(static_cast<int>(packet.type)));
  }
}

void Load::OnDelivery(std::size_t number, const Packet& packet, Judge& judge) {
  MqttClient& client = *subscribers_[number].client;
  if (packet.type == PacketType::kPubrel) {
    return client.Acknowledge(PacketType::kPubcomp, packet.packet_id);
  }
  if (packet.type != PacketType::kPublish) {
    Fail("a subscriber got a packet of type " + std::to_string(static_cast<int>(packet.type)));
  }
  const Stamp stamp = StampOf(packet);
  if (stamp.qos != packet.qos || stamp.publisher >= publishers_.size()) {
    Fail("a message came at another QoS, or was never sent");
  }
  judge.Delivered(number, stamp);
  if (packet.qos == 1) client.Acknowledge(PacketType::kPuback, packet.packet_id);
  if (packet.qos == 2) client.Acknowledge(PacketType::kPubrec, packet.packet_id);
}

void Load::ExpectNothingMore(Judge& judge) {
  for (std::size_t i = 0; i < subscribers_.size(); ++i) {
    MqttClient& client = *subscribers_[i].client;
    client.Unsubscribe("none", 2);
    client.Flush();
    for (bool answered = false; !answered;) {
      if (!client.Read(options_.timeout_ms)) Fail("no UNSUBACK at the end");
      while (const std::optional<Packet> packet = client.Next()) {
        answered |= packet->type == PacketType::kUnsuback;
        if (packet->type != PacketType::kUnsuback) OnDelivery(i, *packet, judge);
      }
      client.Flush();
    }
  }
}

}  // namespace tandem::e2e
