// From a Setting to the type of its field, one overload per type. keys.cc picks the overload by the
// field it names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/node/config/keys.h"

namespace tandem::config {

// All: what is wrong with the value, or nothing; then `field` has it.
Complaint Convert(const Key& key, const Setting& setting, std::string& field);
Complaint Convert(const Key& key, const Setting& setting, bool& field);
Complaint Convert(const Key& key, const Setting& setting,
                  std::uint64_t& field);  // kInteger or kSize
Complaint Convert(const Key& key, const Setting& setting, std::int64_t& field);  // kDuration
Complaint Convert(const Key& key, const Setting& setting, Address& field);
Complaint Convert(const Key& key, const Setting& setting, std::vector<std::string>& field);
Complaint Convert(const Key& key, const Setting& setting, std::vector<Address>& field);
Complaint Convert(const Key& key, const Setting& setting, std::vector<unsigned>& field);  // kCores
Complaint Convert(const Key& key, const Setting& setting, PartitionPolicy& field);

// Place of a text among key.choices; nothing if it is none of them.
std::optional<std::size_t> ChoiceOf(const Key& key, const Setting& setting);

// "expected <what the key takes>, got <value>".
std::string NotAsExpected(const Key& key, const Value& value);

template <class Enum>
requires std::is_enum_v<Enum> Complaint Convert(const Key& key, const Setting& setting,
                                                Enum& field) {
  const auto choice = ChoiceOf(key, setting);
  if (!choice) return NotAsExpected(key, setting.value);
  field = static_cast<Enum>(*choice);
  return std::nullopt;
}

}  // namespace tandem::config
