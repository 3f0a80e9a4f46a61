// CONNECT, sessions' beginnings and ends, takeover, keep alive.
#include "engine/broker/session.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::CloseReason;
using metrics::DropReason;
using metrics::SessionState;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ConnectTest : public WorldTest {
 protected:
  std::int64_t Sessions(SessionState state) {
    return world().Total([&](auto& m) { return m.sessions(state); });
  }
  std::uint64_t Closed(CloseReason reason) {
    return static_cast<std::uint64_t>(
        world().Total([&](auto& m) { return m.connections_closed(reason); }));
  }
};

TEST_F(ConnectTest, AcceptsEveryVersion) {
  for (const Version version : {Version::k31, Version::k311, Version::k5}) {
    MqttClient& client =
        Connect("c" + std::to_string(static_cast<int>(version)), 0, Clean(), version);
    EXPECT_FALSE(client.connack->session_present);
  }
  EXPECT_EQ(Sessions(SessionState::kOnline), 3);
}

TEST_F(ConnectTest, TakesTheWholeStreamWhereverItIsCut) {
  MqttClient& client = Connect("c");
  Subscribe(client, "t", 1);
  Publish(client, "t", "hello", 1);
  EXPECT_THAT(client.Payloads(), ElementsAre("hello"));
  client.SendPing();
  world().Run();
  EXPECT_EQ(client.pings, 1u);
}

TEST_F(ConnectTest, FindsTheHomeCoreOfAClientFromAnyCore) {
  Build({.cores = {3}});
  for (int i = 0; i < 20; ++i) {
    const std::string id = "client-" + std::to_string(i);
    Connect(id);
    EXPECT_NE(world().home(0, id).sessions().Find(id), nullptr);
  }
  EXPECT_EQ(Sessions(SessionState::kOnline), 20);
}

TEST_F(ConnectTest, HandlesPacketsThatFollowConnectInOneSegment) {
  BuildPair({.cores = {2}});
  MqttClient& client = world().AddClient("c");
  world().Open(client, 0);
  client.SendConnect(Clean());
  const auto subscribe = client.SendSubscribe({{"t", {.qos = mqtt::QoS::kAtLeastOnce}}});
  client.SendPublish("t", "early", 1);
  world().Run();
  EXPECT_TRUE(client.connected());
  EXPECT_TRUE(client.AnswerTo(mqtt::PacketType::kSuback, subscribe));
  EXPECT_THAT(client.Payloads(), ElementsAre("early"));
}

TEST_F(ConnectTest, RefusesASecondConnect_MQTT_3_1_0_2) {
  MqttClient& client = Connect("c");
  client.SendConnect(Clean());
  world().Run();
  EXPECT_FALSE(client.open());
  EXPECT_EQ(client.disconnected, ReasonCode::kProtocolError);
}

TEST_F(ConnectTest, ClosesOnAnythingBeforeConnect_MQTT_3_1_0_1) {
  MqttClient& client = world().AddClient("c");
  world().Open(client, 0);
  client.SendPing();
  world().Run();
  EXPECT_FALSE(client.open());
  EXPECT_EQ(Closed(CloseReason::kProtocolError), 1u);
}

TEST_F(ConnectTest, ClosesAConnectionThatSaysNothing) {
  MqttClient& client = world().AddClient("c");
  world().Open(client, 0);
  world().AdvanceSeconds(9);
  EXPECT_TRUE(client.open());
  world().AdvanceSeconds(2);
  EXPECT_FALSE(client.open());
  EXPECT_EQ(Closed(CloseReason::kConnectTimeout), 1u);
  EXPECT_EQ(world().shard(0, 0).connections(), 0u);
}

TEST_F(ConnectTest, RefusesWhomALimitHasNotAdmitted) {
  using broker::Admission;
  broker::Shard& shard = world().shard(0, 0);
  const auto refused = [&](Admission admission, metrics::RefuseReason reason) {
    const ConnectionId id{std::uint64_t{1} << 32 | 9};
    shard.OnOpened(id, 0, admission);
    shard.OnPacket(id, mqtt::ConnectView{.version = Version::k5, .client_id = "c"});
    const Bytes sent = shard.outbox().bytes.bytes();
    const std::uint8_t code = sent.size() > 3 ? sent[3] : 0;
    shard.outbox().Clear();
    shard.OnClosed(id, CloseReason::kClientClosed);
    EXPECT_EQ(world().metrics(0, 0).connects_refused(reason), 1u);
    return static_cast<ReasonCode>(code);
  };
  EXPECT_EQ(refused(Admission::kQuotaExceeded, metrics::RefuseReason::kBusy),
            ReasonCode::kQuotaExceeded);
  EXPECT_EQ(refused(Admission::kRateExceeded, metrics::RefuseReason::kConnectRate),
            ReasonCode::kConnectionRateExceeded);
  EXPECT_EQ(shard.connections(), 0u);
}

