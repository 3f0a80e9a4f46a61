// Writes JSON, top to bottom. Enough for our answers; reading is nobody's need here.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::admin {

// Usage: JsonWriter json; json.BeginObject(); json.Field("up", true); json.EndObject();
// json.text(). Commas come by themselves. Text is escaped so that it is also safe within HTML.
class JsonWriter {
 public:
  void BeginObject() { Begin('{'); }
  void BeginObject(std::string_view key) { Begin(key, '{'); }
  void EndObject() { End('}'); }
  void BeginArray(std::string_view key) { Begin(key, '['); }
  void EndArray() { End(']'); }

  template <std::integral Number>
  void Field(std::string_view key, Number number) {
    Key(key);
    out_ += std::to_string(number);
  }
  void Field(std::string_view key, bool flag) {
    Key(key);
    out_ += flag ? "true" : "false";
  }
  void Field(std::string_view key, std::string_view text) {
    Key(key);
    Quote(text);
  }
  void Field(std::string_view key, const char* text) { Field(key, std::string_view(text)); }
  void Null(std::string_view key) {
    Key(key);
    out_ += "null";
  }
  // Nanoseconds as seconds with a fraction.
  void Seconds(std::string_view key, std::int64_t ns);

  const std::string& text() const { return out_; }

 private:
  void Begin(char bracket);
  void Begin(std::string_view key, char bracket);
  void End(char bracket);
  void Key(std::string_view key);
  void Comma();
  void Quote(std::string_view text);

  std::string out_;
  bool first_ = true;  // no comma before the next entry
};

}  // namespace tandem::admin
