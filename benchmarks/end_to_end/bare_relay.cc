// What a broker costs at the least: the transport, the codec, one table of topics, and none of the
// promises. `run --other 'ceiling=.../bare_relay {port}'` measures it beside real brokers.
//
// It keeps no session and no queue, checks nothing, knows no wildcards, hands on packets as they
// came, and understands only what tandem-bench's pairs and fan-outs say: QoS 0, and QoS 1 where a
// topic has one subscriber.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/byte_buffer.h"
#include "engine/base/strings.h"
#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/uring_transport.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/encoder.h"

namespace tandem {
namespace {

using reactor::SentNotice;

class Relay : public reactor::NullHandler {
 public:
  explicit Relay(reactor::UringTransport& transport) : transport_(transport) {}

  void Turn() {
    const MonoNs now = reactor::MonotonicNow();
    transport_.Poll(now, *this);
    for (const ConnectionId id : std::exchange(dirty_, {})) Flush(id);
    transport_.Wait(now, kNever);
  }

  void OnAccepted(reactor::ListenerId, ConnectionId id, const reactor::Endpoint&) {
    if (clients_.size() <= SlotOf(id)) clients_.resize(SlotOf(id) + 1);
    clients_[SlotOf(id)] = std::make_unique<Client>();
  }
  void OnReceived(ConnectionId id, reactor::ReceivedSlice slice) {
    Client& client = Of(id);
    client.input.Append(slice.bytes);
    transport_.Release(slice);
    std::size_t used = 0;
    for (;;) {
      const Bytes rest = client.input.bytes().subspan(used);
      const mqtt::DecodeResult result = client.decoder.Next(rest);
      if (result.status == mqtt::DecodeStatus::kMalformed) std::abort();
      if (result.status == mqtt::DecodeStatus::kNeedMore) break;
      OnPacket(id, client, result.packet, rest.first(result.size));
      used += result.size;
    }
    client.input.Consume(used);
  }
  void OnSent(ConnectionId id) {
    Of(id).in_flight.Clear();
    Of(id).is_sending = false;
    if (!Of(id).output.empty()) dirty_.push_back(id);
  }
  void OnClosed(ConnectionId id, reactor::CloseReason) {
    clients_[SlotOf(id)] = nullptr;
    for (auto& [topic, subscribers] : subscribers_) std::erase(subscribers, id);
  }

 private:
  struct Client {
    mqtt::Decoder decoder{mqtt::Sender::kClient};
    ByteBuffer input, output, in_flight;
    bool is_sending = false;
  };
  static std::size_t SlotOf(ConnectionId id) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
  }
  Client& Of(ConnectionId id) { return *clients_[SlotOf(id)]; }
  ByteBuffer& OutputOf(ConnectionId id) {
    Client& client = Of(id);
    if (client.output.empty()) dirty_.push_back(id);
    return client.output;
  }

  void OnPacket(ConnectionId id, Client& client, const mqtt::Packet& packet, Bytes bytes) {
    const mqtt::Version version = client.decoder.version();
    if (const auto* const publish = std::get_if<mqtt::PublishView>(&packet)) {
      const auto subscribers = subscribers_.find(ToAbsl(publish->topic));
      if (subscribers != subscribers_.end())
        for (const ConnectionId subscriber : subscribers->second)
          OutputOf(subscriber).Append(bytes);
      if (publish->qos == mqtt::QoS::kAtLeastOnce) {
        mqtt::EncodeAck(version,
                        {.type = mqtt::PacketType::kPuback, .packet_id = publish->packet_id},
                        OutputOf(id));
      }
    } else if (std::holds_alternative<mqtt::ConnectView>(packet)) {
      mqtt::EncodeConnack(version, {}, OutputOf(id));
    } else if (const auto* const subscribe = std::get_if<mqtt::SubscribeView>(&packet)) {
      mqtt::SubscribeEntries entries = subscribe->entries;
      std::vector<mqtt::ReasonCode> codes;
      while (const auto entry = entries.Next()) {
        subscribers_[ToAbsl(entry->filter)].push_back(id);
        codes.push_back(static_cast<mqtt::ReasonCode>(entry->options.qos));
      }
      mqtt::EncodeSuback(version, {.packet_id = subscribe->packet_id, .codes = codes},
                         OutputOf(id));
    } else if (std::holds_alternative<mqtt::DisconnectView>(packet)) {
      transport_.Close(id, reactor::CloseMode::kGraceful);
    }
  }

  void Flush(ConnectionId id) {
    Client* const client = clients_[SlotOf(id)].get();
    if (client == nullptr || client->is_sending || client->output.empty()) return;
    std::swap(client->in_flight, client->output);
    client->is_sending = true;
    const reactor::Fragment fragment{client->in_flight.data(), client->in_flight.size()};
    transport_.Send(id, {&fragment, 1}, SentNotice::kLater);
  }

  reactor::UringTransport& transport_;
  std::vector<std::unique_ptr<Client>> clients_;                             // by slot
  absl::flat_hash_map<std::string, std::vector<ConnectionId>> subscribers_;  // by topic
  std::vector<ConnectionId> dirty_;
};

int Main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port <= 0 || port > 65'535) {
    std::fputs("usage: bare_relay PORT\n", stderr);
    return 2;
  }
  auto transport = reactor::UringTransport::Create({});
  if (!transport.ok()) {
    std::fprintf(stderr, "bare_relay: %s\n", transport.status().ToString().c_str());
    return 1;
  }
  const auto listener =
      (*transport)->Listen({.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(port)}});
  if (!listener.ok()) {
    std::fprintf(stderr, "bare_relay: %s\n", listener.status().ToString().c_str());
    return 1;
  }
  Relay relay(**transport);
  for (;;) relay.Turn();
}

}  // namespace
}  // namespace tandem

int main(int argc, char** argv) { return tandem::Main(argc, argv); }