TEST_F(ConnectTest, SlowsClientsThatFightOverAClientId) {
  WorldOptions options{.cores = {2}};
  options.config.takeovers_per_minute_max = 6;
  BuildPair(options);
  MqttClient& one = world().AddClient("c");
  MqttClient& two = world().AddClient("c");
  std::uint64_t connected = 0;
  for (int i = 0; i < 100; ++i) {
    MqttClient& client = i % 2 == 0 ? one : two;
    if (client.open()) continue;
    TryConnect(client, static_cast<std::size_t>(i % 2), Clean());
    if (client.connected()) {
      ++connected;
    } else {
      ASSERT_TRUE(client.connack);
      EXPECT_EQ(client.connack->reason, ReasonCode::kConnectionRateExceeded);
    }
  }
  // Each node counts what happened to its own connections; here it was six times.
  EXPECT_EQ(connected, 12u);
  EXPECT_NE(one.connected(), two.connected()) << "one of them is served on";
  world().AdvanceSeconds(10);
  MqttClient& waiting = one.connected() ? two : one;
  TryConnect(waiting, one.connected() ? 1 : 0, Clean());
  EXPECT_TRUE(waiting.connected()) << "the newer wins, if later";
}

TEST_F(ConnectTest, LetsAConnectionMoveThatItsTimeoutHasCaughtOnTheWay) {
  broker::Shard& shard = world().shard(0, 0);
  const ConnectionId moving{std::uint64_t{1} << 32 | 7};
  shard.OnOpened(moving, 0);
  world().AdvanceSeconds(11);
  shard.OnDetached(moving);
  EXPECT_EQ(shard.connections(), 0u);
}

TEST_F(ConnectTest, ClosesAClientThatIsSilentForOneAndAHalfKeepAlives_MQTT_3_1_2_22) {
  MqttClient& client = Connect("c", 0, {.clean_start = true, .keep_alive_s = 10});
  world().AdvanceSeconds(14);
  client.SendPing();
  world().Run();
  world().AdvanceSeconds(14);
  EXPECT_TRUE(client.open()) << "the ping counts";
  world().AdvanceSeconds(2);
  EXPECT_FALSE(client.open());
  EXPECT_EQ(client.disconnected, ReasonCode::kKeepAliveTimeout);
}

TEST_F(ConnectTest, LeavesAClientWithoutKeepAliveAlone) {
  MqttClient& client = Connect("c");
  world().AdvanceSeconds(3600);
  EXPECT_TRUE(client.open());
}

TEST_F(ConnectTest, TellsAVersion5ClientTheKeepAliveThatItMustUse_MQTT_3_2_2_21) {
  WorldOptions options;
  options.config.keep_alive_max_s = 60;
  Build(options);
  EXPECT_EQ(Connect("none").connack->server_keep_alive_s, 60);
  EXPECT_EQ(
      Connect("long", 0, {.clean_start = true, .keep_alive_s = 61}).connack->server_keep_alive_s,
      60);
  EXPECT_EQ(
      Connect("short", 0, {.clean_start = true, .keep_alive_s = 60}).connack->server_keep_alive_s,
      std::nullopt);
}

TEST_F(ConnectTest, AssignsUniqueClientIds_MQTT_3_1_3_6) {
  BuildPair({.cores = {2}});
  std::set<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    MqttClient& client = Connect("", static_cast<std::size_t>(i % 2));
    EXPECT_FALSE(client.connack->assigned_client_id.empty());
    ids.insert(client.connack->assigned_client_id);
  }
  EXPECT_EQ(ids.size(), 12u);
}

TEST_F(ConnectTest, WantsAClientIdFromOldClientsThatKeepTheirSession_MQTT_3_1_3_8) {
  MqttClient& client = world().AddClient("", Version::k311);
  TryConnect(client, 0, {.clean_start = false});
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kClientIdentifierNotValid);
  EXPECT_FALSE(client.open());
}

