// A GoogleTest fixture around BrokerWorld: verbs for what clients do, each followed by all that
// comes of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/broker_world.h"

namespace tandem::testing {

// The seeds of a test: `count` of them, TANDEM_SEED_FACTOR times as many if that is set, or the one
// that TANDEM_SEED names, to look at a failure again.
inline std::vector<std::uint64_t> Seeds(std::uint64_t count) {
  if (const char* const one = std::getenv("TANDEM_SEED")) return {std::strtoull(one, nullptr, 10)};
  if (const char* const factor = std::getenv("TANDEM_SEED_FACTOR")) {
    count *= std::strtoull(factor, nullptr, 10);
  }
  std::vector<std::uint64_t> seeds(count);
  std::iota(seeds.begin(), seeds.end(), std::uint64_t{1});
  return seeds;
}

class WorldTest : public ::testing::Test {
 protected:
  using Codes = std::vector<mqtt::ReasonCode>;

  void Build(const WorldOptions& options) { world_ = std::make_unique<BrokerWorld>(options); }
  // Two nodes in an epoch, in step.
  void BuildPair(WorldOptions options) {
    if (options.cores.size() == 1) options.cores.push_back(options.cores[0]);
    Build(options);
    world_->Pair();
    world_->Run();
  }
  // The same, of one to three cores each and with a link that is slow or not, as the seed has it.
  void BuildPairOf(std::uint64_t seed) {
    const auto cores = [](std::uint64_t x) { return static_cast<std::uint16_t>(1 + x % 3); };
    BuildPair({.seed = seed,
               .cores = {cores(seed), cores(seed / 3)},
               .link_delay_max_ns = static_cast<MonoNs>(seed % 3) * kNanosecondsPerMillisecond});
  }
  BrokerWorld& world() {
    if (!world_) Build({});
    return *world_;
  }
  void TearDown() override {
    if (!world_) return;
    EXPECT_THAT(world_->Faults(), ::testing::IsEmpty());
  }

  // A new client, connected.
  MqttClient& Connect(std::string id, std::size_t node = 0,
                      const mqtt::ConnectView& connect = Clean(),
                      mqtt::Version version = mqtt::Version::k5) {
    MqttClient& client = world().AddClient(std::move(id), version);
    Reconnect(client, node, connect);
    return client;
  }
  void Reconnect(MqttClient& client, std::size_t node = 0,
                 const mqtt::ConnectView& connect = Clean()) {
    TryConnect(client, node, connect);
    EXPECT_TRUE(client.connected()) << client.id();
  }
  void TryConnect(MqttClient& client, std::size_t node, const mqtt::ConnectView& connect) {
    world().Open(client, node);
    client.SendConnect(connect);
    world().Run();
  }
  static mqtt::ConnectView Clean() { return {.clean_start = true}; }
  static mqtt::ConnectView Persistent(std::uint32_t expiry_s = 3600) {
    return {.clean_start = false, .session_expiry_s = expiry_s};
  }

  static mqtt::ConnectView WithWill(mqtt::ConnectView connect) {
    connect.will =
        mqtt::WillView{.topic = "will", .payload = AsBytes("gone"), .qos = mqtt::QoS::kAtLeastOnce};
    return connect;
  }
  // Sees the wills of WithWill.
  MqttClient& WillWatcher(std::size_t node) {
    MqttClient& watcher = Connect("watcher", node);
    Subscribe(watcher, "will", 1);
    return watcher;
  }

  // The codes of SUBACK, none if it did not come.
  Codes Subscribe(MqttClient& client, std::string_view filter, int qos = 0,
                  mqtt::SubscriptionOptions options = {},
                  std::optional<std::uint32_t> identifier = {}) {
    options.qos = static_cast<mqtt::QoS>(qos);
    return Subscribe(client, {{filter, options}}, identifier);
  }
  Codes Subscribe(MqttClient& client, const std::vector<mqtt::SubscribeEntry>& entries,
                  std::optional<std::uint32_t> identifier = {}) {
    const std::uint16_t id = client.SendSubscribe(entries, identifier);
    world().Run();
    const auto answer = client.AnswerTo(mqtt::PacketType::kSuback, id);
    return answer ? answer->codes : Codes{};
  }
  Codes Unsubscribe(MqttClient& client, std::string_view filter) {
    const std::uint16_t id = client.SendUnsubscribe({filter});
    world().Run();
    const auto answer = client.AnswerTo(mqtt::PacketType::kUnsuback, id);
    return answer ? answer->codes : Codes{};
  }
  // The packet id.
  std::uint16_t Publish(MqttClient& client, std::string_view topic, std::string_view payload,
                        int qos = 0, const PublishOptions& options = {}) {
    const std::uint16_t id = client.SendPublish(topic, payload, qos, options);
    world().Run();
    return id;
  }
  void Disconnect(MqttClient& client, const mqtt::DisconnectView& disconnect = {}) {
    client.SendDisconnect(disconnect);
    world().Run();
    EXPECT_FALSE(client.open());
  }
  void Break(MqttClient& client) {
    world().Break(client);
    world().Run();
  }

  std::unique_ptr<BrokerWorld> world_;
};

}  // namespace tandem::testing
