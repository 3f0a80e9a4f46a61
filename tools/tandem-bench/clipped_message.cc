#include "tools/tandem-bench/clipped_message.h"

#include <algorithm>
#include <variant>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/primitives.h"
#include "tools/tandem-bench/stamp.h"

namespace tandem::bench {

bool ClippedMessage::Begin(Bytes bytes, mqtt::Decoder& decoder) {
  mqtt::Reader in(bytes);
  const std::uint8_t type_and_flags = in.Byte();
  if (type_and_flags >> 4 != static_cast<int>(mqtt::PacketType::kPublish)) return false;
  const std::size_t remaining = in.VariableBytes();
  if (!in.ok() || remaining < kPacketBytesMin || in.left() < kKeptBytes) return false;
  const std::size_t missing = remaining - in.left();
  mqtt::Writer out(kept_.Extend(1 + mqtt::VarIntSize(kKeptBytes) + kKeptBytes));
  out.Byte(type_and_flags);
  out.VariableBytes(kKeptBytes);
  out.Raw(in.Take(kKeptBytes));
  const mqtt::DecodeResult decoded = decoder.Next(packet());
  const auto* const message = std::get_if<mqtt::PublishView>(&decoded.packet);
  if (message == nullptr || message->payload.size() < kStampBytes) {
    kept_.Clear();
    return false;
  }
  missing_ = missing;
  return true;
}

Bytes ClippedMessage::Skip(Bytes bytes) noexcept {
  const std::size_t skipped = std::min(missing_, bytes.size());
  missing_ -= skipped;
  return bytes.subspan(skipped);
}

void ClippedMessage::Clear() noexcept {
  kept_.Clear();
  missing_ = 0;
}

}  // namespace tandem::bench
