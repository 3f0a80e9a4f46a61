// MQTT control packets as the decoder yields and the encoder takes them: views into the received
// bytes, nothing copied. Sections refer to MQTT 5.0; what 3.1.1 and 3.1 lack simply stays at its
// default. Every member has an initializer, so that designated initializers may leave out any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "engine/base/bytes.h"

namespace tandem::mqtt {

enum class Version : std::uint8_t { k31 = 3, k311 = 4, k5 = 5 };

// Who wrote the bytes: a server refuses what only a server may send, and the other way round
// (2.1.2, 2.2.2.2).
enum class Sender : std::uint8_t { kClient, kServer };

enum class QoS : std::uint8_t { kAtMostOnce = 0, kAtLeastOnce = 1, kExactlyOnce = 2 };

// 1..65535; 0 stands for "none".
enum class PacketId : std::uint16_t {};
inline constexpr PacketId kNoPacketId{0};

// 2.1.2.
enum class PacketType : std::uint8_t {
  kConnect = 1,
  kConnack,
  kPublish,
  kPuback,
  kPubrec,
  kPubrel,
  kPubcomp,
  kSubscribe,
  kSuback,
  kUnsubscribe,
  kUnsuback,
  kPingreq,
  kPingresp,
  kDisconnect,
  kAuth,
};
// As the specification writes it: "PUBLISH".
std::string_view Name(PacketType type) noexcept;

// 2.4. For 3.x the encoder maps CONNACK and SUBACK codes to their older equivalents
// (reason_code.h).
enum class ReasonCode : std::uint8_t {
  kSuccess = 0x00,  // also normal disconnection, granted QoS 0
  kGrantedQoS1 = 0x01,
  kGrantedQoS2 = 0x02,
  kDisconnectWithWill = 0x04,
  kNoMatchingSubscribers = 0x10,
  kNoSubscriptionExisted = 0x11,
  kContinueAuthentication = 0x18,
  kReauthenticate = 0x19,
  kUnspecifiedError = 0x80,
  kMalformedPacket = 0x81,
  kProtocolError = 0x82,
  kImplementationSpecificError = 0x83,
  kUnsupportedProtocolVersion = 0x84,
  kClientIdentifierNotValid = 0x85,
  kBadUserNameOrPassword = 0x86,
  kNotAuthorized = 0x87,
  kServerUnavailable = 0x88,
  kServerBusy = 0x89,
  kBanned = 0x8A,
  kServerShuttingDown = 0x8B,
  kBadAuthenticationMethod = 0x8C,
  kKeepAliveTimeout = 0x8D,
  kSessionTakenOver = 0x8E,
  kTopicFilterInvalid = 0x8F,
  kTopicNameInvalid = 0x90,
  kPacketIdentifierInUse = 0x91,
  kPacketIdentifierNotFound = 0x92,
  kReceiveMaximumExceeded = 0x93,
  kTopicAliasInvalid = 0x94,
  kPacketTooLarge = 0x95,
  kMessageRateTooHigh = 0x96,
  kQuotaExceeded = 0x97,
  kAdministrativeAction = 0x98,
  kPayloadFormatInvalid = 0x99,
  kRetainNotSupported = 0x9A,
  kQoSNotSupported = 0x9B,
  kUseAnotherServer = 0x9C,
  kServerMoved = 0x9D,
  kSharedSubscriptionsNotSupported = 0x9E,
  kConnectionRateExceeded = 0x9F,
  kMaximumConnectTime = 0xA0,
  kSubscriptionIdentifiersNotSupported = 0xA1,
  kWildcardSubscriptionsNotSupported = 0xA2,
};
inline constexpr bool IsError(ReasonCode code) noexcept {
  return static_cast<std::uint8_t>(code) >= 0x80;
}

// 2.2.2.2. The first column of the table in property.h.
enum class PropertyId : std::uint8_t {
  kPayloadFormatIndicator = 0x01,
  kMessageExpiryInterval = 0x02,
  kContentType = 0x03,
  kResponseTopic = 0x08,
  kCorrelationData = 0x09,
  kSubscriptionIdentifier = 0x0B,
  kSessionExpiryInterval = 0x11,
  kAssignedClientIdentifier = 0x12,
  kServerKeepAlive = 0x13,
  kAuthenticationMethod = 0x15,
  kAuthenticationData = 0x16,
  kRequestProblemInformation = 0x17,
  kWillDelayInterval = 0x18,
  kRequestResponseInformation = 0x19,
  kResponseInformation = 0x1A,
  kServerReference = 0x1C,
  kReasonString = 0x1F,
  kReceiveMaximum = 0x21,
  kTopicAliasMaximum = 0x22,
  kTopicAlias = 0x23,
  kMaximumQoS = 0x24,
  kRetainAvailable = 0x25,
  kUserProperty = 0x26,
  kMaximumPacketSize = 0x27,
  kWildcardSubscriptionAvailable = 0x28,
  kSubscriptionIdentifierAvailable = 0x29,
  kSharedSubscriptionAvailable = 0x2A,
};

// The properties of one packet, or of one will, as they stood on the wire: identifiers and values
// without the length in front, already validated (known, allowed here, well-formed, not repeated).
// property.h walks and filters them.
struct PropertiesView {
  Bytes raw{};
};

// 3.1.3.2: the will. Its delay and expiry are taken out of `properties` for convenience, and stay
// in it too.
struct WillView {
  std::string_view topic{};
  Bytes payload{};
  QoS qos{};
  bool retain = false;
  std::uint32_t delay_s = 0;
  std::optional<std::uint32_t> message_expiry_s{};
  PropertiesView properties{};
};

// 3.1.
struct ConnectView {
  Version version{};
  bool clean_start = false;  // clean session in 3.x
  std::uint16_t keep_alive_s = 0;
  std::string_view client_id{};
  std::optional<WillView> will{};
  std::optional<std::string_view> user_name{};
  std::optional<Bytes> password{};
  // Level with bit 7 set, as mosquitto's bridges send it; `version` is without that bit.
  bool bridge = false;
  // 3.1.2.11; the defaults are the specification's.
  std::uint32_t session_expiry_s = 0;  // 3.x: 0 with clean session, else 0xFFFFFFFF
  std::uint16_t receive_maximum = 65'535;
  std::uint32_t maximum_packet_size = UINT32_MAX;
  std::uint16_t topic_alias_maximum = 0;
  bool request_response_information = false;
  bool request_problem_information = true;
  std::optional<std::string_view> authentication_method{};
  std::optional<Bytes> authentication_data{};
  PropertiesView properties{};
};

// 3.2. For the encoder: an empty optional is left out. 3.x clients get `session_present` and the
// mapped code.
struct ConnackView {
  bool session_present = false;
  ReasonCode reason = ReasonCode::kSuccess;
  std::optional<std::uint32_t> session_expiry_s{};
  std::optional<std::uint16_t> receive_maximum{};
  std::optional<std::uint8_t> maximum_qos{};
  std::optional<bool> retain_available{};
  std::optional<std::uint32_t> maximum_packet_size{};
  std::optional<std::string_view> assigned_client_id{};
  std::optional<std::uint16_t> topic_alias_maximum{};
  std::optional<std::string_view> reason_string{};
  std::optional<bool> wildcard_subscription_available{};
  std::optional<bool> subscription_identifiers_available{};
  std::optional<bool> shared_subscription_available{};
  std::optional<std::uint16_t> server_keep_alive_s{};
  std::optional<std::string_view> response_information{};
  std::optional<std::string_view> server_reference{};
  std::optional<std::string_view> authentication_method{};
  std::optional<Bytes> authentication_data{};
  // Decoder: everything; encoder: the user properties are appended as they are.
  PropertiesView properties{};
};

// 3.3. `topic` may be empty only when `topic_alias` is set.
struct PublishView {
  bool dup = false;
  QoS qos{};
  bool retain = false;
  PacketId packet_id = kNoPacketId;
  std::string_view topic{};
  std::optional<std::uint16_t> topic_alias{};
  std::optional<std::uint32_t> message_expiry_s{};
  std::optional<std::uint8_t> payload_format{};
  std::optional<std::string_view> response_topic{};
  PropertiesView properties{};  // all of them, the ones above included
  Bytes payload{};
};

// PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7).
struct AckView {
  PacketType type{};
  PacketId packet_id = kNoPacketId;
  ReasonCode reason = ReasonCode::kSuccess;
  std::optional<std::string_view> reason_string{};
  PropertiesView properties{};
};

// 3.8.3.1.
struct SubscriptionOptions {
  QoS qos{};
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;  // 0 send, 1 send if new, 2 do not send
  friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};
struct SubscribeEntry {
  // UTF-8 checked; the syntax of the filter is the broker's to check (topic.h).
  std::string_view filter{};
  SubscriptionOptions options{};
};

// The entries of SUBSCRIBE, decoded one after another from validated bytes: nothing is allocated.
class SubscribeEntries {
 public:
  SubscribeEntries() = default;
  SubscribeEntries(Bytes raw, Version version) noexcept : raw_(raw), version_(version) {}
  // The next entry, or nothing at the end.
  std::optional<SubscribeEntry> Next() noexcept;
  Bytes raw() const noexcept { return raw_; }

