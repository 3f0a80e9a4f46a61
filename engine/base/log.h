// Structured log lines, also from engine cores.
//
//   Log(LogLevel::kInfo, "client connected", {{"client", id}, {"core", 3}});
//
// A line is rendered on the calling thread into a ring of that thread and written by one log
// thread, so a slow disk or a blocked terminal never holds up a core; a line that finds its ring
// full is counted (LogDropped) and a note about it is written later. Below the level a call costs
// one relaxed load. Before StartLog and after StopLog lines go straight to stderr. Values are
// escaped and bounded: a client id cannot forge a line.
//
// The access log is a channel of its own (LogAccess): one line for each connect, disconnect,
// subscribe and unsubscribe.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "absl/status/status.h"

namespace tandem {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

// "trace" .. "error".
std::string_view Name(LogLevel level) noexcept;

// One `key=value` of a line. Keys are ours: identifiers, string literals. Text values are borrowed
// until Log returns.
struct LogField {
  template <std::signed_integral T>
  LogField(std::string_view k, T v) noexcept : key(k), value(static_cast<std::int64_t>(v)) {}
  template <std::unsigned_integral T>
  LogField(std::string_view k, T v) noexcept : key(k), value(static_cast<std::uint64_t>(v)) {}
  template <class T>
  requires std::is_enum_v<T> LogField(std::string_view k, T v)
  noexcept : LogField(k, static_cast<std::underlying_type_t<T>>(v)) {}
  LogField(std::string_view k, bool v) noexcept : key(k), value(v) {}
  LogField(std::string_view k, double v) noexcept : key(k), value(v) {}
  LogField(std::string_view k, std::string_view v) noexcept : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) noexcept
      : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) noexcept : key(k), value(std::string_view(v)) {}

  std::string_view key;
  std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view> value;
};
using LogFields = std::initializer_list<LogField>;

namespace internal {
inline std::atomic<LogLevel> log_level{LogLevel::kInfo};
inline std::atomic<bool> access_log_enabled{false};
void LogLine(LogLevel level, std::string_view message, LogFields fields) noexcept;
void LogAccessLine(std::string_view event, LogFields fields) noexcept;
}  // namespace internal

// For callers that must compute what they log.
inline bool LogEnabled(LogLevel level) noexcept {
  return level >= internal::log_level.load(std::memory_order_relaxed);
}
inline bool AccessLogEnabled() noexcept {
  return internal::access_log_enabled.load(std::memory_order_relaxed);
}

inline void Log(LogLevel level, std::string_view message, LogFields fields = {}) noexcept {
  if (LogEnabled(level)) internal::LogLine(level, message, fields);
}
// `event`: "connect", "disconnect", "subscribe", "unsubscribe". Nothing happens without an access
// log.
inline void LogAccess(std::string_view event, LogFields fields) noexcept {
  if (AccessLogEnabled()) internal::LogAccessLine(event, fields);
}

enum class LogOutput : std::uint8_t { kStderr, kStdout };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  LogOutput output = LogOutput::kStderr;
  std::string file = {};                // instead of `output`; empty: none
  std::string access_log = {};          // path; empty: no access log
  std::size_t ring_bytes = 256 * 1024;  // of each thread that logs
};

// Opens the outputs and starts the log thread. Fails if a file cannot be opened; then nothing has
// changed. Not to be called twice without StopLog between.
absl::Status StartLog(const LogOptions& options);

// Writes what is waiting and ends the log thread. Harmless if none runs. No thread may start its
// first line meanwhile.
void StopLog();

// Opens the files anew under their names, after a rotation moved the old ones away. A file that
// cannot be opened is kept as it was, and the error returned.
absl::Status ReopenLog();

// Returns when all that this thread has logged before is written.
void FlushLog();

void SetLogLevel(LogLevel level) noexcept;

// Lines lost because a ring was full, since start of the process.
std::uint64_t LogDropped() noexcept;

// Lines that wait in the rings are written to stderr if the process dies of SIGABRT (a failed
// TANDEM_CHECK), SIGSEGV, SIGBUS, SIGILL or SIGFPE. Signals that somebody else handles already (a
// sanitizer) are left alone.
void InstallCrashFlush();

}  // namespace tandem
