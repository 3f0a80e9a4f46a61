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
  PacketSet client;      // where a client may send it
  PacketSet server;      // where a server may send it
  PacketSet repeatable;  // where it may stand more than once
  // Of a number: outside these bounds the packet is refused with `out_of_bounds`.
  std::uint32_t least = 0;
  std::uint32_t greatest = UINT32_MAX;
  ReasonCode out_of_bounds = ReasonCode::kProtocolError;
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
inline constexpr PacketSet kNowhere{};

// clang-format off
inline constexpr std::array kPropertyRows = {
    PropertyRow{kPayloadFormatIndicator, "Payload Format Indicator", kByte, {kPublish, kWill}, {kPublish}, kNowhere,
                0, 1, ReasonCode::kProtocolError, true},
    PropertyRow{kMessageExpiryInterval, "Message Expiry Interval", kFourByte, {kPublish, kWill}, {kPublish}, kNowhere},
    PropertyRow{kContentType, "Content Type", kText, {kPublish, kWill}, {kPublish}, kNowhere,
                0, UINT32_MAX, ReasonCode::kProtocolError, true},
    PropertyRow{kResponseTopic, "Response Topic", kTopicName, {kPublish, kWill}, {kPublish}, kNowhere,
                0, UINT32_MAX, ReasonCode::kProtocolError, true},
    PropertyRow{kCorrelationData, "Correlation Data", kBinary, {kPublish, kWill}, {kPublish}, kNowhere,
                0, UINT32_MAX, ReasonCode::kProtocolError, true},
    PropertyRow{kSubscriptionIdentifier, "Subscription Identifier", kVariableByte, {kSubscribe}, {kPublish}, {kPublish}, 1},
    PropertyRow{kSessionExpiryInterval, "Session Expiry Interval", kFourByte, {kConnect, kDisconnect}, {kConnack}, kNowhere},
    PropertyRow{kAssignedClientIdentifier, "Assigned Client Identifier", kText, {}, {kConnack}, kNowhere},
    PropertyRow{kServerKeepAlive, "Server Keep Alive", kTwoByte, {}, {kConnack}, kNowhere},
    PropertyRow{kAuthenticationMethod, "Authentication Method", kText, {kConnect, kAuth}, {kConnack, kAuth}, kNowhere},
    PropertyRow{kAuthenticationData, "Authentication Data", kBinary, {kConnect, kAuth}, {kConnack, kAuth}, kNowhere},
    PropertyRow{kRequestProblemInformation, "Request Problem Information", kByte, {kConnect}, {}, kNowhere, 0, 1},
    PropertyRow{kWillDelayInterval, "Will Delay Interval", kFourByte, {kWill}, {}, kNowhere},
    PropertyRow{kRequestResponseInformation, "Request Response Information", kByte, {kConnect}, {}, kNowhere, 0, 1},
    PropertyRow{kResponseInformation, "Response Information", kText, {}, {kConnack}, kNowhere},
    PropertyRow{kServerReference, "Server Reference", kText, {}, {kConnack, kDisconnect}, kNowhere},
    PropertyRow{kReasonString, "Reason String", kText, kClientReasons, kServerReasons, kNowhere},
    PropertyRow{kReceiveMaximum, "Receive Maximum", kTwoByte, {kConnect}, {kConnack}, kNowhere, 1},
    PropertyRow{kTopicAliasMaximum, "Topic Alias Maximum", kTwoByte, {kConnect}, {kConnack}, kNowhere},
    PropertyRow{kTopicAlias, "Topic Alias", kTwoByte, {kPublish}, {kPublish}, kNowhere,
                1, UINT32_MAX, ReasonCode::kTopicAliasInvalid},
    PropertyRow{kMaximumQoS, "Maximum QoS", kByte, {}, {kConnack}, kNowhere, 0, 1},
    PropertyRow{kRetainAvailable, "Retain Available", kByte, {}, {kConnack}, kNowhere, 0, 1},
    PropertyRow{kUserProperty, "User Property", kTextPair, kClientUser, kServerUser, kEverywhere,
                0, UINT32_MAX, ReasonCode::kProtocolError, true},
    PropertyRow{kMaximumPacketSize, "Maximum Packet Size", kFourByte, {kConnect}, {kConnack}, kNowhere, 1},
    PropertyRow{kWildcardSubscriptionAvailable, "Wildcard Subscription Available", kByte, {}, {kConnack}, kNowhere, 0, 1},
    PropertyRow{kSubscriptionIdentifierAvailable, "Subscription Identifier Available", kByte, {}, {kConnack}, kNowhere, 0, 1},
    PropertyRow{kSharedSubscriptionAvailable, "Shared Subscription Available", kByte, {}, {kConnack}, kNowhere, 0, 1},
};
// clang-format on

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
