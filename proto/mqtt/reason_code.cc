#include "proto/mqtt/reason_code.h"

#include <array>
#include <cstddef>

#include "proto/mqtt/packet_set.h"

namespace tandem::mqtt {
namespace {

constexpr std::uint8_t kNone3 = 0xFF;

struct Row {
  ReasonCode code{};
  std::string_view name;
  PacketSet client;  // packets in which a client may send it
  PacketSet server;
  std::uint8_t connack3 = kNone3;
};

using enum ReasonCode;
using enum PacketType;

// Acknowledgements go both ways; CONNACK, SUBACK and UNSUBACK are the server's; DISCONNECT and AUTH
// differ by sender (tables 3-10 and 3-11).
constexpr std::array kRows = {
    Row{kSuccess,
        "Success",
        {kPuback, kPubrec, kPubrel, kPubcomp, kDisconnect},
        {kConnack, kPuback, kPubrec, kPubrel, kPubcomp, kSuback, kUnsuback, kDisconnect, kAuth},
        0},
    Row{kGrantedQoS1, "Granted QoS 1", {}, {kSuback}},
    Row{kGrantedQoS2, "Granted QoS 2", {}, {kSuback}},
    Row{kDisconnectWithWill, "Disconnect with Will Message", {kDisconnect}, {}},
    Row{kNoMatchingSubscribers, "No matching subscribers", {kPuback, kPubrec}, {kPuback, kPubrec}},
    Row{kNoSubscriptionExisted, "No subscription existed", {}, {kUnsuback}},
    Row{kContinueAuthentication, "Continue authentication", {kAuth}, {kAuth}},
    Row{kReauthenticate, "Re-authenticate", {kAuth}, {}},
    Row{kUnspecifiedError,
        "Unspecified error",
        {kPuback, kPubrec, kDisconnect},
        {kConnack, kPuback, kPubrec, kSuback, kUnsuback, kDisconnect},
        3},
    Row{kMalformedPacket, "Malformed Packet", {kDisconnect}, {kConnack, kDisconnect}},
    Row{kProtocolError, "Protocol Error", {kDisconnect}, {kConnack, kDisconnect}},
    Row{kImplementationSpecificError,
        "Implementation specific error",
        {kPuback, kPubrec, kDisconnect},
        {kConnack, kPuback, kPubrec, kSuback, kUnsuback, kDisconnect},
        3},
    Row{kUnsupportedProtocolVersion, "Unsupported Protocol Version", {}, {kConnack}, 1},
    Row{kClientIdentifierNotValid, "Client Identifier not valid", {}, {kConnack}, 2},
    Row{kBadUserNameOrPassword, "Bad User Name or Password", {}, {kConnack}, 4},
    Row{kNotAuthorized,
        "Not authorized",
        {kPuback, kPubrec},
        {kConnack, kPuback, kPubrec, kSuback, kUnsuback, kDisconnect},
        5},
    Row{kServerUnavailable, "Server unavailable", {}, {kConnack}, 3},
    Row{kServerBusy, "Server busy", {}, {kConnack, kDisconnect}, 3},
    Row{kBanned, "Banned", {}, {kConnack}, 5},
    Row{kServerShuttingDown, "Server shutting down", {}, {kDisconnect}},
    Row{kBadAuthenticationMethod, "Bad authentication method", {}, {kConnack, kDisconnect}},
    Row{kKeepAliveTimeout, "Keep Alive timeout", {}, {kDisconnect}},
    Row{kSessionTakenOver, "Session taken over", {}, {kDisconnect}},
    Row{kTopicFilterInvalid, "Topic Filter invalid", {}, {kSuback, kUnsuback, kDisconnect}},
    Row{kTopicNameInvalid,
        "Topic Name invalid",
        {kPuback, kPubrec, kDisconnect},
        {kConnack, kPuback, kPubrec, kDisconnect}},
    Row{kPacketIdentifierInUse,
        "Packet Identifier in use",
        {kPuback, kPubrec},
        {kPuback, kPubrec, kSuback, kUnsuback}},
    Row{kPacketIdentifierNotFound,
        "Packet Identifier not found",
        {kPubrel, kPubcomp},
        {kPubrel, kPubcomp}},
    Row{kReceiveMaximumExceeded, "Receive Maximum exceeded", {kDisconnect}, {kDisconnect}},
    Row{kTopicAliasInvalid, "Topic Alias invalid", {kDisconnect}, {kDisconnect}},
    Row{kPacketTooLarge, "Packet too large", {kDisconnect}, {kConnack, kDisconnect}},
    Row{kMessageRateTooHigh, "Message rate too high", {kDisconnect}, {kDisconnect}},
    Row{kQuotaExceeded,
        "Quota exceeded",
        {kPuback, kPubrec, kDisconnect},
        {kConnack, kPuback, kPubrec, kSuback, kDisconnect},
        3},
    Row{kAdministrativeAction, "Administrative action", {kDisconnect}, {kDisconnect}},
    Row{kPayloadFormatInvalid,
        "Payload format invalid",
        {kPuback, kPubrec, kDisconnect},
        {kConnack, kPuback, kPubrec, kDisconnect}},
    Row{kRetainNotSupported, "Retain not supported", {}, {kConnack, kDisconnect}},
    Row{kQoSNotSupported, "QoS not supported", {}, {kConnack, kDisconnect}},
    Row{kUseAnotherServer, "Use another server", {}, {kConnack, kDisconnect}, 3},
    Row{kServerMoved, "Server moved", {}, {kConnack, kDisconnect}, 3},
    Row{kSharedSubscriptionsNotSupported,
        "Shared Subscriptions not supported",
        {},
        {kSuback, kDisconnect}},
    Row{kConnectionRateExceeded, "Connection rate exceeded", {}, {kConnack, kDisconnect}, 3},
    Row{kMaximumConnectTime, "Maximum connect time", {}, {kDisconnect}},
    Row{kSubscriptionIdentifiersNotSupported,
        "Subscription Identifiers not supported",
        {},
        {kSuback, kDisconnect}},
    Row{kWildcardSubscriptionsNotSupported,
        "Wildcard Subscriptions not supported",
        {},
        {kSuback, kDisconnect}},
};

constexpr Row kUnknown{{}, "Unknown", {}, {}};

// From the code's number to its row in one step: acknowledgements with a code are on the way of
// every message.
constexpr auto kRowOf = [] {
  std::array<std::uint8_t, 256> index{};
  index.fill(kRows.size());
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    index[static_cast<std::uint8_t>(kRows[i].code)] = static_cast<std::uint8_t>(i);
  }
  return index;
}();

const Row& RowOf(ReasonCode code) noexcept {
  const std::size_t row = kRowOf[static_cast<std::uint8_t>(code)];
  return row < kRows.size() ? kRows[row] : kUnknown;
}

}  // namespace

