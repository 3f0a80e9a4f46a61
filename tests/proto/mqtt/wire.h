// Wire bytes written down field by field, so that a test can be held against the specification.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"

namespace tandem::mqtt {

using WireBytes = std::vector<std::uint8_t>;

// One field: a byte, or a run of them.
class Field {
 public:
  Field(int byte) : bytes_{static_cast<std::uint8_t>(byte)} {}
  Field(const char* raw) : Field(std::string_view(raw)) {}
  Field(std::string_view raw) : bytes_(raw.begin(), raw.end()) {}
  Field(const std::string& raw) : Field(std::string_view(raw)) {}
  Field(WireBytes bytes) : bytes_(std::move(bytes)) {}
  const WireBytes& bytes() const { return bytes_; }

 private:
  WireBytes bytes_;
};

inline WireBytes Wire(std::initializer_list<Field> fields) {
  WireBytes all;
  for (const Field& field : fields)
    all.insert(all.end(), field.bytes().begin(), field.bytes().end());
  return all;
}

inline WireBytes TwoBytes(unsigned value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
inline WireBytes FourBytes(std::uint32_t value) {
  return Wire({TwoBytes(value >> 16), TwoBytes(value & 0xFFFF)});
}
// 1.5.4: length and characters.
inline WireBytes Str(std::string_view text) {
  return Wire({TwoBytes(static_cast<unsigned>(text.size())), text});
}
// 1.5.5, shortest form.
inline WireBytes VarBytes(std::size_t value) {
  WireBytes bytes;
  for (; value > 0x7F; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
  bytes.push_back(static_cast<std::uint8_t>(value));
  return bytes;
}
// A fixed header's first byte, the remaining length that fits the fields, and the fields.
inline WireBytes Framed(int first_byte, std::initializer_list<Field> fields) {
  const WireBytes body = Wire(fields);
  return Wire({first_byte, VarBytes(body.size()), body});
}
// The property length that fits the properties, and the properties.
inline WireBytes Props(std::initializer_list<Field> fields) {
  const WireBytes body = Wire(fields);
  return Wire({VarBytes(body.size()), body});
}

}  // namespace tandem::mqtt
