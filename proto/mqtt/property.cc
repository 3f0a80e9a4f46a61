#include "proto/mqtt/property.h"

#include "engine/base/check.h"
#include "proto/mqtt/property_parser.h"
#include "proto/mqtt/topic.h"

namespace tandem::mqtt {

void ReadPropertyValue(const PropertyRow& row, TextCheck check, Reader& in,
                       Property& property) noexcept {
  property.id = row.id;
  property.number = 0;
  property.data = {};
  property.value = {};
  switch (row.type) {
    case PropertyType::kByte:
      property.number = in.Byte();
      break;
    case PropertyType::kTwoByte:
      property.number = in.TwoBytes();
      break;
    case PropertyType::kFourByte:
      property.number = in.FourBytes();
      break;
    case PropertyType::kVariableByte:
      property.number = in.VariableBytes();
      break;
    case PropertyType::kText:
      property.data = AsBytes(in.Text(check));
      return;
    case PropertyType::kTopicName:
      property.data = AsBytes(in.Text(check));
      if (check == TextCheck::kUtf8 && HasWildcard(AsText(property.data))) {
        in.Refuse(ReasonCode::kProtocolError, "a response topic has a wildcard");
      }
      return;
    case PropertyType::kBinary:
      property.data = in.Binary();
      return;
    case PropertyType::kTextPair:
      property.data = AsBytes(in.Text(check));
      property.value = AsBytes(in.Text(check));
      return;
  }
  if (property.number < row.least || property.number > row.greatest) {
    in.Refuse(row.out_of_bounds, "a property has a value out of its bounds");
  }
}

bool PropertyParser::Next(Reader& in, Property& property) noexcept {
  if (in.left() == 0) return false;
  const std::uint8_t* const start = in.position();
  const std::uint32_t id = in.VariableBytes();
  const PropertyRow* const row = FindProperty(id);
  if (row == nullptr || (!row->client.Has(place_) && !row->server.Has(place_))) {
    in.RefuseMalformed("a property is unknown, or not one of this packet");
    return false;
  }
  if (!(sender_ == Sender::kClient ? row->client : row->server).Has(place_)) {
    in.Refuse(ReasonCode::kProtocolError, "a property is not for this sender");
    return false;
  }
  const std::uint64_t bit = std::uint64_t{1} << id;
  if ((seen_ & bit) != 0 && !row->repeatable.Has(place_)) {
    in.Refuse(ReasonCode::kProtocolError, "a property is given twice");
    return false;
  }
  seen_ |= bit;
  ReadPropertyValue(*row, TextCheck::kUtf8, in, property);
  property.raw = {start, in.position()};
  return in.ok();
}

bool PropertyReader::Next(Property& property) noexcept {
  if (rest_.empty()) return false;
  Reader in(rest_);
  const PropertyRow* const row = FindProperty(in.Byte());
  TANDEM_CHECK_MSG(row != nullptr, "properties were not validated");
  ReadPropertyValue(*row, TextCheck::kNone, in, property);
  TANDEM_CHECK_MSG(in.ok(), "properties were not validated");
  property.raw = {rest_.data(), in.position()};
  rest_ = rest_.subspan(property.raw.size());
  return true;
}

void CopyForwardedProperties(PropertiesView properties, ByteBuffer& out) {
  PropertyReader reader(properties);
  // Neighbours that all go along are copied in one piece.
  Bytes run;
  for (Property property; reader.Next(property);) {
    if (!FindProperty(static_cast<std::uint32_t>(property.id))->is_forwarded) {
      out.Append(run);
      run = {};
    } else if (run.empty()) {
      run = property.raw;
    } else {
      run = {run.data(), run.size() + property.raw.size()};
    }
  }
  out.Append(run);
}

}  // namespace tandem::mqtt
