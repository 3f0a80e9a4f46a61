// Sizes, times and core lists as an operator writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

// A whole number, as in TOML: "10_000" is 10000.
std::optional<std::int64_t> ParseInteger(std::string_view text);

// Bytes: a whole number and a unit, B KiB MiB GiB (powers of 1024) or KB MB GB (powers of 1000). No
// unit: bytes.
std::optional<std::uint64_t> ParseSize(std::string_view text);

// Nanoseconds: "500ms", "10m", "7d", "1h30m"; units us ms s m h d. Only 0 may do without a unit.
std::optional<std::int64_t> ParseDuration(std::string_view text);

// CPUs, ascending: "2-5,8" is 2 3 4 5 8; "auto" is empty. Nothing for an empty range, a repeated
// CPU or one above 1023.
std::optional<std::vector<unsigned>> ParseCores(std::string_view text);

// The reverse, in the largest unit that is exact: "16MiB", "500ms".
std::string FormatSize(std::uint64_t bytes);
std::string FormatDuration(std::int64_t ns);

}  // namespace tandem::config
