// The data types of MQTT (1.5), read by one bounds-checked reader and written by one writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "proto/mqtt/packet.h"
#include "proto/mqtt/utf8.h"

namespace tandem::mqtt {

// A Variable Byte Integer as it was read (1.5.5).
struct VarInt {
  enum class Status : std::uint8_t {
    kOk,
    kNeedMore,  // `in` ends early
    kTooLong,   // the fourth byte says that a fifth follows
  };
  Status status = Status::kNeedMore;
  bool is_shortest = true;  // 5.0 demands it [MQTT-1.5.5-1], 3.1.1 says nothing
  std::uint32_t value = 0;  // 0..268'435'455
  std::size_t size = 0;     // bytes used, 1..4
};

inline constexpr std::size_t kVarIntBytesMax = 4;
inline constexpr std::uint32_t kVarIntMax = kRemainingLengthMax;

// Reads a Variable Byte Integer (1..4 bytes, 7 bits each, least significant first) at the start of
// `in`.
inline VarInt ReadVarInt(Bytes in) noexcept {
  VarInt result;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint8_t byte = in[i];
    result.value |= (byte & 0x7FU) << (7 * i);
    if ((byte & 0x80) == 0) {
      result.status = VarInt::Status::kOk;
      result.is_shortest = i == 0 || byte != 0;
      result.size = i + 1;
      return result;
    }
    if (i + 1 == kVarIntBytesMax) {
      result.status = VarInt::Status::kTooLong;
      return result;
    }
  }
  return result;
}

constexpr std::size_t VarIntSize(std::size_t value) noexcept {
  return value < 1U << 7 ? 1 : value < 1U << 14 ? 2 : value < 1U << 21 ? 3 : 4;
}

// Whether strings are held to the rule of utf8.h. MQTT 3.1 does not demand it.
enum class TextCheck : std::uint8_t { kNone, kUtf8 };

// Walks the body of one packet. The first fault sticks: every read after it yields zero or nothing,
// so a decoder reads a row of fields and asks once. Never reads past its input.
class Reader {
 public:
  explicit Reader(Bytes in) noexcept : at_(in.data()), end_(in.data() + in.size()) {}

  bool ok() const noexcept { return explanation_ == nullptr; }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  const std::uint8_t* position() const noexcept { return at_; }
  ReasonCode reason() const noexcept { return reason_; }
  const char* explanation() const noexcept { return explanation_; }

  // Records a fault, unless there is one already, and drops the rest of the input.
  void Refuse(ReasonCode reason, const char* explanation) noexcept {
    at_ = end_;
    if (explanation_ != nullptr) return;
    reason_ = reason;
    explanation_ = explanation;
  }
  void RefuseMalformed(const char* explanation) noexcept {
    Refuse(ReasonCode::kMalformedPacket, explanation);
  }

  std::uint8_t Byte() noexcept {
    if (left() < 1) return RefuseShort(), std::uint8_t{0};
    return *at_++;
  }
  std::uint16_t TwoBytes() noexcept {
    if (left() < 2) return RefuseShort(), std::uint16_t{0};
    const unsigned value = static_cast<unsigned>(at_[0]) << 8 | at_[1];
    at_ += 2;
    return static_cast<std::uint16_t>(value);
  }
  std::uint32_t FourBytes() noexcept {
    if (left() < 4) return RefuseShort(), 0U;
    const std::uint32_t value = static_cast<std::uint32_t>(at_[0]) << 24 |
                                static_cast<std::uint32_t>(at_[1]) << 16 |
                                static_cast<std::uint32_t>(at_[2]) << 8 | at_[3];
    at_ += 4;
    return value;
  }
  // 5.0 only, so always in its shortest form.
  std::uint32_t VariableBytes() noexcept {
    const VarInt number = ReadVarInt({at_, left()});
    if (number.status == VarInt::Status::kNeedMore) return RefuseShort(), 0U;
    if (number.status == VarInt::Status::kTooLong || !number.is_shortest) {
      RefuseMalformed("a variable byte integer is not in its shortest form");
      return 0;
    }
    at_ += number.size;
    return number.value;
  }
  // The next `count` bytes, nothing if there are fewer.
  Bytes Take(std::size_t count) noexcept {
    if (left() < count) return RefuseShort(), Bytes{};
    const Bytes bytes{at_, count};
    at_ += count;
    return bytes;
  }
  Bytes TakeRest() noexcept { return Take(left()); }
  // 1.5.6.
  Bytes Binary() noexcept { return Take(TwoBytes()); }
  // 1.5.4.
  std::string_view Text(TextCheck check = TextCheck::kUtf8) noexcept {
    const Bytes text = Binary();
    if (check == TextCheck::kUtf8 && !IsValidText(text)) {
      RefuseMalformed("a string is not UTF-8 text, or has a null, control or non-character");
      return {};
    }
    return AsText(text);
  }

 private:
  void RefuseShort() noexcept { RefuseMalformed("the packet ends inside a field"); }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  const char* explanation_ = nullptr;
  ReasonCode reason_ = ReasonCode::kSuccess;
};

// Two sinks with the same methods: Measure counts the bytes that Writer would write. A packet is
// described once and run through both, so its length fields cannot disagree with its content.
class Measure {
 public:
  std::size_t size() const noexcept { return size_; }
  void Byte(std::uint8_t) noexcept { size_ += 1; }
  void TwoBytes(std::uint16_t) noexcept { size_ += 2; }
  void FourBytes(std::uint32_t) noexcept { size_ += 4; }
  void VariableBytes(std::size_t value) noexcept { size_ += VarIntSize(value); }
  void Raw(Bytes bytes) noexcept { size_ += bytes.size(); }
  void Binary(Bytes bytes) noexcept { size_ += 2 + bytes.size(); }
  void Text(std::string_view text) noexcept { size_ += 2 + text.size(); }

 private:
  std::size_t size_ = 0;
};

// Writes to memory that is large enough: whoever makes one has measured.
class Writer {
 public:
  explicit Writer(std::uint8_t* at) noexcept : at_(at) {}
  std::uint8_t* position() const noexcept { return at_; }

  void Byte(std::uint8_t value) noexcept { *at_++ = value; }
  void TwoBytes(std::uint16_t value) noexcept {
    Byte(static_cast<std::uint8_t>(value >> 8));
    Byte(static_cast<std::uint8_t>(value));
  }
  void FourBytes(std::uint32_t value) noexcept {
    TwoBytes(static_cast<std::uint16_t>(value >> 16));
    TwoBytes(static_cast<std::uint16_t>(value));
  }
  void VariableBytes(std::size_t value) noexcept {
    TANDEM_CHECK(value <= kVarIntMax);
    while (value > 0x7F) {
      Byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    Byte(static_cast<std::uint8_t>(value));
  }
  void Raw(Bytes bytes) noexcept {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void Binary(Bytes bytes) noexcept {
    TANDEM_CHECK(bytes.size() <= kStringBytesMax);
    TwoBytes(static_cast<std::uint16_t>(bytes.size()));
    Raw(bytes);
  }
  void Text(std::string_view text) noexcept { Binary(AsBytes(text)); }

 private:
  std::uint8_t* at_;
};

}  // namespace tandem::mqtt
