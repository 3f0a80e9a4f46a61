// Whatever the encoder is given comes back from the decoder, for values that RapidCheck thinks up.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "proto/mqtt/decoder.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/reason_code.h"
#include "proto/mqtt/topic.h"
#include "proto/mqtt/utf8.h"

namespace tandem::mqtt {
namespace {

// Runs a property as part of a GoogleTest; a failing one prints its seed.
template <class Property>
void Check(Property property) {
  ASSERT_TRUE(rc::check(property));
}

std::string AnyText(std::size_t least = 0) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z",
                                                   "/",
                                                   " ",
                                                   "~",
                                                   "$",
                                                   "\xC3\xBC",
                                                   "\xD0\xB6",
                                                   "\xE2\x82\xAC",
                                                   "\xEF\xBB\xBF",
                                                   "\xF0\x9F\x98\x80"};
  std::string text;
  for (const std::string& piece :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kPieces)))
    text += piece;
  while (text.size() < least) text += "x";
  return text;
}
std::vector<std::uint8_t> AnyBytes() { return *rc::gen::arbitrary<std::vector<std::uint8_t>>(); }
Version AnyVersion() { return *rc::gen::element(Version::k31, Version::k311, Version::k5); }
bool AnyBool() { return *rc::gen::arbitrary<bool>(); }
PacketId AnyId() { return PacketId{*rc::gen::inRange<std::uint16_t>(1, 65'535)}; }
QoS AnyQoS() { return *rc::gen::element(QoS::kAtMostOnce, QoS::kAtLeastOnce, QoS::kExactlyOnce); }
ReasonCode AnyCode(PacketType type, Sender sender) {
  return static_cast<ReasonCode>(*rc::gen::suchThat(rc::gen::inRange(0, 256), [=](int code) {
    return IsAllowed(static_cast<ReasonCode>(code), type, sender);
  }));
}
template <class T>
std::optional<T> Maybe(T value) {
  return AnyBool() ? std::optional<T>(value) : std::nullopt;
}
bool Same(Bytes a, Bytes b) { return std::ranges::equal(a, b); }

// Some user properties, as on the wire.
std::vector<std::uint8_t> AnyUserProperties() {
  std::vector<std::uint8_t> raw;
  const int count = *rc::gen::inRange(0, 3);
  for (int i = 0; i < count; ++i) {
    raw.push_back(0x26);
    for (const std::string& text : {AnyText(), AnyText()}) {
      raw.push_back(static_cast<std::uint8_t>(text.size() >> 8));
      raw.push_back(static_cast<std::uint8_t>(text.size()));
      raw.insert(raw.end(), text.begin(), text.end());
    }
  }
  return raw;
}

DecodeResult Decode(Version version, Sender sender, const ByteBuffer& bytes) {
  Decoder decoder(sender);
  decoder.set_version(version);
  const DecodeResult result = decoder.Next(bytes.bytes());
  RC_ASSERT(result.status == DecodeStatus::kPacket);
  RC_ASSERT(result.size == bytes.size());
  return result;
}

TEST(RoundTrip, OfPublish) {
  Check([] {
    const Version version = AnyVersion();
    const bool is_5 = version == Version::k5;
    const std::string topic = AnyText(1);
    const auto payload = AnyBytes();
    const auto forwarded = AnyUserProperties();
    std::vector<std::uint32_t> ids;
    if (AnyBool()) ids.push_back(*rc::gen::inRange<std::uint32_t>(1, 268'435'455));
    const QoS qos = AnyQoS();
    const PublishHead head{.version = version,
                           .dup = qos != QoS::kAtMostOnce && AnyBool(),
                           .qos = qos,
                           .retain = AnyBool(),
                           .packet_id = qos == QoS::kAtMostOnce ? kNoPacketId : AnyId(),
                           .topic = topic,
                           .topic_alias = Maybe(*rc::gen::inRange<std::uint16_t>(1, 65'535)),
                           .message_expiry_s = Maybe(*rc::gen::arbitrary<std::uint32_t>()),
                           .subscription_ids = ids,
                           .forwarded_properties = forwarded,
                           .payload_bytes = payload.size()};
    ByteBuffer bytes;
    const std::size_t id_at = EncodePublishHead(head, bytes);
    bytes.Append(payload);

    const PublishView publish =
        std::get<PublishView>(Decode(version, Sender::kServer, bytes).packet);
    RC_ASSERT(publish.dup == head.dup);
    RC_ASSERT(publish.qos == head.qos);
    RC_ASSERT(publish.retain == head.retain);
    RC_ASSERT(publish.packet_id == head.packet_id);
    RC_ASSERT(publish.topic == head.topic);
    RC_ASSERT(publish.topic_alias == (is_5 ? head.topic_alias : std::nullopt));
    RC_ASSERT(publish.message_expiry_s == (is_5 ? head.message_expiry_s : std::nullopt));
    RC_ASSERT(Same(publish.payload, payload));
    ByteBuffer copied;
    CopyForwardedProperties(publish.properties, copied);
    RC_ASSERT(Same(copied.bytes(), is_5 ? Bytes(forwarded) : Bytes{}));
    if (qos != QoS::kAtMostOnce) {
      const unsigned id = bytes.data()[id_at] * 256U + bytes.data()[id_at + 1];
      RC_ASSERT(PacketId(static_cast<std::uint16_t>(id)) == head.packet_id);
    }
  });
}

TEST(RoundTrip, OfConnect) {
  Check([] {
    const Version version = AnyVersion();
    const bool is_5 = version == Version::k5;
    const std::string client_id = AnyText();
    const std::string user_name = AnyText();
    const std::string method = AnyText();
    const std::string will_topic = AnyText(1);
    const auto password = AnyBytes();
    const auto will_payload = AnyBytes();
    const auto user_properties = AnyUserProperties();
    ConnectView connect{.version = version,
                        .clean_start = AnyBool(),
                        .keep_alive_s = *rc::gen::arbitrary<std::uint16_t>(),
                        .client_id = client_id,
                        .bridge = AnyBool()};
    if (AnyBool()) connect.user_name = user_name;
    if (AnyBool() && (is_5 || connect.user_name)) connect.password = Bytes(password);
    if (AnyBool()) {
      connect.will = WillView{
          .topic = will_topic, .payload = will_payload, .qos = AnyQoS(), .retain = AnyBool()};
    }
    if (is_5) {
      connect.session_expiry_s = *rc::gen::arbitrary<std::uint32_t>();
      connect.receive_maximum = *rc::gen::inRange<std::uint16_t>(1, 65'535);
      connect.maximum_packet_size = *rc::gen::inRange<std::uint32_t>(1, UINT32_MAX);
      connect.topic_alias_maximum = *rc::gen::arbitrary<std::uint16_t>();
      connect.request_response_information = AnyBool();
      connect.request_problem_information = AnyBool();
      if (AnyBool()) connect.authentication_method = method;
      if (connect.authentication_method && AnyBool()) connect.authentication_data = Bytes(password);
      connect.properties = {user_properties};
      if (connect.will) {
        connect.will->delay_s = *rc::gen::arbitrary<std::uint32_t>();
        connect.will->message_expiry_s = Maybe(*rc::gen::arbitrary<std::uint32_t>());
        connect.will->properties = {user_properties};
      }
    }
    ByteBuffer bytes;
    EncodeConnect(connect, bytes);

    Decoder decoder(Sender::kClient);
    const DecodeResult result = decoder.Next(bytes.bytes());
    RC_ASSERT(result.status == DecodeStatus::kPacket);
    const ConnectView& back = std::get<ConnectView>(result.packet);
    RC_ASSERT(back.version == version);
    RC_ASSERT(back.bridge == connect.bridge);
    RC_ASSERT(back.clean_start == connect.clean_start);
    RC_ASSERT(back.keep_alive_s == connect.keep_alive_s);
    RC_ASSERT(back.client_id == client_id);
    RC_ASSERT(back.user_name == connect.user_name);
    RC_ASSERT(back.password.has_value() == connect.password.has_value());
    if (back.password) RC_ASSERT(Same(*back.password, password));
    RC_ASSERT(back.will.has_value() == connect.will.has_value());
    if (back.will) {
      RC_ASSERT(back.will->topic == will_topic);
      RC_ASSERT(Same(back.will->payload, will_payload));
      RC_ASSERT(back.will->qos == connect.will->qos);
      RC_ASSERT(back.will->retain == connect.will->retain);
      RC_ASSERT(back.will->delay_s == connect.will->delay_s);
      RC_ASSERT(back.will->message_expiry_s == connect.will->message_expiry_s);
    }
    if (!is_5) return;
    RC_ASSERT(back.session_expiry_s == connect.session_expiry_s);
    RC_ASSERT(back.receive_maximum == connect.receive_maximum);
    RC_ASSERT(back.maximum_packet_size == connect.maximum_packet_size);
    RC_ASSERT(back.topic_alias_maximum == connect.topic_alias_maximum);
    RC_ASSERT(back.request_response_information == connect.request_response_information);
    RC_ASSERT(back.request_problem_information == connect.request_problem_information);
    RC_ASSERT(back.authentication_method == connect.authentication_method);
    RC_ASSERT(back.authentication_data.has_value() == connect.authentication_data.has_value());
    ByteBuffer copied;
    CopyForwardedProperties(back.properties, copied);
    RC_ASSERT(Same(copied.bytes(), user_properties));
  });
}

TEST(RoundTrip, OfConnack) {
  Check([] {
    const std::string text = AnyText();
    ConnackView connack{.reason = AnyCode(PacketType::kConnack, Sender::kServer)};
    connack.session_present = !IsError(connack.reason) && AnyBool();
    connack.session_expiry_s = Maybe(*rc::gen::arbitrary<std::uint32_t>());
    connack.receive_maximum = Maybe(*rc::gen::inRange<std::uint16_t>(1, 65'535));
    connack.maximum_qos = Maybe(*rc::gen::inRange<std::uint8_t>(0, 2));
    connack.retain_available = Maybe(AnyBool());
    connack.maximum_packet_size = Maybe(*rc::gen::inRange<std::uint32_t>(1, UINT32_MAX));
    connack.assigned_client_id = Maybe(std::string_view(text));
    connack.topic_alias_maximum = Maybe(*rc::gen::arbitrary<std::uint16_t>());
    connack.reason_string = Maybe(std::string_view(text));
    connack.wildcard_subscription_available = Maybe(AnyBool());
    connack.subscription_identifiers_available = Maybe(AnyBool());
    connack.shared_subscription_available = Maybe(AnyBool());
    connack.server_keep_alive_s = Maybe(*rc::gen::arbitrary<std::uint16_t>());
    ByteBuffer bytes;
    EncodeConnack(Version::k5, connack, bytes);
    const ConnackView back =
        std::get<ConnackView>(Decode(Version::k5, Sender::kServer, bytes).packet);
    RC_ASSERT(back.session_present == connack.session_present);
    RC_ASSERT(back.reason == connack.reason);
    RC_ASSERT(back.session_expiry_s == connack.session_expiry_s);
    RC_ASSERT(back.receive_maximum == connack.receive_maximum);
    RC_ASSERT(back.maximum_qos == connack.maximum_qos);
    RC_ASSERT(back.retain_available == connack.retain_available);
    RC_ASSERT(back.maximum_packet_size == connack.maximum_packet_size);
    RC_ASSERT(back.assigned_client_id == connack.assigned_client_id);
    RC_ASSERT(back.topic_alias_maximum == connack.topic_alias_maximum);
    RC_ASSERT(back.reason_string == connack.reason_string);
    RC_ASSERT(back.wildcard_subscription_available == connack.wildcard_subscription_available);
    RC_ASSERT(back.subscription_identifiers_available ==
              connack.subscription_identifiers_available);
    RC_ASSERT(back.shared_subscription_available == connack.shared_subscription_available);
    RC_ASSERT(back.server_keep_alive_s == connack.server_keep_alive_s);
  });
}

TEST(RoundTrip, OfAcknowledgements) {
  Check([] {
    const Version version = AnyVersion();
    const std::string text = AnyText();
    const auto user_properties = AnyUserProperties();
    AckView ack{.type = *rc::gen::element(PacketType::kPuback, PacketType::kPubrec,
                                          PacketType::kPubrel, PacketType::kPubcomp),
                .packet_id = AnyId()};
    if (version == Version::k5) {
      ack.reason = AnyCode(ack.type, Sender::kClient);
      if (AnyBool()) ack.reason_string = text;
      ack.properties = {user_properties};
    }
    ByteBuffer bytes;
    EncodeAck(version, ack, bytes);
    const AckView back = std::get<AckView>(Decode(version, Sender::kClient, bytes).packet);
    RC_ASSERT(back.type == ack.type);
    RC_ASSERT(back.packet_id == ack.packet_id);
    RC_ASSERT(back.reason == ack.reason);
    RC_ASSERT(back.reason_string == ack.reason_string);
    ByteBuffer copied;
    CopyForwardedProperties(back.properties, copied);
    RC_ASSERT(Same(copied.bytes(), ack.properties.raw));
  });
}

TEST(RoundTrip, OfSubscribeAndSuback) {
  Check([] {
    const Version version = AnyVersion();
    const bool is_5 = version == Version::k5;
    std::vector<std::string> filters;
    const int count = *rc::gen::inRange(1, 5);
    for (int i = 0; i < count; ++i) filters.push_back(AnyText(1));
    std::vector<SubscribeEntry> entries;
    std::vector<ReasonCode> codes;
    for (const std::string& filter : filters) {
      SubscriptionOptions options{.qos = AnyQoS()};
      if (is_5) {
        options.no_local = !ParseSharedFilter(filter) && AnyBool();
        options.retain_as_published = AnyBool();
        options.retain_handling = *rc::gen::inRange<std::uint8_t>(0, 3);
      }
      entries.push_back({filter, options});
      codes.push_back(is_5 ? AnyCode(PacketType::kSuback, Sender::kServer)
                           : ReasonCode::kUnspecifiedError);
    }
    const auto subscription_id = Maybe(*rc::gen::inRange<std::uint32_t>(1, 268'435'455));
    ByteBuffer bytes;
    EncodeSubscribe(version, AnyId(), entries, subscription_id, bytes);
    const SubscribeView back =
        std::get<SubscribeView>(Decode(version, Sender::kClient, bytes).packet);
    RC_ASSERT(back.count == entries.size());
    RC_ASSERT(back.subscription_id == (is_5 ? subscription_id : std::nullopt));
    SubscribeEntries walk = back.entries;
    for (const SubscribeEntry& entry : entries) {
      const auto next = walk.Next();
      RC_ASSERT(next.has_value());
      RC_ASSERT(next->filter == entry.filter);
      RC_ASSERT(next->options == entry.options);
    }
    RC_ASSERT(!walk.Next().has_value());

    ByteBuffer ack_bytes;
    EncodeSuback(version, {.packet_id = back.packet_id, .codes = codes}, ack_bytes);
    const SubackView ack = std::get<SubackView>(Decode(version, Sender::kServer, ack_bytes).packet);
    RC_ASSERT(ack.packet_id == back.packet_id);
    RC_ASSERT(std::ranges::equal(ack.codes, codes));
  });
}

TEST(RoundTrip, OfUnsubscribe) {
  Check([] {
    const Version version = AnyVersion();
    std::vector<std::string> filters;
    const int count = *rc::gen::inRange(1, 5);
    for (int i = 0; i < count; ++i) filters.push_back(AnyText());
    const std::vector<std::string_view> views(filters.begin(), filters.end());
    const PacketId id = AnyId();
    ByteBuffer bytes;
    EncodeUnsubscribe(version, id, views, bytes);
    const UnsubscribeView back =
        std::get<UnsubscribeView>(Decode(version, Sender::kClient, bytes).packet);
    RC_ASSERT(back.packet_id == id);
    RC_ASSERT(back.count == views.size());
    UnsubscribeFilters walk = back.filters;
    for (const std::string_view filter : views) RC_ASSERT(walk.Next() == filter);
  });
}

TEST(RoundTrip, OfDisconnectAndAuth) {
  Check([] {
    const std::string text = AnyText();
    const auto data = AnyBytes();
    const DisconnectView disconnect{.reason = AnyCode(PacketType::kDisconnect, Sender::kClient),
                                    .session_expiry_s = Maybe(*rc::gen::arbitrary<std::uint32_t>()),
                                    .reason_string = Maybe(std::string_view(text))};
    ByteBuffer bytes;
    EncodeDisconnect(Version::k5, disconnect, bytes);
    const DisconnectView back =
        std::get<DisconnectView>(Decode(Version::k5, Sender::kClient, bytes).packet);
    RC_ASSERT(back.reason == disconnect.reason);
    RC_ASSERT(back.session_expiry_s == disconnect.session_expiry_s);
    RC_ASSERT(back.reason_string == disconnect.reason_string);

    const AuthView auth{.reason = AnyCode(PacketType::kAuth, Sender::kServer),
                        .authentication_method = text,
                        .authentication_data = Maybe(Bytes(data))};
    ByteBuffer auth_bytes;
    EncodeAuth(auth, auth_bytes);
    const AuthView auth_back =
        std::get<AuthView>(Decode(Version::k5, Sender::kServer, auth_bytes).packet);
    RC_ASSERT(auth_back.reason == auth.reason);
    RC_ASSERT(auth_back.authentication_method == auth.authentication_method);
    RC_ASSERT(auth_back.authentication_data.has_value() == auth.authentication_data.has_value());
  });
}

// 4.7 once more, by recursion over levels.
bool MatchesFrom(const std::vector<std::string>& filter, std::size_t f,
                 const std::vector<std::string>& topic, std::size_t t) {
  if (f == filter.size()) return t == topic.size();
  if (filter[f] == "#") return true;
  if (t == topic.size()) return false;
  return (filter[f] == "+" || filter[f] == topic[t]) && MatchesFrom(filter, f + 1, topic, t + 1);
}
std::string Join(const std::vector<std::string>& levels) {
  std::string text;
  for (std::size_t i = 0; i < levels.size(); ++i) text += (i == 0 ? "" : "/") + levels[i];
  return text;
}

TEST(Matches, AgreesWithTheRecursiveReading) {
  Check([] {
    const std::vector<std::string> names = {"a", "b", ""};
    const std::vector<std::string> wildcards = {"a", "b", "", "+", "+"};
    auto filter = *rc::gen::resize(
        4, rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(wildcards)));
    auto topic = *rc::gen::resize(
        4, rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(names)));
    if (AnyBool()) filter.push_back("#");
    RC_PRE(!filter.empty() && !topic.empty());
    RC_ASSERT(Matches(Join(filter), Join(topic)) == MatchesFrom(filter, 0, topic, 0));
  });
}

TEST(TopicFilter, IsValidIfItIsMadeOfWholeLevels) {
  Check([] {
    const std::vector<std::string> pieces = {"a", "/", "+", "#", "b"};
    std::string filter;
    for (const std::string& piece : *rc::gen::resize(
             6, rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces)))) {
      filter += piece;
    }
    bool is_valid = !filter.empty();
    Levels levels(filter);
    bool is_over = false;
    for (std::string_view level; levels.Next(level);) {
      if (is_over) is_valid = false;
      if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) is_valid = false;
      is_over = level == "#";
    }
    RC_ASSERT(IsValidTopicFilter(filter) == is_valid);
  });
}

}  // namespace
}  // namespace tandem::mqtt
