#include "engine/node/admin/json.h"

#include <array>
#include <cstdio>

namespace tandem::admin {

void JsonWriter::Seconds(std::string_view key, std::int64_t ns) {
  std::array<char, 40> number;
  std::snprintf(number.data(), number.size(), "%lld.%09lld",
                static_cast<long long>(ns / 1'000'000'000),
                static_cast<long long>(ns % 1'000'000'000));
  Key(key);
  out_ += number.data();
}

void JsonWriter::Begin(char bracket) {
  Comma();
  out_ += bracket;
  first_ = true;
}

void JsonWriter::Begin(std::string_view key, char bracket) {
  Key(key);
  out_ += bracket;
  first_ = true;
}

void JsonWriter::End(char bracket) {
  out_ += bracket;
  first_ = false;
}

void JsonWriter::Key(std::string_view key) {
  Comma();
  Quote(key);
  out_ += ':';
}

void JsonWriter::Comma() {
  if (!first_) out_ += ',';
  first_ = false;
}

// RFC 8259 asks for quotes, backslashes and control characters; '<', '>' and '&' are escaped too,
// so that a client id shown on a page stays text. Bytes that are no ASCII pass as they are: our
// names are UTF-8.
void JsonWriter::Quote(std::string_view text) {
  out_ += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (byte < 0x20 || byte == 0x7f || c == '<' || c == '>' || c == '&') {
      std::array<char, 8> escape;
      std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
      out_ += escape.data();
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

}  // namespace tandem::admin
