#include "proto/mqtt/utf8.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>

namespace tandem::mqtt {
namespace {

using namespace std::string_view_literals;

bool IsValid(std::string_view text) { return IsValidText(AsBytes(text)); }

// RFC 3629, section 3: the bit patterns, for any number up to 21 bits, allowed or not.
std::string Encode(std::uint32_t code_point) {
  const auto tail = [&](int shift) {
    return static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
  };
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) return {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
  if (code_point < 0x10000) return {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
}

// The definition, read off the specification once more and without tricks.
bool IsAllowed(std::uint32_t code_point) {
  if (code_point > 0x10FFFF) return false;
  if (code_point >= 0xD800 && code_point <= 0xDFFF) return false;
  if (code_point <= 0x1F || (code_point >= 0x7F && code_point <= 0x9F)) return false;
  if (code_point >= 0xFDD0 && code_point <= 0xFDEF) return false;
  return code_point % 0x10000 != 0xFFFE && code_point % 0x10000 != 0xFFFF;
}

TEST(IsValidText, DecidesEveryCodePointAsTheSpecificationDoes_MQTT_1_5_4_1) {
  for (std::uint32_t code_point = 0; code_point < 0x200000; ++code_point) {
    ASSERT_EQ(IsValid(Encode(code_point)), IsAllowed(code_point)) << std::hex << code_point;
  }
}

TEST(IsValidText, RefusesTheNullCharacterWhereverItStands_MQTT_1_5_4_2) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = '\0';
      ASSERT_FALSE(IsValid(text)) << at << " of " << size;
    }
  }
}

TEST(IsValidText, KeepsTheByteOrderMarkAsACharacter_MQTT_1_5_4_3) {
  EXPECT_TRUE(IsValid("\xEF\xBB\xBF"));
  EXPECT_TRUE(IsValid("\xEF\xBB\xBF/a"));
  EXPECT_TRUE(IsValid("a/\xEF\xBB\xBF"));
}

TEST(IsValidText, RefusesOverlongForms_MQTT_1_5_4_1) {
  EXPECT_FALSE(IsValid("\xC0\x80"));              // U+0000 in two bytes
  EXPECT_FALSE(IsValid("\xC1\xBF"));              // U+007F in two
  EXPECT_FALSE(IsValid("\xE0\x9F\xBF"));          // U+07FF in three
  EXPECT_FALSE(IsValid("\xE0\x80\xAF"));          // '/' in three
  EXPECT_FALSE(IsValid("\xF0\x8F\xBF\xBD"));      // U+FFFD in four
  EXPECT_FALSE(IsValid("\xF8\x88\x80\x80\x80"));  // five bytes
  EXPECT_FALSE(IsValid("\xFC\x84\x80\x80\x80\x80"));
}

TEST(IsValidText, RefusesTruncatedAndStrayBytes_MQTT_1_5_4_1) {
  for (const std::string_view text :
       {"\x80"sv, "\xBF"sv, "\xC3"sv, "\xE2\x82"sv, "\xE2"sv, "\xF0\x9F\x98"sv, "\xF0"sv,
        "\xC3\x28"sv, "\xE2\x28\xA1"sv, "\xE2\x82\x28"sv, "\xF0\x28\x8C\xBC"sv, "\xFE"sv, "\xFF"sv,
        "ab\xC3"sv, "\xC3\xC3"sv}) {
    EXPECT_FALSE(IsValid(text)) << testing::PrintToString(text);
  }
}

// The fast path works on blocks: each position in each length, with the bytes next to its bounds.
TEST(IsValidText, FindsAByteOutsideAsciiAtEveryPositionOfEveryLength) {
  for (std::size_t size = 1; size <= 70; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const int byte : {0x00, 0x1F, 0x20, 0x7E, 0x7F, 0x80, 0xFF}) {
        // Alone in its block of the heap, so that a sanitizer sees a read past either end.
        const auto text = std::make_unique<char[]>(size);
        std::memset(text.get(), '~', size);
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(IsValid({text.get(), size}), byte == 0x20 || byte == 0x7E)
            << byte << " at " << at << " of " << size;
      }
    }
  }
  EXPECT_TRUE(IsValid(""));
}

TEST(IsValidText, AcceptsTextOfManyScriptsAtEveryAlignment) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    while (text.size() < 60) {
      std::uint32_t code_point = random() % 3 == 0 ? random() % 0x110000 : 'a' + random() % 26;
      if (IsAllowed(code_point)) text += Encode(code_point);
    }
    ASSERT_TRUE(IsValid(text));
    text[random() % text.size()] = '\x01';
    ASSERT_FALSE(IsValid(text));
  }
}

}  // namespace
}  // namespace tandem::mqtt
