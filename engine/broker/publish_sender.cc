#include "engine/broker/publish_sender.h"

#include <algorithm>

#include "proto/mqtt/encoder.h"

namespace tandem::broker {
namespace {

// Payloads up to this are copied behind their head, larger ones are referenced: a fragment costs
// more than a short copy.
constexpr std::size_t kPayloadCopyMax = 4096;

std::optional<std::uint32_t> RemainingSeconds(MonoNs expires_at, MonoNs now) noexcept {
  if (expires_at == kNever) return std::nullopt;
  const MonoNs left = std::max<MonoNs>(expires_at - now, 0);
  return static_cast<std::uint32_t>((left + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond);
}

}  // namespace

inline mqtt::PublishHead PublishSender::HeadOf(mqtt::Version version, const MessageFields& fields,
                                               const Form& form) const {
  mqtt::PublishHead head;
  head.version = version;
  head.dup = form.dup;
  head.qos = form.qos;
  head.retain = form.retain;
  head.packet_id = form.packet_id;
  head.topic = fields.topic;
  head.payload_bytes = fields.payload.size();
  if (version == mqtt::Version::k5) {
    head.message_expiry_s = RemainingSeconds(fields.expires_at, context_.now.mono_ns);
    head.subscription_ids = form.identifiers;
    head.forwarded_properties = fields.properties;
  }
  return head;
}

bool PublishSender::Fits(const Client& client, const MessageFields& fields, const Form& form) {
  const std::size_t bytes_max = client.packet_bytes_max;
  if (bytes_max == UINT32_MAX) return true;
  // Nothing is sent of this.
  ByteBuffer& bytes = context_.outbox.bytes;
  const std::size_t offset = bytes.size();
  mqtt::EncodePublishHead(HeadOf(client.version, fields, form), bytes);
  const std::size_t head_bytes = bytes.size() - offset;
  bytes.Truncate(offset);
  return head_bytes + fields.payload.size() <= bytes_max;
}

PublishSender::Frame PublishSender::Encode(mqtt::Version version, RoutedMessage& message,
                                           const Form& form) {
  const MessageFields& fields = message.fields();
  const mqtt::PublishHead head = HeadOf(version, fields, form);
  Outbox& out = context_.outbox;
  Frame frame;
  frame.offset = static_cast<std::uint32_t>(out.bytes.size());
  frame.id_offset = static_cast<std::uint32_t>(mqtt::EncodePublishHead(head, out.bytes));
  const std::size_t head_bytes = out.bytes.size() - frame.offset;
  frame.packet_bytes = static_cast<std::uint32_t>(head_bytes + fields.payload.size());
  if (fields.payload.size() <= kPayloadCopyMax) {
    out.bytes.Append(fields.payload);
  } else {
    frame.payload = message.Share().get();
    out.held.push_back(message.Share());
  }
  frame.size = static_cast<std::uint32_t>(out.bytes.size() - frame.offset);
  return frame;
}

bool PublishSender::Send(Client& client, RoutedMessage& message, const Form& form) {
  Frame own;
  const Frame* frame = &own;
  if (form.dup || !form.identifiers.empty()) {
    own = Encode(client.version, message, form);
  } else {
    if (current_ != &message.fields() || generation_ != context_.outbox.generation) {
      ForgetFrames();
      generation_ = context_.outbox.generation;
      current_ = &message.fields();
      if (message.shared()) current_message_ = message.Share();
    }
    const std::size_t v5 = client.version == mqtt::Version::k5 ? 1 : 0;
    const std::size_t index =
        (static_cast<std::size_t>(form.qos) * 2 + v5) * 2 + (form.retain ? 1 : 0);
    if ((encoded_ & 1u << index) == 0) {
      frames_[index] = Encode(client.version, message, form);
      encoded_ |= 1u << index;
    }
    frame = &frames_[index];
  }
  if (frame->packet_bytes > client.packet_bytes_max) return false;

  Outbox& out = context_.outbox;
  out.connections.push_back({.kind = ConnectionEffect::Kind::kSend,
                             .send = static_cast<std::uint32_t>(out.sends.size()),
                             .connection = client.id});
  out.sends.push_back({.connection = client.id,
                       .offset = frame->offset,
                       .size = frame->size,
                       .id_offset = frame->id_offset,
                       .packet_id = static_cast<std::uint16_t>(form.packet_id),
                       .payload = frame->payload});
  client.unsent_bytes += frame->packet_bytes;
  context_.metrics.PacketSent(static_cast<std::uint8_t>(mqtt::PacketType::kPublish));
  context_.metrics.PublishDelivered(static_cast<std::uint8_t>(form.qos),
                                    message.fields().payload.size());
  context_.written.Add();
  return true;
}

}  // namespace tandem::broker
