// PUBLISH and its acknowledgements, both ways, on one node.
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

using metrics::Direction;
using metrics::DropReason;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;
using mqtt::Version;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PublishTest : public WorldTest {
 protected:
  std::uint64_t Dropped(DropReason reason) {
    return static_cast<std::uint64_t>(
        world().Total([&](auto& m) { return m.publish_dropped(reason); }));
  }
  void PublishNumbers(MqttClient& publisher, int first, int last, int qos = 1,
                      std::string_view topic = "t") {
    for (int i = first; i <= last; ++i) publisher.SendPublish(topic, std::to_string(i), qos);
    world().Run();
  }
};

TEST_F(PublishTest, DeliversAtTheLowerQosOfPublisherAndSubscription) {
  for (int publish_qos = 0; publish_qos <= 2; ++publish_qos) {
    for (int subscribe_qos = 0; subscribe_qos <= 2; ++subscribe_qos) {
      const std::string name = std::to_string(publish_qos) + std::to_string(subscribe_qos);
      MqttClient& subscriber = Connect("s" + name);
      MqttClient& publisher = Connect("p" + name, 0, Clean(), Version::k311);
      Subscribe(subscriber, name, subscribe_qos);
      Publish(publisher, name, "x", publish_qos);
      ASSERT_EQ(subscriber.received.size(), 1u) << name;
      EXPECT_EQ(static_cast<int>(subscriber.received[0].qos), std::min(publish_qos, subscribe_qos));
      EXPECT_FALSE(subscriber.received[0].dup);
      EXPECT_EQ(publisher.publishing(), 0u) << "acknowledged to the end";
    }
  }
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
  EXPECT_EQ(world().metrics(0, 0).queued_bytes(), 0);
  EXPECT_EQ(world().metrics(0, 0).inflight(Direction::kIn), 0);
}

TEST_F(PublishTest, CarriesPropertiesOfVersion5Through) {
  MqttClient& subscriber = Connect("s");
  MqttClient& old = Connect("old", 0, Clean(), Version::k311);
  Subscribe(subscriber, "t", 1);
  Subscribe(old, "t", 1);
  Publish(Connect("p"), "t", "x", 1, {.expiry_s = 100});
  ASSERT_EQ(subscriber.received.size(), 1u);
  EXPECT_EQ(subscriber.received[0].expiry_s, 100u);
  EXPECT_THAT(old.Payloads(), ElementsAre("x"));
}

TEST_F(PublishTest, KeepsQos0ForAbsentClientsIfTheOperatorWantsThat) {
  WorldOptions options{.cores = {2}};
  options.config.keeps_qos0 = true;
  BuildPair(options);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  MqttClient& clean = Connect("clean", 0);
  Subscribe(subscriber, "t", 1);
  Subscribe(clean, "t", 1);
  Disconnect(subscriber);
  Disconnect(clean);
  MqttClient& publisher = Connect("p", 1);
  for (int i = 0; i < 4; ++i) Publish(publisher, "t", std::to_string(i), i % 2);
  Reconnect(subscriber, 0, Persistent());
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("0", "1", "2", "3"));
  for (const Received& message : subscriber.received) EXPECT_FALSE(message.dup);
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
  EXPECT_EQ(world().Total([](auto& m) { return m.inflight(Direction::kOut); }), 0);
  // What waits has a copy on the other node.
  Disconnect(subscriber);
  subscriber.ForgetSeen();
  for (int i = 4; i < 8; ++i) Publish(publisher, "t", std::to_string(i), i % 2);
  world().Kill(0);
  world().Run();
  Reconnect(subscriber, 1, Persistent());
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("4", "5", "6", "7"));
  EXPECT_EQ(world().Total([](auto& m) { return m.queued_messages(); }), 0);
}

