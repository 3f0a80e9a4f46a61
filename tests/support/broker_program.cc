#include "tests/support/broker_program.h"

#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "tests/support/broker_world.h"

namespace tandem::testing {
namespace {

using metrics::Direction;
using metrics::SessionState;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;
using mqtt::Version;

constexpr std::array<std::string_view, 8> kTopics = {"a",   "a/b", "a/b/c", "b",
                                                     "b/c", "c",   "$d",    "a/"};
constexpr std::array<std::string_view, 12> kFilters = {
    "a",  "a/b",          "a/+",          "#",         "a/#", "+/c", "b/#", "c",
    "$d", "$share/g/a/+", "$share/g/a/b", "$share/h/#"};
constexpr std::array<std::string_view, 4> kClientIds = {"one", "two", "three", ""};
constexpr std::size_t kClients = 5;  // two share an id
constexpr std::uint32_t kExpiryMax_s = 12;

class Program {
 public:
  explicit Program(Bytes bytes) : bytes_(bytes), world_(Options()) {
    for (std::size_t i = 0; i < kClients; ++i) {
      clients_.push_back(&world_.AddClient(std::string(kClientIds[i % kClientIds.size()]),
                                           i == 3 ? Version::k311 : Version::k5));
    }
  }

  std::string Run() {
    while (problem_.empty() && !bytes_.empty()) Act();
    if (problem_.empty()) CheckNow();
    if (problem_.empty()) EndAll();
    if (problem_.empty()) CheckNothingLeft();
    return problem_;
  }

