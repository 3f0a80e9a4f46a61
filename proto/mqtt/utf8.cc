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

// The leading printable ASCII bytes, at least: stops early only where something else stands within
// the next 16 bytes.
std::size_t PrintableAsciiPrefix(const std::uint8_t* bytes, std::size_t size) noexcept {
  std::size_t done = 0;
  while (size - done >= 16 && IsPrintableAscii16(bytes + done)) done += 16;
  while (size - done >= 8 && IsPrintableAscii8(bytes + done)) done += 8;
  // The tail once more together with what came before it, rather than byte by byte.
  if (done != size && size - done < 8 && size >= 8 && IsPrintableAscii8(bytes + size - 8))
    return size;
  return done;
}

constexpr bool IsDisallowed(std::uint32_t code_point) noexcept {
  return code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F) ||
         (code_point >= 0xFDD0 && code_point <= 0xFDEF) || (code_point & 0xFFFE) == 0xFFFE;
}

// What a lead byte announces (RFC 3629, section 4).
struct Sequence {
  std::size_t size = 0;     // 0: no lead byte
  std::uint32_t first = 0;  // the lead byte's bits of the code point
  std::uint32_t least = 0;  // anything below is an overlong form
};
constexpr Sequence SequenceOf(std::uint8_t lead) noexcept {
  if (lead < 0x80) return {1, lead, 0};
  if ((lead & 0xE0) == 0xC0) return {2, lead & 0x1FU, 0x80};
  if ((lead & 0xF0) == 0xE0) return {3, lead & 0x0FU, 0x800};
  if ((lead & 0xF8) == 0xF0) return {4, lead & 0x07U, 0x10000};
  return {};
}

// Size in bytes of the allowed code point at the start of `text` (not empty), 0 if there is none.
std::size_t CodePointSize(Bytes text) noexcept {
  const Sequence sequence = SequenceOf(text[0]);
  if (sequence.size == 0 || sequence.size > text.size()) return 0;
  std::uint32_t code_point = sequence.first;
  for (std::size_t i = 1; i < sequence.size; ++i) {
    if ((text[i] & 0xC0) != 0x80) return 0;
    code_point = code_point << 6 | (text[i] & 0x3FU);
  }
  const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < sequence.least || is_surrogate || code_point > 0x10FFFF) return 0;
  return IsDisallowed(code_point) ? 0 : sequence.size;
}

bool IsValidTextSlow(Bytes text) noexcept {
  while (!text.empty()) {
    const std::size_t size = CodePointSize(text);
    if (size == 0) return false;
    text = text.subspan(size);
    if (text.size() >= 8) text = text.subspan(PrintableAsciiPrefix(text.data(), text.size()));
  }
  return true;
}

}  // namespace

bool IsValidText(Bytes text) noexcept {
  const std::size_t plain = PrintableAsciiPrefix(text.data(), text.size());
  return plain == text.size() || IsValidTextSlow(text.subspan(plain));
}

}  // namespace tandem::mqtt
