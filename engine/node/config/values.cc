#include "engine/node/config/values.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace tandem::config {
namespace {

struct UnitOf {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t kSecondNs = 1'000'000'000;

// Largest first: formatting takes the first that divides.
constexpr UnitOf kTimeUnits[] = {{"d", 86'400 * kSecondNs}, {"h", 3'600 * kSecondNs},
                                 {"m", 60 * kSecondNs},     {"s", kSecondNs},
                                 {"ms", 1'000'000},         {"us", 1'000}};
constexpr UnitOf kSizeUnits[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20},      {"KiB", 1 << 10},
                                 {"B", 1},         {"GB", 1'000'000'000}, {"MB", 1'000'000},
                                 {"KB", 1'000},    {"kB", 1'000}};
constexpr unsigned kCpuMax = 1023;

// Takes a run of decimal digits off the front of `text`.
std::optional<std::int64_t> TakeNumber(std::string_view& text) {
  std::int64_t number = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Takes letters off the front and says how much one of that unit is; 0 if there is no such unit.
template <std::size_t N>
std::int64_t TakeUnit(const UnitOf (&units)[N], std::string_view& text) {
  const std::size_t length = std::min(text.find_first_of("0123456789"), text.size());
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  const auto* unit = std::find_if(std::begin(units), std::end(units),
                                  [&](const UnitOf& u) { return u.name == name; });
  return unit == std::end(units) ? 0 : unit->factor;
}

std::optional<std::int64_t> Times(std::int64_t number, std::int64_t factor) {
  if (factor == 0 || number > std::numeric_limits<std::int64_t>::max() / factor)
    return std::nullopt;
  return number * factor;
}

// "2" or "2-5".
bool AppendRange(std::string_view text, std::vector<unsigned>& cores) {
  const auto first = TakeNumber(text);
  auto last = first;
  if (!text.empty() && text.front() == '-') {
    text.remove_prefix(1);
    last = TakeNumber(text);
  }
  if (!first || !last || !text.empty() || *first > *last || *last > kCpuMax) return false;
  for (auto cpu = *first; cpu <= *last; ++cpu) cores.push_back(static_cast<unsigned>(cpu));
  return true;
}

}  // namespace

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  const auto number = TakeNumber(text);
  if (!number) return std::nullopt;
  if (text.empty()) return static_cast<std::uint64_t>(*number);
  const auto bytes = Times(*number, TakeUnit(kSizeUnits, text));
  if (!bytes || !text.empty()) return std::nullopt;
  return static_cast<std::uint64_t>(*bytes);
}

std::optional<std::int64_t> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::int64_t total_ns = 0;
  while (!text.empty()) {
    const auto number = TakeNumber(text);
    if (!number) return std::nullopt;
    const auto part_ns = Times(*number, TakeUnit(kTimeUnits, text));
    if (!part_ns || *part_ns > std::numeric_limits<std::int64_t>::max() - total_ns)
      return std::nullopt;
    total_ns += *part_ns;
  }
  return total_ns;
}

std::optional<std::vector<unsigned>> ParseCores(std::string_view text) {
  std::vector<unsigned> cores;
  if (text == "auto") return cores;
  while (true) {
    const std::size_t comma = text.find(',');
    if (!AppendRange(text.substr(0, comma), cores)) return std::nullopt;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(cores.begin(), cores.end());
  if (std::adjacent_find(cores.begin(), cores.end()) != cores.end()) return std::nullopt;
  return cores;
}

std::string FormatSize(std::uint64_t bytes) {
  for (const UnitOf& unit : kSizeUnits) {
    const auto factor = static_cast<std::uint64_t>(unit.factor);
    if (bytes != 0 && bytes % factor == 0)
      return std::to_string(bytes / factor) + std::string(unit.name);
  }
  return "0";
}

std::string FormatDuration(std::int64_t ns) {
  for (const UnitOf& unit : kTimeUnits) {
    if (ns != 0 && ns % unit.factor == 0)
      return std::to_string(ns / unit.factor) + std::string(unit.name);
  }
  return ns == 0 ? "0" : std::to_string(ns) + "ns";
}

}  // namespace tandem::config