std::string_view Name(ReasonCode code) noexcept { return RowOf(code).name; }

std::string_view Name(ReasonCode code, PacketType packet) noexcept {
  if (code == kSuccess && packet == kDisconnect) return "Normal disconnection";
  if (code == kSuccess && packet == kSuback) return "Granted QoS 0";
  return Name(code);
}

bool IsAllowed(ReasonCode code, PacketType packet, Sender sender) noexcept {
  const Row& row = RowOf(code);
  return (sender == Sender::kClient ? row.client : row.server).Has(packet);
}

std::optional<std::uint8_t> ConnackCode3(ReasonCode code) noexcept {
  const std::uint8_t connack3 = RowOf(code).connack3;
  if (connack3 == kNone3) return std::nullopt;
  return connack3;
}

std::optional<ReasonCode> FromConnackCode3(std::uint8_t code) noexcept {
  constexpr std::array kCodes = {
      kSuccess,           kUnsupportedProtocolVersion, kClientIdentifierNotValid,
      kServerUnavailable, kBadUserNameOrPassword,      kNotAuthorized};
  if (code >= kCodes.size()) return std::nullopt;
  return kCodes[code];
}

std::uint8_t SubackCode3(ReasonCode code) noexcept {
  return IsError(code) ? 0x80 : static_cast<std::uint8_t>(code);
}

}  // namespace tandem::mqtt
