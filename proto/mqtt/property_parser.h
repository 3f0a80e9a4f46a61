// Properties fresh from the wire (2.2.2): the decoder's side of property.h.
#pragma once

#include <cstdint>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/primitives.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/property_table.h"

namespace tandem::mqtt {

// Reads the value that follows `row`'s identifier. `property.raw` is left to the caller. Strings
// are checked if asked for; numbers are always held to the row's bounds.
void ReadPropertyValue(const PropertyRow& row, TextCheck check, Reader& in,
                       Property& property) noexcept;

// Checks one property against the table: known and allowed in `place` (else malformed, 2.2.2.2),
// sent by the right side and not repeated (else a protocol error).
class PropertyParser {
 public:
  PropertyParser(PacketType place, Sender sender) noexcept : place_(place), sender_(sender) {}

  // The next property of `in`, which holds the properties alone. False at the end and at a fault.
  bool Next(Reader& in, Property& property) noexcept;

 private:
  PacketType place_;
  Sender sender_;
  std::uint64_t seen_ = 0;  // bit n: property n was there
};

// Reads the property length and the properties, and calls `take(property)` for each. Yields all of
// them as a view.
template <class Take>
PropertiesView ReadProperties(PacketType place, Sender sender, Reader& in, Take take) noexcept {
  const Bytes raw = in.Take(in.VariableBytes());
  if (raw.empty()) return {};
  Reader properties(raw);
  PropertyParser parser(place, sender);
  Property property;
  while (parser.Next(properties, property)) take(property);
  if (!properties.ok()) in.Refuse(properties.reason(), properties.explanation());
  return {raw};
}

}  // namespace tandem::mqtt
