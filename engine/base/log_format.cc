#include "engine/base/log_format.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>

#include "engine/base/strings.h"

namespace tandem::internal {
namespace {

// Appends to a fixed block; text that does not fit is not begun, and noted.
class Writer {
 public:
  explicit Writer(std::span<char> out) noexcept : out_(out) {}

  void Append(std::string_view text) noexcept {
    if (text.size() > out_.size() - used_) {
      overflowed_ = true;
      return;
    }
    std::copy(text.begin(), text.end(), out_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += text.size();
  }
  template <class Number>
  void AppendNumber(Number number) noexcept {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    Append(error == std::errc{} ? std::string_view(digits, static_cast<std::size_t>(end - digits))
                                : "0");
  }
  // Decimal digits with leading zeros.
  void AppendDigits(std::int64_t number, int width) noexcept {
    char digits[20];
    for (int i = width - 1; i >= 0; --i, number /= 10)
      digits[i] = static_cast<char>('0' + number % 10);
    Append({digits, static_cast<std::size_t>(width)});
  }

  std::size_t used() const noexcept { return used_; }
  bool overflowed() const noexcept { return overflowed_; }
  void Rewind(std::size_t used) noexcept {
    used_ = used;
    overflowed_ = false;
  }

 private:
  std::span<char> out_;
  std::size_t used_ = 0;
  bool overflowed_ = false;
};

// In quotes, escaped. Escaped() writes \xNN, which JSON does not know: there the backslash is
// escaped itself.
void AppendQuoted(Writer& out, LogFormat format, std::string_view text) noexcept {
  const std::string escaped = Escaped(text, kLogValueBytesMax);
  out.Append("\"");
  if (format == LogFormat::kText) {
    out.Append(escaped);
  } else {
    std::string_view rest = escaped;
    for (std::size_t at = rest.find('\\'); at != std::string_view::npos; at = rest.find('\\')) {
      out.Append(rest.substr(0, at));
      out.Append("\\\\");
      rest.remove_prefix(at + 1);
    }
    out.Append(rest);
  }
  out.Append("\"");
}

void AppendValue(Writer& out, LogFormat format, const LogField& field) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    AppendQuoted(out, format, *text);
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out.Append(*flag ? "true" : "false");
  } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
    out.AppendNumber(*whole);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) {
    out.AppendNumber(*natural);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    if (std::isfinite(*real)) {
      out.AppendNumber(*real);
    } else {
      out.Append("null");  // JSON has no word for it
    }
  }
}

void AppendField(Writer& out, LogFormat format, const LogField& field) noexcept {
  if (format == LogFormat::kJson) {
    out.Append(",\"");
    out.Append(field.key);
    out.Append("\":");
  } else {
    out.Append(" ");
    out.Append(field.key);
    out.Append("=");
  }
  AppendValue(out, format, field);
}

constexpr std::size_t kMarkBytes = 20;  // room that is kept for the mark of a cut line

}  // namespace

std::size_t FormatLogBody(std::span<char> out, LogFormat format, std::string_view message,
                          LogFields fields) noexcept {
  Writer body(out.first(out.size() - kMarkBytes));
  if (format == LogFormat::kJson) {
    body.Append("\"message\":");
    AppendQuoted(body, format, message);
  } else {
    body.Append(Escaped(message, kLogValueBytesMax));
  }
  bool cut = false;
  for (const LogField& field : fields) {
    const std::size_t before = body.used();
    AppendField(body, format, field);
    if (body.overflowed()) {
      body.Rewind(before);
      cut = true;
    }
  }
  if (!cut) return body.used();
  Writer mark(out);
  mark.Rewind(body.used());
  AppendField(mark, format, {"truncated", true});
  return mark.used();
}

std::size_t FormatLogPrefix(std::span<char> out, LogFormat format, std::int64_t wall_ns,
                            std::string_view level) noexcept {
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(wall_ns)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::microseconds>(time - day));

  Writer prefix(out);
  if (format == LogFormat::kJson) prefix.Append("{\"time\":\"");
  prefix.AppendDigits(int{date.year()}, 4);
  prefix.Append("-");
  prefix.AppendDigits(unsigned{date.month()}, 2);
  prefix.Append("-");
  prefix.AppendDigits(unsigned{date.day()}, 2);
  prefix.Append("T");
  prefix.AppendDigits(clock.hours().count(), 2);
  prefix.Append(":");
  prefix.AppendDigits(clock.minutes().count(), 2);
  prefix.Append(":");
  prefix.AppendDigits(clock.seconds().count(), 2);
  prefix.Append(".");
  prefix.AppendDigits(clock.subseconds().count(), 6);
  prefix.Append("Z");
  if (format == LogFormat::kJson) {
    prefix.Append("\",");
    if (!level.empty()) {
      prefix.Append("\"level\":\"");
      prefix.Append(level);
      prefix.Append("\",");
    }
  } else {
    prefix.Append(" ");
    prefix.Append(level);
    if (!level.empty())
      prefix.Append(std::string_view("      ").substr(std::min<std::size_t>(level.size(), 5)));
  }
  return prefix.used();
}

}  // namespace tandem::internal