 private:
  Bytes raw_;
  Version version_{};
};

// 3.8. `count` >= 1.
struct SubscribeView {
  PacketId packet_id = kNoPacketId;
  std::optional<std::uint32_t> subscription_id{};
  std::size_t count = 0;
  SubscribeEntries entries{};  // copy it to walk more than once
  PropertiesView properties{};
};

// 3.9 and 3.11. UNSUBACK of 3.x has no codes.
struct SubackView {
  PacketId packet_id = kNoPacketId;
  std::span<const ReasonCode> codes{};
  std::optional<std::string_view> reason_string{};
  PropertiesView properties{};
};
struct UnsubackView {
  PacketId packet_id = kNoPacketId;
  std::span<const ReasonCode> codes{};
  std::optional<std::string_view> reason_string{};
  PropertiesView properties{};
};

// The filters of UNSUBSCRIBE, one after another.
class UnsubscribeFilters {
 public:
  UnsubscribeFilters() = default;
  explicit UnsubscribeFilters(Bytes raw) noexcept : raw_(raw) {}
  std::optional<std::string_view> Next() noexcept;

 private:
  Bytes raw_;
};

// 3.10. `count` >= 1.
struct UnsubscribeView {
  PacketId packet_id = kNoPacketId;
  std::size_t count = 0;
  UnsubscribeFilters filters{};
  PropertiesView properties{};
};

struct PingreqView {
  // Not constexpr: g++ would otherwise make a Packet by clearing all of it (272 bytes, 10 ns).
  PingreqView() noexcept {}
};
struct PingrespView {};

// 3.14.
struct DisconnectView {
  ReasonCode reason = ReasonCode::kSuccess;
  std::optional<std::uint32_t> session_expiry_s{};
  std::optional<std::string_view> reason_string{};
  std::optional<std::string_view> server_reference{};
  PropertiesView properties{};
};

// 3.15.
struct AuthView {
  ReasonCode reason = ReasonCode::kSuccess;
  std::optional<std::string_view> authentication_method{};
  std::optional<Bytes> authentication_data{};
  std::optional<std::string_view> reason_string{};
  PropertiesView properties{};
};

// Nothing to initialise in the first alternative: a result that carries no packet costs nothing.
using Packet = std::variant<PingreqView, PingrespView, ConnectView, ConnackView, PublishView,
                            AckView, SubscribeView, SubackView, UnsubscribeView, UnsubackView,
                            DisconnectView, AuthView>;

}  // namespace tandem::mqtt