TEST_F(PublishTest, CarriesLargePayloadsByReference) {
  MqttClient& first = Connect("s1");
  MqttClient& second = Connect("s2");
  Subscribe(first, "t", 1);
  Subscribe(second, "t", 0);
  const std::string payload(300'000, 'p');
  Publish(Connect("p"), "t", payload, 1);
  EXPECT_THAT(first.Payloads(), ElementsAre(payload));
  EXPECT_THAT(second.Payloads(), ElementsAre(payload));
}

TEST_F(PublishTest, TellsAVersion5PublisherThatNobodyListens) {
  MqttClient& publisher = Connect("p");
  const auto first = Publish(publisher, "t", "x", 1);
  EXPECT_THAT(publisher.AnswerTo(PacketType::kPuback, first)->codes,
              ElementsAre(ReasonCode::kNoMatchingSubscribers));
  Subscribe(Connect("s"), "t");
  const auto second = Publish(publisher, "t", "x", 2);
  EXPECT_THAT(publisher.AnswerTo(PacketType::kPubrec, second)->codes,
              ElementsAre(ReasonCode::kSuccess));
}

// QoS 2 from the publisher.

TEST_F(PublishTest, AnswersARepeatedQos2PublishWithoutDeliveringIt) {
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p");
  publisher.releases = false;
  const auto id = Publish(publisher, "t", "once", 2);
  for (int i = 0; i < 3; ++i) Publish(publisher, "t", "other", 2, {.dup = i > 0, .packet_id = id});
  EXPECT_EQ(publisher.answers.size(), 4u);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("once"));
  publisher.SendAck(PacketType::kPubrel, id);
  world().Run();
  EXPECT_THAT(publisher.AnswerTo(PacketType::kPubcomp, id)->codes,
              ElementsAre(ReasonCode::kSuccess));
}

TEST_F(PublishTest, RemembersAQos2MessageOverAReconnect) {
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p", 0, Persistent());
  publisher.releases = false;
  const auto id = publisher.SendPublish("t", "once", 2);
  world().Run();
  Break(publisher);
  Reconnect(publisher, 0, Persistent());
  Publish(publisher, "t", "once", 2, {.dup = true, .packet_id = id});
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("once"));
  EXPECT_EQ(world().metrics(0, 0).inflight(Direction::kIn), 1);
  publisher.SendAck(PacketType::kPubrel, id);
  world().Run();
  EXPECT_EQ(world().metrics(0, 0).inflight(Direction::kIn), 0);
}

TEST_F(PublishTest, AnswersAPubrelOfAnUnknownId) {
  MqttClient& publisher = Connect("p");
  publisher.SendAck(PacketType::kPubrel, 77);
  world().Run();
  EXPECT_THAT(publisher.AnswerTo(PacketType::kPubcomp, 77)->codes,
              ElementsAre(ReasonCode::kPacketIdentifierNotFound));
}

// Towards the subscriber.

TEST_F(PublishTest, SendsNoMoreThanTheReceiveMaximum_MQTT_3_3_4_9) {
  MqttClient& subscriber = Connect("s", 0, {.clean_start = true, .receive_maximum = 3});
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p");
  PublishNumbers(publisher, 1, 5);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "3"));
  subscriber.SendAck(PacketType::kPuback, subscriber.received[1].packet_id);
  world().Run();
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 4);
}

TEST_F(PublishTest, FreesTheWindowOfAQos2MessageWithPubcompOnly) {
  MqttClient& subscriber = Connect("s", 0, {.clean_start = true, .receive_maximum = 1});
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p");
  PublishNumbers(publisher, 1, 2, 2);
  const auto id = subscriber.received.at(0).packet_id;
  subscriber.SendAck(PacketType::kPubrec, id);
  world().Run();
  EXPECT_THAT(subscriber.answers.back().type, PacketType::kPubrel);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1"));
  subscriber.SendAck(PacketType::kPubcomp, id);
  world().Run();
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2"));
}

TEST_F(PublishTest, EndsAQos2FlowThatTheSubscriberRefuses) {
  MqttClient& subscriber = Connect("s", 0, {.clean_start = true, .receive_maximum = 1});
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p");
  PublishNumbers(publisher, 1, 2, 2);
  subscriber.SendAck(PacketType::kPubrec, subscriber.received.at(0).packet_id,
                     ReasonCode::kNotAuthorized);
  world().Run();
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2"));
  EXPECT_FALSE(subscriber.AnswerTo(PacketType::kPubrel, subscriber.received[0].packet_id));
}

