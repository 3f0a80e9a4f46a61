// Follows the access log of a node: one line per connect, disconnect, subscribe and unsubscribe,
// such as
//   2026-11-22T10:00:00.000000Z connect client="a" address="127.0.0.1:5" core=0 version="3.1.1"
//   session_present=false
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::demo {

struct AccessLine {
  std::string time;   // as written; of one host, so text order is order in time
  std::string event;  // "connect", "disconnect", ...
  std::string client;
  friend bool operator==(const AccessLine&, const AccessLine&) = default;
};

// Nothing if `line` is none of the access log.
std::optional<AccessLine> ParseAccessLine(std::string_view line);

// Reads what was appended to a file since the last call. The file may not exist yet. A line that is
// only half written is given when the rest has come.
class AccessLogFollower {
 public:
  explicit AccessLogFollower(std::string path) : path_(std::move(path)) {}
  std::vector<AccessLine> Read();

 private:
  std::string path_;
  std::int64_t offset_ = 0;
  std::string half_line_;
};

}  // namespace tandem::demo
