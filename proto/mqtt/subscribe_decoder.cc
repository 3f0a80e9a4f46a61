// SUBSCRIBE, UNSUBSCRIBE and their acknowledgements (3.8 to 3.11).
#include <algorithm>

#include "proto/mqtt/packet_decoders.h"
#include "proto/mqtt/property_parser.h"
#include "proto/mqtt/reason_code.h"
#include "proto/mqtt/topic.h"

namespace tandem::mqtt {
namespace {

using enum PropertyId;

// The byte behind a filter (3.8.3.1): 5.0 names its faults one by one, 3.1.1 calls all of them
// malformed [MQTT-3.8.3-4 of 3.1.1], 3.1 says that the upper six bits are unused.
void CheckOptions(Version version, std::string_view filter, std::uint8_t options,
                  Reader& in) noexcept {
  const unsigned qos = options & 0x03U;
  if (version != Version::k5) {
    if (qos == 3 || (version == Version::k311 && options > 2))
      in.RefuseMalformed("wrong subscription options");
    return;
  }
  if ((options & 0xC0) != 0)
    return in.RefuseMalformed("reserved bits of the subscription options are set");
  if (qos == 3) return in.Refuse(ReasonCode::kProtocolError, "subscription with QoS 3");
  if ((options & 0x30) == 0x30) return in.Refuse(ReasonCode::kProtocolError, "Retain Handling 3");
  if ((options & 0x04) != 0 && ParseSharedFilter(filter)) {
    in.Refuse(ReasonCode::kProtocolError, "No Local on a shared subscription");
  }
}

// The reason codes up to the end of the packet: at least one, each of the packet's table.
std::span<const ReasonCode> ReadReasons(DecodeContext context, PacketType type,
                                        Reader& in) noexcept {
  const Bytes codes = in.TakeRest();
  if (codes.empty())
    in.Refuse(ReasonCode::kProtocolError, "an acknowledgement without reason codes");
  const std::span<const ReasonCode> reasons{reinterpret_cast<const ReasonCode*>(codes.data()),
                                            codes.size()};
  const bool are_allowed = std::ranges::all_of(
      reasons, [&](ReasonCode reason) { return IsAllowed(reason, type, context.sender); });
  if (!are_allowed)
    in.Refuse(ReasonCode::kProtocolError, "a reason code that this packet may not have");
  return reasons;
}

}  // namespace

void DecodeSubscribe(DecodeContext context, Reader& in, SubscribeView& subscribe) noexcept {
  subscribe.packet_id = ReadPacketId(in);
  if (context.version == Version::k5) {
    subscribe.properties =
        ReadProperties(PacketType::kSubscribe, context.sender, in, [&](const Property& property) {
          if (property.id == kSubscriptionIdentifier) subscribe.subscription_id = property.number;
        });
  }
  if (in.left() == 0) in.Refuse(ReasonCode::kProtocolError, "SUBSCRIBE without a filter");
  subscribe.entries = SubscribeEntries({in.position(), in.left()}, context.version);
  for (; in.left() != 0; ++subscribe.count) {
    const std::string_view filter = in.Text(TextCheckOf(context.version));
    CheckOptions(context.version, filter, in.Byte(), in);
  }
}

void DecodeUnsubscribe(DecodeContext context, Reader& in, UnsubscribeView& unsubscribe) noexcept {
  unsubscribe.packet_id = ReadPacketId(in);
  if (context.version == Version::k5) {
    unsubscribe.properties =
        ReadProperties(PacketType::kUnsubscribe, context.sender, in, [](const Property&) {});
  }
  if (in.left() == 0) in.Refuse(ReasonCode::kProtocolError, "UNSUBSCRIBE without a filter");
  unsubscribe.filters = UnsubscribeFilters({in.position(), in.left()});
  for (; in.left() != 0; ++unsubscribe.count) in.Text(TextCheckOf(context.version));
}

void DecodeSuback(DecodeContext context, Reader& in, SubackView& suback) noexcept {
  suback.packet_id = ReadPacketId(in);
  if (context.version == Version::k5) {
    suback.properties =
        ReadProperties(PacketType::kSuback, context.sender, in, [&](const Property& property) {
          if (property.id == kReasonString) suback.reason_string = AsText(property.data);
        });
  }
  suback.codes = ReadReasons(context, PacketType::kSuback, in);
  if (context.version != Version::k5 && std::ranges::any_of(suback.codes, [](ReasonCode code) {
        return code > ReasonCode::kUnspecifiedError;
      })) {
    in.RefuseMalformed("a reserved return code");
  }
}

void DecodeUnsuback(DecodeContext context, Reader& in, UnsubackView& unsuback) noexcept {
  unsuback.packet_id = ReadPacketId(in);
  if (context.version != Version::k5) return;
  unsuback.properties =
      ReadProperties(PacketType::kUnsuback, context.sender, in, [&](const Property& property) {
        if (property.id == kReasonString) unsuback.reason_string = AsText(property.data);
      });
  unsuback.codes = ReadReasons(context, PacketType::kUnsuback, in);
}

}  // namespace tandem::mqtt
