// The command line of tandemd.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tandem::tandemd {

// Exit codes that users and service managers rely on.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // it started, or tried to, and something went wrong
inline constexpr int kExitUsage = 2;   // usage or configuration: starting again will not help

struct Options {
  std::optional<std::string> config_file;
  std::vector<std::string> sets;  // "section.key=value", in the order given
  bool check_config = false;      // say what is wrong with the configuration, and end
};

// What the command line says; nothing if the program is to end at once with `exit_code`, because
// the command line makes no sense or asked for --help or --version. What there is to say then is
// printed.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace tandem::tandemd
