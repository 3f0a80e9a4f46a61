#include "tools/tandem-demo/access_log.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace tandem::demo {
namespace {

// The first word of `rest`, taken off it together with the space behind.
std::string_view TakeWord(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

}  // namespace

std::optional<AccessLine> ParseAccessLine(std::string_view line) {
  constexpr std::string_view kClient = "client=\"";
  const std::string_view time = TakeWord(line);
  if (!time.ends_with('Z')) return std::nullopt;
  while (line.starts_with(' ')) line.remove_prefix(1);
  const std::string_view event = TakeWord(line);
  if (event.empty() || !line.starts_with(kClient)) return std::nullopt;
  line.remove_prefix(kClient.size());
  const std::size_t end = line.find('"');  // quotes inside are written as \x22
  if (end == std::string_view::npos) return std::nullopt;
  return AccessLine{std::string(time), std::string(event), std::string(line.substr(0, end))};
}

std::vector<AccessLine> AccessLogFollower::Read() {
  std::vector<AccessLine> lines;
  std::ifstream file(path_, std::ios::binary | std::ios::ate);
  if (!file) return lines;
  if (const std::int64_t size = file.tellg(); size < offset_) {  // begun anew
    offset_ = 0;
    half_line_.clear();
  }
  file.seekg(offset_);
  std::string text(std::istreambuf_iterator<char>(file), {});
  offset_ += static_cast<std::int64_t>(text.size());

  text.insert(0, half_line_);
  std::string_view rest = text;
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    if (auto line = ParseAccessLine(rest.substr(0, end))) lines.push_back(*std::move(line));
    rest.remove_prefix(end + 1);
  }
  half_line_ = rest;
  return lines;
}

}  // namespace tandem::demo
