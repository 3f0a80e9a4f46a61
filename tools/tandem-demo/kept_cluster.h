// A cluster that outlives its demo: what `--keep` writes down and `--stop` reads.
//
// Each process is noted with the time at which it started, so that a process which later got the
// same number is left alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace tandem::demo {

struct KeptProcess {
  std::string name;
  pid_t pid = -1;
  std::uint64_t started = 0;  // in clock ticks since boot, as /proc/PID/stat tells
  friend bool operator==(const KeptProcess&, const KeptProcess&) = default;
};

// Field 22 of the text of /proc/PID/stat.
std::optional<std::uint64_t> StartTime(std::string_view proc_pid_stat);

// One line each, and back. Nothing if a line is not understood.
std::string ToText(const std::vector<KeptProcess>& processes);
std::optional<std::vector<KeptProcess>> ParseKept(std::string_view text);

// Writes `directory`/processes for processes that run.
absl::Status NoteKept(const std::string& directory,
                      const std::vector<std::pair<std::string, pid_t>>& processes);

// Ends the processes noted in `directory`, with SIGTERM and after five seconds SIGKILL, and removes
// the directory. Fails if nothing is noted there.
absl::Status StopKept(const std::string& directory);

}  // namespace tandem::demo
