#include "engine/base/bytes.h"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(Bytes, AreAnotherViewOfText) {
  const std::string_view text("a\0\xff", 3);
  const Bytes bytes = AsBytes(text);
  ASSERT_EQ(bytes.size(), 3u);
  EXPECT_EQ(bytes[1], 0);
  EXPECT_EQ(bytes[2], 0xFF);
  EXPECT_EQ(AsText(bytes), text);
  EXPECT_EQ(static_cast<const void*>(AsText(bytes).data()), text.data());
  EXPECT_TRUE(AsBytes("").empty());
}

}  // namespace
}  // namespace tandem
