// A child process for tests: a line of shell.
#pragma once

#include <chrono>
#include <string>

#include "tests/support/temp_dir.h"
#include "tools/tandem-demo/process.h"

namespace tandem::demo {

// Long enough that only a defect makes a test wait for it.
inline constexpr std::chrono::seconds kDeadline{20};

// Its output goes to the file "out" of `directory`.
inline absl::StatusOr<Process> Shell(const testing::TempDir& directory, const std::string& script) {
  return Process::Start(
      {.arguments = {"/bin/sh", "-c", script}, .output_file = directory.Path("out")});
}

}  // namespace tandem::demo
