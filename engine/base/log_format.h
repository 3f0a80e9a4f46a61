// How a log line looks. Rendering allocates nothing that a signal handler could not live without:
// bodies are rendered by the logging thread, time and level are put in front by the log thread or
// the crash handler.
//
//   2026-11-22T21:50:01.123456Z info  client connected client="meter-7" core=3
//   {"time":"2026-11-22T21:50:01.123456Z","level":"info","message":"client
//   connected","client":"meter-7","core":3}
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/log.h"

namespace tandem::internal {

// Longest value of one field, in bytes of the original; what is longer ends in "...".
inline constexpr std::size_t kLogValueBytesMax = 256;

// Renders message and fields into `out`; the bytes used. What does not fit is left out field by
// field, so that JSON stays JSON, and marked with truncated=true.
std::size_t FormatLogBody(std::span<char> out, LogFormat format, std::string_view message,
                          LogFields fields) noexcept;

// Room for any prefix or suffix below.
inline constexpr std::size_t kLogPrefixBytesMax = 96;

// What stands before a body: time and level (`level` empty: none, as in the access log). The bytes
// used. Async-signal-safe.
std::size_t FormatLogPrefix(std::span<char> out, LogFormat format, std::int64_t wall_ns,
                            std::string_view level) noexcept;

// What stands behind a body, line feed included.
constexpr std::string_view LogSuffix(LogFormat format) noexcept {
  return format == LogFormat::kJson ? "}\n" : "\n";
}

}  // namespace tandem::internal
