#include "tools/tandem-demo/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tandem::demo {
namespace {

// In the child, between fork and exec: only calls that are safe there. Writes errno to `error_pipe`
// and ends if it fails.
[[noreturn]] void Become(char* const* arguments, int output, int error_pipe, bool outlives_parent,
                         pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);  // the demo blocks those it waits for
  setpgid(0, 0);
  if (!outlives_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // the parent ended before the line above
  }
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const auto written = write(error_pipe, &error, sizeof error);
  _exit(127);
}

}  // namespace

std::string ToString(const Exit& exit) {
  return exit.signal != 0
             ? absl::StrCat("killed by signal ", exit.signal, " (", strsignal(exit.signal), ")")
             : absl::StrCat("exit code ", exit.code);
}

absl::StatusOr<Process> Process::Start(const ProcessSpec& spec) {
  const auto failed = [&spec](const char* what, int error) {
    return absl::UnavailableError(
        absl::StrCat(what, " ", spec.arguments.at(0), ": ", std::strerror(error)));
  };
  std::vector<std::string> copies = spec.arguments;
  std::vector<char*> arguments;
  for (std::string& argument : copies) arguments.push_back(argument.data());
  arguments.push_back(nullptr);

  const reactor::OwnedFd output(
      open(spec.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output.valid())
    return absl::UnavailableError(
        absl::StrCat("cannot write ", spec.output_file, ": ", std::strerror(errno)));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("cannot start", errno);
  const reactor::OwnedFd read_end(ends[0]);
  reactor::OwnedFd write_end(ends[1]);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return failed("cannot start", errno);
  if (pid == 0)
    Become(arguments.data(), output.get(), write_end.get(), spec.outlives_parent, parent);

  write_end = reactor::OwnedFd();  // so that exec, which closes the other copy, ends the read below
  Process process(pid, reactor::OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  if (!process.pidfd_.valid()) return failed("cannot watch", errno);
  int error = 0;
  if (read(read_end.get(), &error, sizeof error) > 0) return failed("cannot execute", error);
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Process::~Process() { Kill(); }

void Process::Signal(int signal) const {
  if (pid_ > 0 && pidfd_.valid()) syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

std::optional<Exit> Process::Wait(std::chrono::milliseconds timeout) {
  if (pid_ <= 0) return std::nullopt;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (poll(&ended, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  pid_ = -1;
  if (WIFSIGNALED(status)) return Exit{.signal = WTERMSIG(status)};
  return Exit{.code = WEXITSTATUS(status)};
}

void Process::Kill() {
  Signal(SIGKILL);
  Wait(std::chrono::milliseconds(-1));
}

void Process::Stop(std::chrono::milliseconds grace) {
  Signal(SIGTERM);
  if (!Wait(grace)) Kill();
}

void Process::Release() {
  pid_ = -1;
  pidfd_ = reactor::OwnedFd();
}

}  // namespace tandem::demo