TEST_F(ConnectTest, RefusesClientIdsThatTheOperatorRulesOut_MQTT_3_1_3_8) {
  WorldOptions options;
  options.config.client_id_bytes_max = 30;
  options.config.empty_client_id_allowed = false;
  Build(options);
  Connect(std::string(30, 'x'));
  for (const std::string& id : {std::string(31, 'x'), std::string()}) {
    for (const Version version : {Version::k311, Version::k5}) {
      MqttClient& client = world().AddClient(id, version);
      TryConnect(client, 0, Clean());
      ASSERT_TRUE(client.connack);
      EXPECT_EQ(client.connack->reason, ReasonCode::kClientIdentifierNotValid);
      EXPECT_FALSE(client.open());
    }
  }
}

TEST_F(ConnectTest, RefusesClientsWhileTheNodeDoesNotServe) {
  world().shard(0, 0).SetServing(false);
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0, Clean());
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kServerUnavailable);
  EXPECT_FALSE(client.open());
  world().shard(0, 0).SetServing(true);
  Reconnect(client);
}

TEST_F(ConnectTest, DisconnectsAllWithAReason) {
  MqttClient& v5 = Connect("v5", 0, Persistent());
  MqttClient& v3 = Connect("v3", 0, Clean(), Version::k311);
  MqttClient& silent = world().AddClient("silent");
  world().Open(silent, 0);
  world().Run();
  world().shard(0, 0).DisconnectAll(ReasonCode::kServerShuttingDown, CloseReason::kShutdown);
  world().Advance(kNanosecondsPerSecond);
  EXPECT_EQ(v5.disconnected, ReasonCode::kServerShuttingDown);
  EXPECT_FALSE(v5.open() || v3.open() || silent.open());
  EXPECT_EQ(world().shard(0, 0).connections(), 0u);
  EXPECT_EQ(Sessions(SessionState::kOffline), 1) << "the persistent session stays";
}

// Sessions.

TEST_F(ConnectTest, EndsATransientSessionWithItsConnection) {
  MqttClient& client = Connect("c");
  Subscribe(client, "t");
  Break(client);
  EXPECT_EQ(world().shard(0, 0).sessions().size(), 0u);
  EXPECT_EQ(world().shard(0, 0).trie().filters(), 0u);
  EXPECT_EQ(world().metrics(0, 0).subscriptions(), 0);
  Reconnect(client, 0, Persistent());
  EXPECT_FALSE(client.connack->session_present);
}

TEST_F(ConnectTest, KeepsAPersistentSessionWhileItsClientIsAway) {
  MqttClient& client = Connect("c", 0, Persistent());
  MqttClient& publisher = Connect("p");
  Subscribe(client, "t", 1);
  Disconnect(client);
  Publish(publisher, "t", "while away", 1);
  Reconnect(client, 0, Persistent());
  EXPECT_TRUE(client.connack->session_present);
  EXPECT_THAT(client.Payloads(), ElementsAre("while away"));
}

TEST_F(ConnectTest, KeepsTheSessionOfAnOldClientWithoutCleanSession) {
  MqttClient& client = Connect("c", 0, {.clean_start = false}, Version::k311);
  Subscribe(client, "t", 2);
  Break(client);
  Publish(Connect("p"), "t", "while away", 2);
  Reconnect(client, 0, {.clean_start = false});
  EXPECT_TRUE(client.connack->session_present);
  EXPECT_THAT(client.Payloads(), ElementsAre("while away"));
  Disconnect(client);
  Reconnect(client, 0, Clean());
  EXPECT_FALSE(client.connack->session_present);
}

TEST_F(ConnectTest, StartsAnewWhenAskedTo_MQTT_3_1_2_4) {
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client, "t", 1);
  Disconnect(client);
  Publish(Connect("p"), "t", "lost", 1);
  Reconnect(client, 0, {.clean_start = true, .session_expiry_s = 100});
  EXPECT_FALSE(client.connack->session_present);
  EXPECT_THAT(client.received, IsEmpty());
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
  EXPECT_EQ(world().metrics(0, 0).publish_dropped(DropReason::kSessionEnded), 1u);
}

TEST_F(ConnectTest, EndsASessionWhenItsExpiryHasPassed) {
  MqttClient& client = Connect("c", 0, Persistent(10));
  Subscribe(client, "t", 1);
  Break(client);
  Publish(Connect("p"), "t", "waits", 1);
  world().AdvanceSeconds(9);
  EXPECT_EQ(Sessions(SessionState::kOffline), 1);
  world().AdvanceSeconds(2);
  EXPECT_EQ(Sessions(SessionState::kOffline), 0);
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
  EXPECT_EQ(world().metrics(0, 0).queued_bytes(), 0);
}