TEST_F(PublishTest, IgnoresAcknowledgementsOfUnknownIds) {
  MqttClient& subscriber = Connect("s", 0, {.clean_start = true, .receive_maximum = 1});
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 1);
  MqttClient& publisher = Connect("p");
  PublishNumbers(publisher, 1, 3);
  for (int i = 0; i < 5; ++i) subscriber.SendAck(PacketType::kPuback, 999);
  subscriber.SendAck(PacketType::kPubcomp, 999);
  subscriber.SendAck(PacketType::kPubrec, 998);
  world().Run();
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1")) << "they give no room";
  EXPECT_THAT(subscriber.AnswerTo(PacketType::kPubrel, 998)->codes,
              ElementsAre(ReasonCode::kPacketIdentifierNotFound));
}

TEST_F(PublishTest, ResendsWithDupInOrderAfterAReconnect_MQTT_4_4_0_1) {
  mqtt::ConnectView connect = Persistent();
  connect.receive_maximum = 4;
  MqttClient& subscriber = Connect("s", 0, connect);
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p");
  PublishNumbers(publisher, 1, 2, 2);
  PublishNumbers(publisher, 3, 6, 1);
  ASSERT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "3", "4"));
  const std::vector<Received> first = subscriber.received;
  subscriber.SendAck(PacketType::kPubrec, first[0].packet_id);
  world().Run();
  Break(subscriber);
  PublishNumbers(publisher, 7, 7, 1);
  subscriber.ForgetSeen();
  subscriber.acknowledges = true;
  Reconnect(subscriber, 0, connect);
  ASSERT_THAT(subscriber.Payloads(), ElementsAre("3", "4", "5", "6", "7"));
  EXPECT_EQ(subscriber.repeats, 1u) << "2 came again, 1 only as PUBREL";
  EXPECT_TRUE(subscriber.received[0].dup);
  EXPECT_TRUE(subscriber.received[1].dup);
  EXPECT_FALSE(subscriber.received[2].dup);
  EXPECT_EQ(subscriber.received[0].packet_id, first[2].packet_id) << "under the same id";
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
}

TEST_F(PublishTest, ResendsWithinASmallerReceiveMaximum) {
  MqttClient& subscriber = Connect("s", 0, Persistent());
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 1);
  PublishNumbers(Connect("p"), 1, 5);
  Break(subscriber);
  subscriber.ForgetSeen();
  mqtt::ConnectView small = Persistent();
  small.receive_maximum = 2;
  Reconnect(subscriber, 0, small);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2"));
  for (int i = 0; i < 5; ++i) {
    subscriber.SendAck(PacketType::kPuback,
                       subscriber.received.at(static_cast<std::size_t>(i)).packet_id);
    world().Run();
  }
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(PublishTest, KeepsNoQos0ForAbsentClients) {
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 2);
  Break(subscriber);
  Publish(Connect("p"), "t", "x", 0);
  Reconnect(subscriber, 0, Persistent());
  EXPECT_THAT(subscriber.received, IsEmpty());
}

// What we take from publishers.

TEST_F(PublishTest, DisconnectsAVersion5ClientAboveOurReceiveMaximum) {
  WorldOptions options;
  options.config.receive_maximum = 3;
  Build(options);
  MqttClient& publisher = Connect("p");
  publisher.releases = false;
  for (int i = 0; i < 3; ++i) Publish(publisher, "t", "x", 2);
  EXPECT_TRUE(publisher.open());
  Publish(publisher, "t", "x", 2, {.dup = true, .packet_id = 1});
  EXPECT_TRUE(publisher.open()) << "a repeat is not one more";
  Publish(publisher, "t", "x", 1);
  EXPECT_EQ(publisher.disconnected, ReasonCode::kReceiveMaximumExceeded);
  EXPECT_EQ(world().metrics(0, 0).inflight(Direction::kIn), 0);
}

