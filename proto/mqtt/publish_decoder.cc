// PUBLISH and its acknowledgements (3.3 to 3.7): the hot path.
#include "proto/mqtt/packet_decoders.h"
#include "proto/mqtt/property_parser.h"
#include "proto/mqtt/reason_code.h"

namespace tandem::mqtt {
namespace {

using enum PropertyId;

void ReadPublishProperties(Sender sender, Reader& in, PublishView& publish) noexcept {
  publish.properties =
      ReadProperties(PacketType::kPublish, sender, in, [&](const Property& property) {
        switch (property.id) {
          case kPayloadFormatIndicator:
            publish.payload_format = static_cast<std::uint8_t>(property.number);
            break;
          case kMessageExpiryInterval:
            publish.message_expiry_s = property.number;
            break;
          case kTopicAlias:
            publish.topic_alias = static_cast<std::uint16_t>(property.number);
            break;
          case kResponseTopic:
            publish.response_topic = AsText(property.data);
            break;
          default:
            break;
        }
      });
}

}  // namespace

PacketId ReadPacketId(Reader& in) noexcept {
  const std::uint16_t id = in.TwoBytes();
  if (id == 0) in.Refuse(ReasonCode::kProtocolError, "packet identifier 0");
  return PacketId{id};
}

ReasonCode ReadReason(DecodeContext context, PacketType type, Reader& in) noexcept {
  const auto reason = static_cast<ReasonCode>(in.Byte());
  if (!IsAllowed(reason, type, context.sender)) {
    in.Refuse(ReasonCode::kProtocolError, "a reason code that this packet may not have");
  }
  return reason;
}

void DecodePublish(DecodeContext context, std::uint8_t flags, Reader& in,
                   PublishView& publish) noexcept {
  publish.dup = (flags & 0x08) != 0;
  publish.qos = static_cast<QoS>((flags >> 1) & 0x03);
  publish.retain = (flags & 0x01) != 0;
  if (publish.dup && publish.qos == QoS::kAtMostOnce) {
    // 3.1 says only that DUP is for QoS above 0.
    if (context.version != Version::k31) return in.RefuseMalformed("DUP with QoS 0");
    publish.dup = false;
  }
  // Other clients will see the topic, so it is text in every version.
  publish.topic = in.Text();
  if (publish.qos != QoS::kAtMostOnce) publish.packet_id = ReadPacketId(in);
  if (context.version == Version::k5) ReadPublishProperties(context.sender, in, publish);
  if (publish.topic.empty() && !publish.topic_alias) {
    in.Refuse(ReasonCode::kProtocolError, "an empty topic without a topic alias");
  }
  publish.payload = in.TakeRest();
}

void DecodeAck(DecodeContext context, PacketType type, Reader& in, AckView& ack) noexcept {
  ack.type = type;
  ack.packet_id = ReadPacketId(in);
  if (context.version != Version::k5 || in.left() == 0) return;
  ack.reason = ReadReason(context, type, in);
  if (in.left() == 0) return;
  ack.properties = ReadProperties(type, context.sender, in, [&](const Property& property) {
    if (property.id == kReasonString) ack.reason_string = AsText(property.data);
  });
}

}  // namespace tandem::mqtt