TEST_F(ConnectTest, CountsTheExpiryFromTheLastDisconnect) {
  MqttClient& client = Connect("c", 0, Persistent(10));
  for (int i = 0; i < 3; ++i) {
    Break(client);
    world().AdvanceSeconds(8);
    Reconnect(client, 0, Persistent(10));
    EXPECT_TRUE(client.connack->session_present);
    world().AdvanceSeconds(20);
  }
}

TEST_F(ConnectTest, TakesTheExpiryThatDisconnectNames) {
  MqttClient& client = Connect("c", 0, Persistent(1000));
  Disconnect(client, {.session_expiry_s = 5});
  world().AdvanceSeconds(6);
  EXPECT_EQ(Sessions(SessionState::kOffline), 0);

  MqttClient& other = Connect("d", 0, Persistent(1000));
  Disconnect(other, {.session_expiry_s = 0});
  EXPECT_EQ(Sessions(SessionState::kOffline), 0);
}

TEST_F(ConnectTest, RefusesADisconnectThatRaisesTheExpiryFromZero_MQTT_3_14_2_2) {
  MqttClient& client = Connect("c");
  client.SendDisconnect({.session_expiry_s = 5});
  world().Run();
  EXPECT_EQ(client.disconnected, ReasonCode::kProtocolError);
  EXPECT_EQ(world().shard(0, 0).sessions().size(), 0u);
}

TEST_F(ConnectTest, TellsTheClientWhenItCapsTheExpiry) {
  WorldOptions options;
  options.config.session_expiry_max_s = 100;
  Build(options);
  EXPECT_EQ(Connect("long", 0, Persistent(101)).connack->session_expiry_s, 100u);
  EXPECT_EQ(Connect("short", 0, Persistent(100)).connack->session_expiry_s, std::nullopt);
}

// Takeover (P7).

TEST_F(ConnectTest, GivesTheClientIdToTheNewerConnection_MQTT_3_1_4_3) {
  MqttClient& older = Connect("c", 0, Persistent());
  Subscribe(older, "t", 1);
  MqttClient& newer = Connect("c", 0, Persistent());
  EXPECT_FALSE(older.open());
  EXPECT_EQ(older.disconnected, ReasonCode::kSessionTakenOver);
  EXPECT_TRUE(newer.connack->session_present);
  Publish(Connect("p"), "t", "to the newer", 1);
  EXPECT_THAT(newer.Payloads(), ElementsAre("to the newer"));
  EXPECT_THAT(older.received, IsEmpty());
  EXPECT_EQ(Sessions(SessionState::kOnline), 2);
}

TEST_F(ConnectTest, ClosesAnOldClientSilentlyWhenItIsTakenOver) {
  MqttClient& older = Connect("c", 0, Clean(), Version::k311);
  MqttClient& newer = Connect("c");
  EXPECT_FALSE(older.open());
  EXPECT_TRUE(newer.connected());
  EXPECT_FALSE(newer.connack->session_present);
}

TEST_F(ConnectTest, TakesOverAcrossTheNodes) {
  BuildPair({.cores = {2}});
  MqttClient& older = Connect("c", 0, Persistent());
  Subscribe(older, "t", 1);
  MqttClient& newer = Connect("c", 1, Persistent());
  EXPECT_EQ(older.disconnected, ReasonCode::kSessionTakenOver);
  EXPECT_FALSE(older.open());
  EXPECT_TRUE(newer.connack->session_present);
  EXPECT_EQ(Sessions(SessionState::kOnline), 1);
  EXPECT_EQ(Sessions(SessionState::kOffline), 0);
  Publish(Connect("p", 0), "t", "hello", 1);
  EXPECT_THAT(newer.Payloads(), ElementsAre("hello"));
}

TEST_F(ConnectTest, DropsASessionOfTheOtherNodeWhenAskedToStartAnew) {
  BuildPair({.cores = {2}});
  MqttClient& client = Connect("c", 0, Persistent());
  Subscribe(client, "t", 1);
  Break(client);
  Reconnect(client, 1, {.clean_start = true, .session_expiry_s = 100});
  EXPECT_FALSE(client.connack->session_present);
  const broker::Session* const copy = world().home(0, "c").sessions().Find("c");
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(copy->mirrored_here());
  EXPECT_TRUE(copy->subscriptions.empty());
  EXPECT_EQ(world().Total([](auto& m) { return m.subscriptions(); }), 0);
}