TEST_F(PublishTest, ReadsAnOldClientSlowerInsteadOfDisconnectingIt) {
  WorldOptions options;
  options.config.receive_maximum = 3;
  BuildPair(options);
  world().HoldAcknowledgements(1, true);
  MqttClient& subscriber = Connect("s", 1);
  Subscribe(subscriber, "t", 1);
  world().HoldAcknowledgements(1, false);
  world().Run();
  MqttClient& publisher = Connect("p", 0, Clean(), Version::k311);
  world().HoldRecords(0, true);
  PublishNumbers(publisher, 1, 20, 1);
  EXPECT_TRUE(publisher.open());
  EXPECT_LT(world().metrics(0, 0).publish_received(1), 20u) << "it reads no further";
  world().HoldRecords(0, false);
  world().Run();
  EXPECT_EQ(subscriber.received.size(), 20u);
  EXPECT_EQ(publisher.publishing(), 0u);
}

TEST_F(PublishTest, LetsAnOldClientReleaseItsQos2MessagesWhileItIsHeldBack) {
  WorldOptions options;
  options.config.receive_maximum = 2;
  Build(options);
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 2);
  MqttClient& publisher = Connect("p", 0, Clean(), Version::k311);
  PublishNumbers(publisher, 1, 10, 2);
  EXPECT_EQ(subscriber.received.size(), 10u);
  EXPECT_EQ(publisher.publishing(), 0u);
}

TEST_F(PublishTest, RefusesTopicsThatAreNoNames_MQTT_3_3_2_2) {
  MqttClient& publisher = Connect("p");
  Publish(publisher, "a/#", "x");
  EXPECT_EQ(publisher.disconnected, ReasonCode::kTopicNameInvalid);
  MqttClient& old = Connect("old", 0, Clean(), Version::k311);
  Publish(old, "a/+", "x");
  EXPECT_FALSE(old.open());
}

TEST_F(PublishTest, RefusesAQosAboveItsMaximum) {
  WorldOptions options;
  options.config.qos_max = QoS::kAtLeastOnce;
  Build(options);
  MqttClient& publisher = Connect("p");
  Publish(publisher, "t", "x", 2);
  EXPECT_EQ(publisher.disconnected, ReasonCode::kQoSNotSupported);
  MqttClient& subscriber = Connect("s");
  EXPECT_THAT(Subscribe(subscriber, "t", 2), ElementsAre(ReasonCode::kGrantedQoS1));
}

TEST_F(PublishTest, UnderstandsTopicAliases) {
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "#", 1);
  MqttClient& publisher = Connect("p");
  Publish(publisher, "long/topic", "1", 0, {.alias = 2});
  Publish(publisher, "", "2", 1, {.alias = 2});
  Publish(publisher, "other", "3", 0, {.alias = 2});
  Publish(publisher, "", "4", 0, {.alias = 2});
  ASSERT_EQ(subscriber.received.size(), 4u);
  EXPECT_EQ(subscriber.received[1].topic, "long/topic");
  EXPECT_EQ(subscriber.received[3].topic, "other");
}

TEST_F(PublishTest, RefusesAliasesThatAreOutOfRangeOrUnknown) {
  MqttClient& above = Connect("above");
  Publish(above, "t", "x", 0, {.alias = 65});
  EXPECT_EQ(above.disconnected, ReasonCode::kTopicAliasInvalid);
  MqttClient& unknown = Connect("unknown");
  Publish(unknown, "", "x", 0, {.alias = 3});
  EXPECT_EQ(unknown.disconnected, ReasonCode::kProtocolError);
}

TEST_F(PublishTest, ForgetsAliasesWithTheConnection) {
  MqttClient& publisher = Connect("p", 0, Persistent());
  Publish(publisher, "t", "x", 0, {.alias = 1});
  Break(publisher);
  Reconnect(publisher, 0, Persistent());
  Publish(publisher, "", "x", 0, {.alias = 1});
  EXPECT_EQ(publisher.disconnected, ReasonCode::kProtocolError);
}

// Time and size.

TEST_F(PublishTest, DropsWhatExpiresInTheQueueAndTellsTheRemainingTime) {
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  Break(subscriber);
  MqttClient& publisher = Connect("p");
  Publish(publisher, "t", "short", 1, {.expiry_s = 10});
  Publish(publisher, "t", "long", 1, {.expiry_s = 100});
  world().AdvanceSeconds(20);
  Reconnect(subscriber, 0, Persistent());
  ASSERT_THAT(subscriber.Payloads(), ElementsAre("long"));
  EXPECT_EQ(subscriber.received[0].expiry_s, 80u);
  EXPECT_EQ(Dropped(DropReason::kExpired), 1u);
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
}

