#include "proto/mqtt/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tandem::mqtt {
namespace {

constexpr std::uint64_t EachByte(std::uint8_t value) noexcept {
  return 0x0101010101010101U * value;
}

// Whether all eight bytes are within 0x20..0x7E. Exact: the lowest byte below 0x20 borrows into its
// own top bit, and 0x7F carries into it; nothing else can.
bool IsPrintableAscii8(const std::uint8_t* bytes) noexcept {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return ((word | (word - EachByte(0x20)) | (word + EachByte(0x01))) & EachByte(0x80)) == 0;
}

bool IsPrintableAscii16(const std::uint8_t* bytes) noexcept {
#ifdef __SSE2__
  // Signed comparison: bytes from 0x80 on are negative and fail the first one.
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i plain = _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8(0x1F)),
                                      _mm_cmplt_epi8(block, _mm_set1_epi8(0x7F)));
  return _mm_movemask_epi8(plain) == 0xFFFF;
#else
  return IsPrintableAscii8(bytes) && IsPrintableAscii8(bytes + 8);
#endif
}

// The same for 1 to 7 bytes: loads that overlap fill one word.
bool IsPrintableAsciiShort(const std::uint8_t* bytes, std::size_t size) noexcept {
  std::uint8_t block[8];
  if (size >= 4) {
    std::memcpy(block, bytes, 4);
    std::memcpy(block + 4, bytes + size - 4, 4);
  } else {
    std::memset(block, bytes[0], sizeof block);
    block[1] = bytes[size / 2];
    block[2] = bytes[size - 1];
  }
  return IsPrintableAscii8(block);
}

// How many leading bytes are printable ASCII, at least: it stops early only where something else
// follows within 16 bytes.
std::size_t PrintableAsciiPrefix(const std::uint8_t* bytes, std::size_t size) noexcept {
  std::size_t done = 0;
  while (size - done >= 16 && IsPrintableAscii16(bytes + done)) done += 16;
  if (size - done >= 8 && IsPrintableAscii8(bytes + done)) done += 8;
  if (done == size) return done;
  if (size - done < 8) {
    // With room in front, the last eight bytes once more rather than the tail alone.
    const bool is_plain =
        size >= 8 ? IsPrintableAscii8(bytes + size - 8) : IsPrintableAsciiShort(bytes, size);
    if (is_plain) return size;
  }
  return done;
}

constexpr bool IsDisallowed(std::uint32_t code_point) noexcept {
  return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F) ||
         (code_point >= 0xFDD0 && code_point <= 0xFDEF) || (code_point & 0xFFFE) == 0xFFFE;
}

constexpr bool IsContinuation(std::uint8_t byte) noexcept { return (byte & 0xC0) == 0x80; }

// Size in bytes of the allowed code point at the start of `text` (not empty), 0 if there is none
// (RFC 3629, section 4).
std::size_t CodePointSize(Bytes text) noexcept {
  const std::uint32_t lead = text[0];
  if (lead < 0x80) return IsDisallowed(lead) ? 0 : 1;
  if (text.size() < 2 || !IsContinuation(text[1])) return 0;
  std::uint32_t code_point = text[1] & 0x3FU;
  if (lead < 0xE0) {
    code_point |= (lead & 0x1F) << 6;
    const bool is_two = lead >= 0xC0 && code_point >= 0x80;
    return is_two && !IsDisallowed(code_point) ? 2 : 0;
  }
  if (text.size() < 3 || !IsContinuation(text[2])) return 0;
  code_point = code_point << 6 | (text[2] & 0x3FU);
  if (lead < 0xF0) {
    code_point |= (lead & 0x0F) << 12;
    const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    return code_point >= 0x800 && !is_surrogate && !IsDisallowed(code_point) ? 3 : 0;
  }
  if (text.size() < 4 || !IsContinuation(text[3])) return 0;
  code_point = code_point << 6 | (text[3] & 0x3FU) | (lead & 0x07) << 18;
  const bool is_four = lead < 0xF8 && code_point >= 0x10000 && code_point <= 0x10FFFF;
  return is_four && !IsDisallowed(code_point) ? 4 : 0;
}

bool IsValidTextSlow(Bytes text) noexcept {
  while (!text.empty()) {
    const std::size_t size = CodePointSize(text);
    if (size == 0) return false;
    text = text.subspan(size);
    if (text.size() >= 8 && text[0] < 0x80) {
      text = text.subspan(PrintableAsciiPrefix(text.data(), text.size()));
    }
  }
  return true;
}

}  // namespace

bool IsValidText(Bytes text) noexcept {
  const std::size_t plain = PrintableAsciiPrefix(text.data(), text.size());
  return plain == text.size() || IsValidTextSlow(text.subspan(plain));
}

}  // namespace tandem::mqtt
