#include "engine/base/overloaded.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace tandem {
namespace {

TEST(Overloaded, CallsTheHandlerOfWhatTheVariantHolds) {
  const Overloaded name{[](int) { return "int"; }, [](const std::string&) { return "string"; },
                        [](const auto&) { return "other"; }};
  std::variant<int, std::string, double> value = 1;
  EXPECT_STREQ(std::visit(name, value), "int");
  value = "text";
  EXPECT_STREQ(std::visit(name, value), "string");
  value = 1.0;
  EXPECT_STREQ(std::visit(name, value), "other");
}

}  // namespace
}  // namespace tandem
