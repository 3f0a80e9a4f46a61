// The table of keys: everything that may stand in a configuration. Parsing, "did you mean", and the
// reference follow it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/node/config/config.h"
#include "engine/node/config/setting.h"

namespace tandem::config {

enum class Type : std::uint8_t {
  kText,
  kFlag,
  kInteger,
  kSize,
  kDuration,
  kAddress,
  kCores,
  kChoice,
  kPartition,
  kTexts,
  kAddresses,
};

struct Key;

// What is wrong with a value ("expected ..."), or nothing.
using Complaint = std::optional<std::string>;
using StoreFunction = Complaint (*)(const Key& key, const Setting& setting, std::size_t index,
                                    Config& config);

struct Key {
  std::string_view path;  // "listener.#.address": # stands for the index of a list section
  Type type = Type::kText;
  std::string_view fallback;  // the default, as TOML; empty: there is none, the key must be given
  std::int64_t min = 0;       // kInteger, kSize (bytes), kDuration (nanoseconds): inclusive bounds
  std::int64_t max = 0;
  std::string_view choices;  // kChoice: "try|off|require", in the order of the enum
  std::string_view doc;
  StoreFunction store = nullptr;  // checks a value and puts it into the field
};

// A section, for the reference and for "did you mean".
struct Section {
  std::string_view path;  // "node", "listener.#", "cluster.witness"
  std::string_view doc;
};

std::span<const Key> Keys();
std::span<const Section> Sections();

// By pattern; nullptr if there is none.
const Key* FindKey(std::string_view pattern);
const Section* FindSection(std::string_view pattern);

// What a key takes, for messages and the reference: "a size such as 16MiB, from 1KiB to 256MiB".
std::string Expected(const Key& key);

// ` (did you mean "queue.per_session_bytes"?)`, or nothing. `path` has its indices, the answer too.
std::string DidYouMean(std::string_view path);

}  // namespace tandem::config
