#include "engine/node/admin/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace tandem::admin {
namespace {

TEST(Json, WritesNestedObjectsAndArrays) {
  JsonWriter json;
  json.BeginObject();
  json.Field("n", -1);
  json.Field("u", std::numeric_limits<std::uint64_t>::max());
  json.Field("up", true);
  json.BeginArray("links");
  json.BeginObject();
  json.Field("a", "x");
  json.EndObject();
  json.BeginObject();
  json.EndObject();
  json.EndArray();
  json.BeginObject("empty");
  json.EndObject();
  json.Null("peer");
  json.EndObject();
  EXPECT_EQ(
      json.text(),
      R"({"n":-1,"u":18446744073709551615,"up":true,"links":[{"a":"x"},{}],"empty":{},"peer":null})");
}

TEST(Json, EscapesWhatJsonAndHtmlAskFor) {
  JsonWriter json;
  json.BeginObject();
  json.Field("k", std::string_view("\"\\\n\0<script>&\xc3\xa9", 15));
  json.EndObject();
  EXPECT_EQ(json.text(), "{\"k\":\"\\\"\\\\\\u000a\\u0000\\u003cscript\\u003e\\u0026\xc3\xa9\"}");
}

TEST(Json, WritesSecondsWithNineDigits) {
  JsonWriter json;
  json.BeginObject();
  json.Seconds("s", 1'000'210'000);
  json.EndObject();
  EXPECT_EQ(json.text(), R"({"s":1.000210000})");
}

}  // namespace
}  // namespace tandem::admin
