// The command line of tandemctl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tandem::tandemctl {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the node refused, or did not answer
inline constexpr int kExitUsage = 2;

enum class Command : std::uint8_t { kStatus, kDrain, kResume, kForceServe };

struct Options {
  Command command = Command::kStatus;
  std::string admin = "127.0.0.1:9883";  // admin.address of the node
  bool force = false;                    // drain: also if nobody takes the clients
  bool wait = true;                      // drain: until it is done
};

// What the command line says; nothing if the program is to end at once with `exit_code`. What there
// is to say then is printed.
std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code);

}  // namespace tandem::tandemctl