 private:
  // The next byte of the program, 0 behind its end. At most one call in the arguments of another
  // function: compilers differ in which they evaluate first.
  unsigned Byte() {
    if (bytes_.empty()) return 0;
    const unsigned byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  unsigned Below(unsigned bound) { return Byte() % bound; }

  WorldOptions Options() {
    WorldOptions options{.seed = Byte()};
    options.cores = {static_cast<std::uint16_t>(1 + Below(3)),
                     static_cast<std::uint16_t>(1 + Below(3))};
    broker::BrokerConfig& config = options.config;
    config.session_expiry_max_s = kExpiryMax_s;
    config.queue_messages_max = 2 + Below(20);
    config.when_full = static_cast<broker::WhenFull>(Below(3));
    config.receive_maximum = static_cast<std::uint16_t>(1 + Below(10));
    config.subscriptions_per_session_max = 6;
    config.unsent_bytes_soft = 500;
    config.unsent_bytes_hard = 2000;
    config.peer_backlog_bytes_max = 3000;
    return options;
  }

  std::size_t Node() {
    const std::size_t node = Below(2);
    return world_.alive(node) ? node : 1 - node;
  }

  void Act() {
    MqttClient& client = *clients_[Below(kClients)];
    switch (Below(20)) {
      case 0:
      case 1:
        return Connect(client);
      case 2:
      case 3:
      case 4:
      case 5:
        return Publish(client);
      case 6:
      case 7:
        return Subscribe(client);
      case 8:
        client.SendUnsubscribe({kFilters[Below(kFilters.size())]});
        return;
      case 9:
        return Acknowledge(client);
      case 10:
        return world_.Break(client);
      case 11:
        if (Below(2) == 0) return world_.Close(client);
        client.SendDisconnect(
            {.reason = Below(2) == 0 ? ReasonCode::kSuccess : ReasonCode::kDisconnectWithWill});
        return;
      case 12:
        client.reads = Below(3) != 0;
        return;
      case 13:
        client.acknowledges = Below(3) != 0;
        client.releases = Below(3) != 0;
        return;
      case 14:
        return ChangePair();
      case 15:
        return Hold();
      case 16:
        return SendAnything(client);
      case 17:
        return world_.Advance(static_cast<MonoNs>(Below(256)) * kNanosecondsPerSecond / 16);
      case 18:
        world_.Run();
        return CheckNow();
      default:
        for (unsigned steps = Below(32); steps > 0; --steps) world_.Step();
    }
  }

  void Connect(MqttClient& client) {
    world_.Open(client, Node());
    mqtt::ConnectView connect{.clean_start = Below(2) == 0};
    connect.session_expiry_s = Below(2) == 0 ? 0 : 1 + Below(20);
    connect.receive_maximum = static_cast<std::uint16_t>(1 + Below(5));
    if (Below(8) == 0) connect.maximum_packet_size = 20 + Below(100);
    connect.keep_alive_s = static_cast<std::uint16_t>(Below(3) == 0 ? 1 + Below(10) : 0);
    if (Below(3) == 0) {
      connect.will = mqtt::WillView{.topic = kTopics[Below(kTopics.size())],
                                    .payload = AsBytes("will"),
                                    .qos = static_cast<QoS>(Below(3)),
                                    .retain = Below(2) == 0,
                                    .delay_s = client.version() == Version::k5 ? Below(20) : 0};
    }
    client.SendConnect(connect);
    if (Below(2) == 0) client.Resend();
  }

  void Publish(MqttClient& client) {
    PublishOptions options{.retain = Below(4) == 0};
    if (client.version() == Version::k5 && Below(4) == 0) options.expiry_s = Below(20);
    const std::string payload(Below(6) == 0 ? 0 : 1 + Below(200), 'p');
    const std::string_view topic = kTopics[Below(kTopics.size())];
    const int qos = static_cast<int>(Below(3));
    client.SendPublish(topic, payload, qos, options);
  }

  void Hold() {
    const std::size_t records_of = Below(2);
    world_.HoldRecords(records_of, Below(2) == 0);
    const std::size_t acknowledgements_of = Below(2);
    world_.HoldAcknowledgements(acknowledgements_of, Below(2) == 0);
  }

  void Subscribe(MqttClient& client) {
    std::vector<mqtt::SubscribeEntry> entries;
    for (unsigned count = 1 + Below(3); count > 0; --count) {
      mqtt::SubscribeEntry entry{.filter = kFilters[Below(kFilters.size())]};
      entry.options.qos = static_cast<QoS>(Below(3));
      if (client.version() == Version::k5) {
        entry.options.no_local = Below(4) == 0 && !entry.filter.starts_with("$share");
        entry.options.retain_as_published = Below(2) == 0;
        entry.options.retain_handling = static_cast<std::uint8_t>(Below(3));
      }
      entries.push_back(entry);
    }
    std::optional<std::uint32_t> identifier;
    if (client.version() == Version::k5 && Below(2) == 0) identifier = 1 + Below(20);
    client.SendSubscribe(entries, identifier);
  }

  void Acknowledge(MqttClient& client) {
    const auto type = std::array{PacketType::kPuback, PacketType::kPubrec, PacketType::kPubrel,
                                 PacketType::kPubcomp}[Below(4)];
    const bool refuses = Below(4) == 0 && client.version() == Version::k5 &&
                         (type == PacketType::kPuback || type == PacketType::kPubrec);
    client.SendAck(type, static_cast<std::uint16_t>(1 + Below(20)),
                   refuses ? ReasonCode::kUnspecifiedError : ReasonCode::kSuccess);
    wild_.insert(&client);  // what it acknowledges may not be what it was sent
  }

  void SendAnything(MqttClient& client) {
    const std::size_t wanted = Below(16);
    const std::size_t count = std::min(wanted, bytes_.size());
    client.SendBytes(bytes_.subspan(0, count));
    bytes_ = bytes_.subspan(count);
    wild_.insert(&client);
  }

  void ChangePair() {
    const unsigned how = Below(4);
    if (paired_) {
      if (how == 0) world_.Kill(Below(2));
      if (how != 0) world_.Unpair();
      paired_ = false;
      return;
    }
    for (std::size_t node = 0; node < 2; ++node) {
      if (!world_.alive(node)) world_.Start(node);
    }
    world_.Pair();
    paired_ = true;
  }

  void CheckNow() {
    if (!world_.shard_faults().empty()) problem_ = world_.shard_faults().front();
    for (const MqttClient* client : clients_) {
      if (!wild_.contains(client) && !client->faults.empty()) problem_ = client->faults.front();
    }
  }

  // Every client goes, every session expires.
  void EndAll() {
    for (std::size_t node = 0; node < 2; ++node) {
      world_.HoldRecords(node, false);
      world_.HoldAcknowledgements(node, false);
    }
    world_.Run();
    CheckNow();
    if (paired_) CheckOneConnectionEach();
    world_.BreakAll();
    world_.Run();
    world_.AdvanceSeconds(kExpiryMax_s + 2);
  }

  void CheckOneConnectionEach() {
    std::map<std::string, int> connected;
    for (std::size_t node = 0; node < 2; ++node) {
      for (std::size_t core = 0; core < world_.cores(node); ++core) {
        const broker::SessionTable& sessions = world_.shard(node, core).sessions();
        for (std::size_t slot = 0; slot < sessions.slots(); ++slot) {
          const auto* const session = sessions.Get(static_cast<broker::SubscriberId>(slot));
          if (session == nullptr || session->client == nullptr) continue;
          if (++connected[session->client_id] > 1) {
            problem_ = "two connections of client id " + session->client_id;
          }
        }
      }
    }
  }

  void Expect(std::string_view what, std::int64_t value) {
    if (value != 0 && problem_.empty()) {
      problem_ = "left behind: " + std::string(what) + " " + std::to_string(value);
    }
  }

  void CheckNothingLeft() {
    CheckNow();
    for (std::size_t node = 0; node < 2; ++node) {
      if (!world_.alive(node)) continue;
      const auto sum = [&](auto&& of) { return world_.Sum(node, of); };
      Expect("online sessions", sum([](auto& m) { return m.sessions(SessionState::kOnline); }));
      Expect("offline sessions", sum([](auto& m) { return m.sessions(SessionState::kOffline); }));
      Expect("mirrored sessions", sum([](auto& m) { return m.sessions(SessionState::kMirror); }));
      Expect("subscriptions", sum([](auto& m) { return m.subscriptions(); }));
      Expect("queued messages", sum([](auto& m) { return m.queued_messages(); }));
      Expect("queued bytes", sum([](auto& m) { return m.queued_bytes(); }));
      Expect("in flight in", sum([](auto& m) { return m.inflight(Direction::kIn); }));
      Expect("in flight out", sum([](auto& m) { return m.inflight(Direction::kOut); }));
      Expect("paused publishers", sum([](auto& m) { return m.publishers_paused(); }));
      Expect("congested sessions", sum([](auto& m) { return m.sessions_congested(); }));
      std::int64_t retained = sum([](auto& m) { return m.retained_messages(); });
      for (std::size_t core = 0; core < world_.cores(node); ++core) {
        broker::Shard& shard = world_.shard(node, core);
        Expect("connections", static_cast<std::int64_t>(shard.connections()));
        Expect("filters", static_cast<std::int64_t>(shard.trie().filters()));
        Expect("groups", static_cast<std::int64_t>(shard.trie().groups()));
        retained -= static_cast<std::int64_t>(shard.retained().messages());
      }
      Expect("retained messages more than there are", retained);
    }
  }

  Bytes bytes_;
  BrokerWorld world_;
  std::vector<MqttClient*> clients_;
  std::set<const MqttClient*> wild_;
  bool paired_ = false;
  std::string problem_;
};

}  // namespace

std::string RunBrokerProgram(Bytes program) { return Program(program).Run(); }

}  // namespace tandem::testing
