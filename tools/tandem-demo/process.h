// A child process: started with its output in a file, ended and waited for by a pid descriptor, so
// that no other process that got the same number can be hit.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::demo {

struct ProcessSpec {
  std::vector<std::string> arguments;  // [0] is the path of the program
  std::string output_file;             // stdout and stderr are appended to it
  bool outlives_parent = false;  // else the kernel kills it when the thread that started it ends
};

// How a process ended.
struct Exit {
  int code = 0;    // exit code, if `signal` is 0
  int signal = 0;  // that killed it
};
std::string ToString(const Exit& exit);

// Move-only. A process that still runs when its object dies is killed, unless Release() was called.
class Process {
 public:
  Process() = default;  // none
  // Fails if the program cannot be executed. In a process group of its own: Ctrl-C at the terminal
  // does not reach it.
  static absl::StatusOr<Process> Start(const ProcessSpec& spec);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  // -1: none, or it has ended and was waited for.
  pid_t pid() const noexcept { return pid_; }
  // Sends `signal`; nothing happens if the process has ended.
  void Signal(int signal) const;
  // Waits at most `timeout` for the end. Nothing if the process still runs.
  std::optional<Exit> Wait(std::chrono::milliseconds timeout);
  // SIGKILL and wait.
  void Kill();
  // SIGTERM, and SIGKILL after `grace`.
  void Stop(std::chrono::milliseconds grace);
  // Lets it run on without this object.
  void Release();

 private:
  Process(pid_t pid, reactor::OwnedFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_ = -1;
  reactor::OwnedFd pidfd_;
};

}  // namespace tandem::demo
