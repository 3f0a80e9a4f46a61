#include "proto/mqtt/packet.h"

#include <array>

#include "proto/mqtt/primitives.h"

namespace tandem::mqtt {

std::string_view Name(PacketType type) noexcept {
  constexpr std::array<std::string_view, 16> kNames = {
      "RESERVED", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
      "PUBREL",   "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
      "PINGREQ",  "PINGRESP", "DISCONNECT", "AUTH"};
  return kNames[static_cast<std::size_t>(type) & 0x0F];
}

std::optional<SubscribeEntry> SubscribeEntries::Next() noexcept {
  if (raw_.empty()) return std::nullopt;
  Reader in(raw_);
  SubscribeEntry entry;
  entry.filter = in.Text(TextCheck::kNone);
  const unsigned options = in.Byte();
  raw_ = in.TakeRest();
  entry.options.qos = static_cast<QoS>(options & 0x03);
  if (version_ == Version::k5) {
    entry.options.no_local = (options & 0x04) != 0;
    entry.options.retain_as_published = (options & 0x08) != 0;
    entry.options.retain_handling = (options >> 4) & 0x03;
  }
  return entry;
}

std::optional<std::string_view> UnsubscribeFilters::Next() noexcept {
  if (raw_.empty()) return std::nullopt;
  Reader in(raw_);
  const std::string_view filter = in.Text(TextCheck::kNone);
  raw_ = in.TakeRest();
  return filter;
}

}  // namespace tandem::mqtt
