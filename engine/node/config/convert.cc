#include "engine/node/config/convert.h"

#include <algorithm>
#include <optional>

#include "engine/node/config/values.h"

namespace tandem::config {
namespace {

const std::string* Text(const Setting& setting) { return std::get_if<std::string>(&setting.value); }

// A whole number, written as such or, where everything is text, as text.
std::optional<std::int64_t> Integer(const Setting& setting) {
  if (const auto* number = std::get_if<std::int64_t>(&setting.value)) return *number;
  if (setting.is_text && Text(setting) != nullptr) return ParseInteger(*Text(setting));
  return std::nullopt;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kAround = " \t\"'";
  const std::size_t first = text.find_first_not_of(kAround);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kAround) - first + 1);
}

// "a,b" or ["a", "b"]: how --set and the environment write a list.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> list;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view entry = Trimmed(text.substr(0, comma));
    if (!entry.empty()) list.emplace_back(entry);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return list;
}

}  // namespace

std::string NotAsExpected(const Key& key, const Value& value) {
  return "expected " + Expected(key) + ", got " + Shown(value);
}

Complaint Convert(const Key& key, const Setting& setting, std::string& field) {
  if (Text(setting) == nullptr) return NotAsExpected(key, setting.value);
  field = *Text(setting);
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, bool& field) {
  if (const auto* flag = std::get_if<bool>(&setting.value)) {
    field = *flag;
    return std::nullopt;
  }
  const bool is_flag = setting.is_text && (*Text(setting) == "true" || *Text(setting) == "false");
  if (!is_flag) return NotAsExpected(key, setting.value);
  field = *Text(setting) == "true";
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, std::uint64_t& field) {
  std::optional<std::int64_t> number = Integer(setting);
  if (!number && key.type == Type::kSize && Text(setting) != nullptr) {
    if (const auto bytes = ParseSize(*Text(setting))) number = static_cast<std::int64_t>(*bytes);
  }
  if (!number || *number < key.min || *number > key.max) return NotAsExpected(key, setting.value);
  field = static_cast<std::uint64_t>(*number);
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, std::int64_t& field) {
  const auto ns = Text(setting) != nullptr ? ParseDuration(*Text(setting)) : std::nullopt;
  if (!ns || *ns < key.min || *ns > key.max) return NotAsExpected(key, setting.value);
  field = *ns;
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, Address& field) {
  const auto address = Text(setting) != nullptr ? ParseAddress(*Text(setting)) : std::nullopt;
  if (!address) return NotAsExpected(key, setting.value);
  field = *address;
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, std::vector<std::string>& field) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&setting.value)) {
    field = *list;
    return std::nullopt;
  }
  if (!setting.is_text) return NotAsExpected(key, setting.value);
  field = SplitList(*Text(setting));
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, std::vector<Address>& field) {
  std::vector<std::string> list;
  if (auto complaint = Convert(key, setting, list)) return complaint;
  std::vector<Address> addresses;
  for (const std::string& entry : list) {
    const auto address = ParseAddress(entry);
    if (!address) return NotAsExpected(key, setting.value);
    addresses.push_back(*address);
  }
  field = std::move(addresses);
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, std::vector<unsigned>& field) {
  // A single CPU may be written as a number.
  const auto* number = std::get_if<std::int64_t>(&setting.value);
  auto cores = number != nullptr          ? ParseCores(std::to_string(*number))
               : Text(setting) != nullptr ? ParseCores(*Text(setting))
                                          : std::nullopt;
  if (!cores) return NotAsExpected(key, setting.value);
  field = *std::move(cores);
  return std::nullopt;
}

Complaint Convert(const Key& key, const Setting& setting, PartitionPolicy& field) {
  constexpr std::string_view kPrefer = "prefer:";
  const std::string text = Text(setting) != nullptr ? *Text(setting) : "";
  if (text == "serve") {
    field = {OnPartition::kServe, ""};
  } else if (text == "witness") {
    field = {OnPartition::kWitness, ""};
  } else if (text == "stop") {
    field = {OnPartition::kStop, ""};
  } else if (text.starts_with(kPrefer) && text.size() > kPrefer.size()) {
    field = {OnPartition::kPrefer, text.substr(kPrefer.size())};
  } else {
    return NotAsExpected(key, setting.value);
  }
  return std::nullopt;
}

std::optional<std::size_t> ChoiceOf(const Key& key, const Setting& setting) {
  if (Text(setting) == nullptr) return std::nullopt;
  std::string_view rest = key.choices;
  for (std::size_t index = 0; !rest.empty(); ++index) {
    const std::size_t bar = std::min(rest.find('|'), rest.size());
    if (rest.substr(0, bar) == *Text(setting)) return index;
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return std::nullopt;
}

}  // namespace tandem::config
