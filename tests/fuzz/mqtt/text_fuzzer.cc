// IsValidText against a reading of RFC 3629 byte by byte.
#include <cstddef>
#include <cstdint>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "proto/mqtt/utf8.h"

namespace tandem::mqtt {
namespace {

bool IsPlainlyValid(Bytes text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t lead = text[at];
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC0 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF8 ? 4
                                           : 0;
    if (size == 0 || at + size > text.size()) return false;
    std::uint32_t code_point = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
      if (text[at + i] >> 6 != 2) return false;
      code_point = code_point * 64 + (text[at + i] & 63);
    }
    const std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code_point < least[size] || code_point > 0x10FFFF) return false;
    if (code_point >= 0xD800 && code_point < 0xE000) return false;
    if (code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0)) return false;
    if ((code_point >= 0xFDD0 && code_point <= 0xFDEF) || code_point % 0x10000 >= 0xFFFE)
      return false;
    at += size;
  }
  return true;
}

}  // namespace
}  // namespace tandem::mqtt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tandem::Bytes text{data, size};
  TANDEM_CHECK(tandem::mqtt::IsValidText(text) == tandem::mqtt::IsPlainlyValid(text));
  return 0;
}