TEST_F(ConnectTest, LeavesOneConnectionWhenBothNodesGetOneAtOnce) {
  for (const std::uint64_t seed : Seeds(60)) {
    WorldOptions options{.seed = seed, .cores = {2, 1}};
    options.link_delay_max_ns = kNanosecondsPerMillisecond * static_cast<MonoNs>(seed % 3);
    options.clock_error_ms = {0, static_cast<WallMs>(seed % 5) * 20 - 40};
    BuildPair(options);
    std::vector<MqttClient*> clients;
    for (std::size_t i = 0; i < 4; ++i) {
      clients.push_back(&world().AddClient("c"));
      world().Open(*clients.back(), i % 2);
      clients.back()->SendConnect(seed % 2 == 0 ? Persistent() : Clean());
      for (std::uint64_t steps = world().random()() % 8; steps > 0; --steps) world().Step();
    }
    world().Run();
    int alive = 0;
    for (const MqttClient* client : clients) alive += client->connected() ? 1 : 0;
    ASSERT_EQ(alive, 1) << "seed " << seed;
    ASSERT_EQ(Sessions(SessionState::kOnline), 1) << "seed " << seed;
    ASSERT_EQ(Sessions(SessionState::kOffline), 0) << "seed " << seed;
    TearDown();
  }
}

TEST_F(ConnectTest, CompletesAConnectWhoseClaimTheOtherNodeCanNoLongerAnswer) {
  BuildPair({.cores = {2}});
  world().HoldRecords(0, true);
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0, Clean());
  EXPECT_FALSE(client.connack) << "the other node has not been heard";
  world().Unpair();
  world().Run();
  EXPECT_TRUE(client.connected());
}

TEST_F(ConnectTest, ForgetsAClaimWhoseClientIsGone) {
  BuildPair({.cores = {2}});
  world().HoldRecords(0, true);
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0, Clean());
  Break(client);
  world().HoldRecords(0, false);
  world().Run();
  EXPECT_EQ(Sessions(SessionState::kOnline), 0);
  Reconnect(client, 0);
}

TEST_F(ConnectTest, DisconnectsASecondConnectOfAnotherProtocolWithACodeOfDisconnect_MQTT_3_14_2_1) {
  const std::vector<std::uint8_t> connect = {0x10, 14, 0, 4, 'M', 'Q', 'T', 'X',
                                             5,    2,  0, 0, 0,   0,   1,   'c'};
  MqttClient& client = Connect("c");
  client.SendBytes(connect);
  world().Run();
  EXPECT_EQ(client.disconnected, ReasonCode::kProtocolError);
}

// The name is wrong, the level is ours: the answer has the form of that level (A38).
TEST_F(ConnectTest, AnswersAnUnknownNameInTheFormOfItsLevel_MQTT_3_1_2_1) {
  const std::vector<std::uint8_t> connect = {0x10, 14,                      // CONNECT
                                             0,    4,  'M', 'Q', 'T', 'X',  // an unknown name
                                             5,    2,  0,   0,  // level, flags, keep alive
                                             0,                 // no properties
                                             0,    1,  'c'};    // client id
  MqttClient& client = world().AddClient("c");
  world().Open(client, 0);
  client.SendBytes(connect);
  world().Run();
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kUnsupportedProtocolVersion);
  EXPECT_THAT(world().Faults(), IsEmpty());
}

// 3.1.1 has no return code for a bad will topic.
TEST_F(ConnectTest, ClosesWithoutConnackWhereNoReturnCodeFits_MQTT_3_2_2_6) {
  MqttClient& client = world().AddClient("c", Version::k311);
  TryConnect(
      client, 0,
      {.clean_start = true, .will = mqtt::WillView{.topic = "will/#", .payload = AsBytes("x")}});
  EXPECT_FALSE(client.connack);
  EXPECT_FALSE(client.open());
  EXPECT_THAT(world().Faults(), IsEmpty());
}

// A promise is kept to a client whose Maximum Packet Size is too small for it, or it is not made.
TEST_F(ConnectTest, TellsAClientThatAllowsTooSmallPacketsAndPublishesNoWillOfIt) {
  MqttClient& watcher = Connect("w");
  Subscribe(watcher, "will");
  MqttClient& client = world().AddClient("c");
  TryConnect(client, 0,
             {.clean_start = true,
              .will = mqtt::WillView{.topic = "will", .payload = AsBytes("x")},
              .maximum_packet_size = 8});
  ASSERT_TRUE(client.connack);
  EXPECT_EQ(client.connack->reason, ReasonCode::kPacketTooLarge);
  EXPECT_FALSE(client.open());
  EXPECT_THAT(watcher.received, IsEmpty()) << "the connection was never accepted";
}

}  // namespace
}  // namespace tandem::testing