// A19.
TEST_F(PublishTest, DeliversAtOnceOrNotAtAllWhatMayNotWait) {
  MqttClient& here = Connect("here");
  MqttClient& away = Connect("away", 0, Persistent());
  Subscribe(here, "t", 1);
  Subscribe(away, "t", 1);
  Break(away);
  MqttClient& publisher = Connect("p");
  for (int qos = 0; qos <= 1; ++qos) {
    Publish(publisher, "t", "now", qos, {.retain = true, .expiry_s = 0});
  }
  EXPECT_THAT(here.Payloads(), ElementsAre("now", "now"));
  world().AdvanceSeconds(1);
  Reconnect(away, 0, Persistent());
  EXPECT_THAT(away.received, IsEmpty());
  MqttClient& late = Connect("late");
  Subscribe(late, "t", 1);
  EXPECT_THAT(late.received, IsEmpty());
}

TEST_F(PublishTest, NeverExpiresWhatWasSentOnce) {
  MqttClient& subscriber = Connect("s", 0, Persistent());
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 2);
  Publish(Connect("p"), "t", "x", 2, {.expiry_s = 10});
  Break(subscriber);
  world().AdvanceSeconds(20);
  Reconnect(subscriber, 0, Persistent());
  EXPECT_EQ(subscriber.repeats, 1u);
}

TEST_F(PublishTest, SendsNoPacketAboveTheClientsMaximum_MQTT_3_1_2_24) {
  mqtt::ConnectView connect = Persistent();
  connect.maximum_packet_size = 100;
  MqttClient& subscriber = Connect("s", 0, connect);
  Subscribe(subscriber, "t", 1);
  MqttClient& publisher = Connect("p");
  // Fixed header 2, topic 3, packet id 2, property length 1.
  Publish(publisher, "t", std::string(92, 'x'), 1);
  Publish(publisher, "t", std::string(93, 'x'), 1);
  Publish(publisher, "t", std::string(95, 'x'), 0);
  Publish(publisher, "t", "after", 1);
  EXPECT_THAT(subscriber.Payloads(), ElementsAre(std::string(92, 'x'), "after"));
  EXPECT_EQ(Dropped(DropReason::kPacketTooLarge), 2u);
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
}

TEST_F(PublishTest, RefusesPacketsAboveItsOwnMaximum) {
  WorldOptions options;
  options.config.packet_bytes_max = 1000;
  Build(options);
  MqttClient& publisher = Connect("p");
  Publish(publisher, "t", std::string(1000, 'x'));
  EXPECT_EQ(publisher.disconnected, ReasonCode::kPacketTooLarge);
}

// Bounds (O5).

TEST_F(PublishTest, DropsTheOldestOfAFullQueue) {
  WorldOptions options;
  options.config.queue_messages_max = 3;
  Build(options);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  Break(subscriber);
  PublishNumbers(Connect("p"), 1, 5);
  EXPECT_EQ(Dropped(DropReason::kQueueFull), 2u);
  Reconnect(subscriber, 0, Persistent());
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("3", "4", "5"));
}

TEST_F(PublishTest, DropsTheNewestOfAFullQueueWhenToldTo) {
  WorldOptions options;
  options.config.queue_messages_max = 3;
  options.config.when_full = broker::WhenFull::kDropNewest;
  Build(options);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  Break(subscriber);
  PublishNumbers(Connect("p"), 1, 5);
  Reconnect(subscriber, 0, Persistent());
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "3"));
}

// The other node has the message before it hears that the owner of the session had no room for it.
TEST_F(PublishTest, DropsTheNewestOfAFullQueueFromBothCopies) {
  WorldOptions options;
  options.config.queue_messages_max = 3;
  options.config.when_full = broker::WhenFull::kDropNewest;
  BuildPair(options);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  Break(subscriber);
  PublishNumbers(Connect("p", 1), 1, 5);
  EXPECT_EQ(Dropped(DropReason::kQueueFull), 2u);
  Reconnect(subscriber, 1, Persistent());
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "3"));
}

