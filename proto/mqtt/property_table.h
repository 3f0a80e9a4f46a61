// One row per MQTT 5.0 property (table 2-4 and the sections of chapter 3). A new property is a new
// row here and its number in PropertyId (packet.h); decoding, validation, repetition and forwarding
// follow from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/packet_set.h"

namespace tandem::mqtt {

// 1.5. kTopicName is a string without wildcards.
enum class PropertyType : std::uint8_t {
  kByte,
  kTwoByte,
  kFourByte,
  kVariableByte,
  kText,
  kTopicName,
  kBinary,
  kTextPair,
};

struct PropertyRow {
  PropertyId id{};
  std::string_view name;
  PropertyType type{};
  PacketSet client;  // where a client may send it
  PacketSet server;  // where a server may send it
  // Of a number: outside these bounds the packet is refused with `out_of_bounds`.
  std::uint32_t least = 0;
  std::uint32_t greatest = UINT32_MAX;
  ReasonCode out_of_bounds = ReasonCode::kProtocolError;
  PacketSet repeatable{};     // where it may stand more than once
  bool is_forwarded = false;  // part of the message: a receiver gets it unchanged (3.3.2.3)
};

namespace internal {

using enum PacketType;
using enum PropertyType;
using enum PropertyId;

// All packets with a Reason String, by sender.
inline constexpr PacketSet kClientReasons{kPuback, kPubrec, kPubrel, kPubcomp, kDisconnect, kAuth};
inline constexpr PacketSet kServerReasons{kConnack, kPuback,   kPubrec,     kPubrel, kPubcomp,
                                          kSuback,  kUnsuback, kDisconnect, kAuth};
inline constexpr PacketSet kClientUser{kConnect,     kWill,       kPublish, kPuback,
                                       kPubrec,      kPubrel,     kPubcomp, kSubscribe,
                                       kUnsubscribe, kDisconnect, kAuth};
inline constexpr PacketSet kServerUser{kConnack, kPublish, kPuback,   kPubrec,     kPubrel,
                                       kPubcomp, kSuback,  kUnsuback, kDisconnect, kAuth};
inline constexpr PacketSet kEverywhere{kWill,        kConnect,  kConnack,    kPublish,   kPuback,
                                       kPubrec,      kPubrel,   kPubcomp,    kSubscribe, kSuback,
                                       kUnsubscribe, kUnsuback, kDisconnect, kAuth};
inline constexpr PacketSet kClientMessage{kPublish, kWill};

constexpr PropertyRow Forwarded(PropertyRow row) {
  row.is_forwarded = true;
  return row;
}
constexpr PropertyRow Repeatable(PacketSet places, PropertyRow row) {
  row.repeatable = places;
  return row;
}

// clang-format off
inline constexpr std::array<PropertyRow, 27> kPropertyRows = {{
    Forwarded({kPayloadFormatIndicator, "Payload Format Indicator", kByte, kClientMessage, {kPublish}, 0, 1}),
    {kMessageExpiryInterval, "Message Expiry Interval", kFourByte, kClientMessage, {kPublish}},
    Forwarded({kContentType, "Content Type", kText, kClientMessage, {kPublish}}),
    Forwarded({kResponseTopic, "Response Topic", kTopicName, kClientMessage, {kPublish}}),
    Forwarded({kCorrelationData, "Correlation Data", kBinary, kClientMessage, {kPublish}}),
    Repeatable({kPublish},
               {kSubscriptionIdentifier, "Subscription Identifier", kVariableByte, {kSubscribe}, {kPublish}, 1}),
    {kSessionExpiryInterval, "Session Expiry Interval", kFourByte, {kConnect, kDisconnect}, {kConnack}},
    {kAssignedClientIdentifier, "Assigned Client Identifier", kText, {}, {kConnack}},
    {kServerKeepAlive, "Server Keep Alive", kTwoByte, {}, {kConnack}},
    {kAuthenticationMethod, "Authentication Method", kText, {kConnect, kAuth}, {kConnack, kAuth}},
    {kAuthenticationData, "Authentication Data", kBinary, {kConnect, kAuth}, {kConnack, kAuth}},
    {kRequestProblemInformation, "Request Problem Information", kByte, {kConnect}, {}, 0, 1},
    {kWillDelayInterval, "Will Delay Interval", kFourByte, {kWill}, {}},
    {kRequestResponseInformation, "Request Response Information", kByte, {kConnect}, {}, 0, 1},
    {kResponseInformation, "Response Information", kText, {}, {kConnack}},
    {kServerReference, "Server Reference", kText, {}, {kConnack, kDisconnect}},
    {kReasonString, "Reason String", kText, kClientReasons, kServerReasons},
    {kReceiveMaximum, "Receive Maximum", kTwoByte, {kConnect}, {kConnack}, 1},
    {kTopicAliasMaximum, "Topic Alias Maximum", kTwoByte, {kConnect}, {kConnack}},
    {kTopicAlias, "Topic Alias", kTwoByte, {kPublish}, {kPublish}, 1, UINT32_MAX, ReasonCode::kTopicAliasInvalid},
    {kMaximumQoS, "Maximum QoS", kByte, {}, {kConnack}, 0, 1},
    {kRetainAvailable, "Retain Available", kByte, {}, {kConnack}, 0, 1},
    Repeatable(kEverywhere, Forwarded({kUserProperty, "User Property", kTextPair, kClientUser, kServerUser})),
    {kMaximumPacketSize, "Maximum Packet Size", kFourByte, {kConnect}, {kConnack}, 1},
    {kWildcardSubscriptionAvailable, "Wildcard Subscription Available", kByte, {}, {kConnack}, 0, 1},
    {kSubscriptionIdentifierAvailable, "Subscription Identifier Available", kByte, {}, {kConnack}, 0, 1},
    {kSharedSubscriptionAvailable, "Shared Subscription Available", kByte, {}, {kConnack}, 0, 1},
}};
// clang-format on
static_assert(!kPropertyRows.back().name.empty(), "the size of the table is above its rows");

// One bit per identifier shows repetitions (property_parser.h).
inline constexpr std::size_t kPropertyIds = 64;

inline constexpr auto kPropertyRowOf = [] {
  std::array<std::uint8_t, kPropertyIds> index{};
  index.fill(kPropertyRows.size());
  for (std::size_t i = 0; i < kPropertyRows.size(); ++i) {
    index[static_cast<std::uint8_t>(kPropertyRows[i].id)] = static_cast<std::uint8_t>(i);
  }
  return index;
}();

}  // namespace internal

inline constexpr const auto& kPropertyTable = internal::kPropertyRows;

// Nothing for an identifier without a row.
constexpr const PropertyRow* FindProperty(std::uint32_t id) noexcept {
  if (id >= internal::kPropertyIds) return nullptr;
  const std::size_t row = internal::kPropertyRowOf[id];
  return row < kPropertyTable.size() ? &kPropertyTable[row] : nullptr;
}

}  // namespace tandem::mqtt
