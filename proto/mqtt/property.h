// MQTT 5.0 properties (2.2.2.2): one table row each, and the walks over them.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

// One property of a validated PropertiesView.
struct Property {
  PropertyId id{};
  std::uint32_t number = 0;  // of a byte, two byte, four byte or variable byte integer
  Bytes data{};              // of a string, binary data, or the name of a string pair
  Bytes value{};             // of a string pair
  Bytes raw{};               // identifier and value as on the wire
};

// Walks validated properties in wire order.
class PropertyReader {
 public:
  explicit PropertyReader(PropertiesView properties) noexcept : rest_(properties.raw) {}
  // False at the end.
  bool Next(Property& property) noexcept;

 private:
  Bytes rest_;
};

// Appends the properties of a PUBLISH or a will that a receiver gets unchanged and in order:
// payload format, content type, response topic, correlation data, user properties. Left out:
// message expiry, topic alias, will delay, subscription ids.
void CopyForwardedProperties(PropertiesView properties, ByteBuffer& out);

}  // namespace tandem::mqtt
