#include "tools/tandem-demo/kept_cluster.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "engine/reactor/owned_fd.h"
#include "tools/tandem-demo/clock.h"

namespace tandem::demo {
namespace {

constexpr std::chrono::seconds kGrace{5};

std::string NotePath(const std::string& directory) { return directory + "/processes"; }

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<std::uint64_t> StartTimeOf(pid_t pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return stat ? StartTime(*stat) : std::nullopt;
}

// Invalid if the process has ended. The start time is compared after the descriptor was opened:
// from then on the number can't pass to another process unseen.
reactor::OwnedFd Open(const KeptProcess& process) {
  reactor::OwnedFd fd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (StartTimeOf(process.pid) != process.started) return {};
  return fd;
}

bool Ended(const reactor::OwnedFd& process, TimePoint deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd end{process.get(), POLLIN, 0};
  return poll(&end, 1, std::max(0, static_cast<int>(left.count()))) == 1;
}

}  // namespace

std::optional<std::uint64_t> StartTime(std::string_view proc_pid_stat) {
  // The second field is the program's name in parentheses and may hold spaces and parentheses
  // itself.
  const std::size_t name_end = proc_pid_stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(proc_pid_stat.substr(name_end + 1))};
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t started = 0;
  if (!(fields >> started)) return std::nullopt;
  return started;
}

std::string ToText(const std::vector<KeptProcess>& processes) {
  std::string text;
  for (const KeptProcess& process : processes)
    absl::StrAppend(&text, process.name, " ", process.pid, " ", process.started, "\n");
  return text;
}

std::optional<std::vector<KeptProcess>> ParseKept(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::vector<KeptProcess> processes;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    KeptProcess process;
    if (!(fields >> process.name >> process.pid >> process.started) || process.pid <= 1)
      return std::nullopt;
    processes.push_back(std::move(process));
  }
  return processes;
}

absl::Status NoteKept(const std::string& directory,
                      const std::vector<std::pair<std::string, pid_t>>& processes) {
  std::vector<KeptProcess> kept;
  for (const auto& [name, pid] : processes) {
    const auto started = StartTimeOf(pid);
    if (!started) return absl::UnavailableError(absl::StrCat(name, " does not run any more"));
    kept.push_back({name, pid, *started});
  }
  std::ofstream file(NotePath(directory));
  file << ToText(kept);
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", NotePath(directory)));
  return absl::OkStatus();
}

absl::Status StopKept(const std::string& directory) {
  const auto text = ReadFile(NotePath(directory));
  const auto kept = text ? ParseKept(*text) : std::nullopt;
  if (!kept)
    return absl::NotFoundError(absl::StrCat(directory, " is no directory of a demo that was kept"));

  std::vector<reactor::OwnedFd> running;
  for (const KeptProcess& process : *kept)
    if (auto fd = Open(process); fd.valid()) running.push_back(std::move(fd));
  for (const auto& fd : running) syscall(SYS_pidfd_send_signal, fd.get(), SIGTERM, nullptr, 0);
  const TimePoint deadline = Clock::now() + kGrace;
  for (const auto& fd : running)
    if (!Ended(fd, deadline)) syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return absl::OkStatus();
}

}  // namespace tandem::demo