TEST_F(PublishTest, DisconnectsTheClientOfAFullQueueWhenToldTo) {
  WorldOptions options;
  options.config.queue_messages_max = 3;
  options.config.when_full = broker::WhenFull::kDisconnect;
  options.config.stalled_after_ns = 0;
  Build(options);
  MqttClient& subscriber = Connect("s");
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 1);
  PublishNumbers(Connect("p"), 1, 5);
  EXPECT_EQ(subscriber.disconnected, ReasonCode::kQuotaExceeded);
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0);
}

// The will of one overflows the queue of the next.
TEST_F(PublishTest, DisconnectsOneAfterTheOtherWhenTheirWillsOverflow) {
  WorldOptions options;
  options.config.queue_messages_max = 2;
  options.config.when_full = broker::WhenFull::kDisconnect;
  options.config.stalled_after_ns = 0;
  Build(options);
  std::vector<MqttClient*> chain;
  for (int i = 0; i < 4; ++i) {
    const std::string next = "chain/" + std::to_string(i + 1);
    const std::string own = "chain/" + std::to_string(i);
    chain.push_back(&Connect(
        "c" + std::to_string(i), 0,
        {.clean_start = true,
         .will =
             mqtt::WillView{.topic = next, .payload = AsBytes("x"), .qos = QoS::kAtLeastOnce}}));
    chain.back()->acknowledges = false;
    Subscribe(*chain.back(), own, 1);
  }
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 4; ++i) {
    for (int n = 0; n < 2; ++n) Publish(publisher, "chain/" + std::to_string(i), "full", 1);
  }
  Publish(publisher, "chain/0", "one too many", 1);
  for (const MqttClient* client : chain) EXPECT_FALSE(client->open()) << client->id();
}

TEST_F(PublishTest, BoundsTheQueueInBytesToo) {
  WorldOptions options;
  options.config.queue_bytes_max = 1000;
  Build(options);
  MqttClient& subscriber = Connect("s", 0, Persistent());
  Subscribe(subscriber, "t", 1);
  Break(subscriber);
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 5; ++i) Publish(publisher, "t", std::string(400, 'a' + i), 1);
  EXPECT_EQ(Dropped(DropReason::kQueueFull), 3u);
  Publish(publisher, "t", std::string(5000, 'z'), 1);
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 1) << "one message is always taken";
}

TEST_F(PublishTest, KeepsWhatIsInFlightWhenTheQueueIsFull) {
  WorldOptions options;
  options.config.queue_messages_max = 4;
  options.config.stalled_after_ns = 0;
  Build(options);
  MqttClient& subscriber = Connect("s", 0, {.clean_start = true, .receive_maximum = 2});
  subscriber.acknowledges = false;
  Subscribe(subscriber, "t", 1);
  PublishNumbers(Connect("p"), 1, 100);
  subscriber.acknowledges = true;
  subscriber.SendAck(PacketType::kPuback, subscriber.received.at(0).packet_id);
  subscriber.SendAck(PacketType::kPuback, subscriber.received.at(1).packet_id);
  world().Run();
  EXPECT_THAT(subscriber.Payloads(), ElementsAre("1", "2", "99", "100"));
}

TEST_F(PublishTest, DropsQos0ToASubscriberThatDoesNotReadAndKeepsQos1) {
  WorldOptions options;
  options.config.unsent_bytes_soft = 1000;
  options.config.unsent_bytes_hard = 4000;
  Build(options);
  MqttClient& subscriber = Connect("s");
  Subscribe(subscriber, "t", 1);
  subscriber.reads = false;
  MqttClient& publisher = Connect("p");
  for (int i = 0; i < 20; ++i) Publish(publisher, "t", std::string(500, 'q'), 0);
  EXPECT_GE(Dropped(DropReason::kSlowConsumer), 10u);
  for (int i = 0; i < 20; ++i) Publish(publisher, "t", std::to_string(i), 1);
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 20);
  subscriber.ForgetSeen();
  subscriber.reads = true;
  world().Run();
  EXPECT_EQ(world().metrics(0, 0).queued_messages(), 0) << "all of QoS 1 got there";
}

}  // namespace
}  // namespace tandem::testing
