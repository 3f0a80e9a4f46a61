// tandem-bench: loads an MQTT broker and measures what comes back.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/uring_transport.h"
#include "tools/tandem-bench/load.h"
#include "tools/tandem-bench/modes.h"
#include "tools/tandem-bench/options.h"
#include "tools/tandem-bench/process_cpu.h"
#include "tools/tandem-bench/report.h"
#include "tools/tandem-bench/runner.h"

namespace tandem::bench {
namespace {

volatile std::sig_atomic_t g_stop = 0;

// A deadline this near is met by turning, not by sleeping: waking up takes as long.
constexpr MonoNs kSpinNs = 100'000;
// How long DISCONNECTs may take at the end.
constexpr MonoNs kGoodbyeNs = kNanosecondsPerSecond;

void PrepareProcess() {
  struct sigaction action {};
  action.sa_handler = [](int) { g_stop = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  prctl(PR_SET_TIMERSLACK, 1);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

std::uint64_t OwnCpuNs() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// CPU of both sides between the begin and the end of measuring.
class CpuWindow {
 public:
  explicit CpuWindow(std::optional<int> broker_pid) : broker_pid_(broker_pid) {}

  void Open() {
    own_ = OwnCpuNs();
    broker_ = Broker();
  }
  void Close() {
    own_ = OwnCpuNs() - own_;
    const std::optional<std::uint64_t> now = Broker();
    if (now && broker_) {
      broker_ = *now - *broker_;
    } else {
      broker_.reset();
    }
  }
  std::uint64_t own_ns() const { return own_; }
  std::optional<std::uint64_t> broker_ns() const { return broker_; }

 private:
  std::optional<std::uint64_t> Broker() const {
    if (!broker_pid_) return std::nullopt;
    const absl::StatusOr<std::uint64_t> ns = ProcessCpuNs(*broker_pid_);
    if (ns.ok()) return *ns;
    std::fprintf(stderr, "tandem-bench: %s\n", ns.status().ToString().c_str());
    return std::nullopt;
  }

  const std::optional<int> broker_pid_;
  std::uint64_t own_ = 0;
  std::optional<std::uint64_t> broker_;
};

// Prints a line per second and watches the phases.
class Watch {
 public:
  Watch(const Options& options, Load& load, CpuWindow& cpu, MonoNs now)
      : options_(options), load_(load), cpu_(cpu), begin_(now), last_line_(now) {}

  void Look(MonoNs now) {
    const Phase phase = load_.phase();
    if (phase != phase_) {
      if (phase == Phase::kMeasuring) cpu_.Open();
      if (phase_ == Phase::kMeasuring) cpu_.Close();
      phase_ = phase;
    }
    if (now >= NextLine()) Line(now);
  }
  MonoNs NextLine() const { return last_line_ + kNanosecondsPerSecond; }

 private:
  void Line(MonoNs now) {
    const Measurement& recent = load_.TakeRecent();
    if (!options_.quiet) {
      std::fprintf(stderr, "%s\n",
                   LiveLine(now - begin_, phase_, recent, now - last_line_).c_str());
    }
    last_line_ = now;
  }

  const Options& options_;
  Load& load_;
  CpuWindow& cpu_;
  const MonoNs begin_;
  MonoNs last_line_;
  Phase phase_ = Phase::kConnecting;
};

void Drive(reactor::UringTransport& transport, const Options& options, Load& load, CpuWindow& cpu) {
  Runner runner(transport, options, load);
  Watch watch(options, load, cpu, reactor::MonotonicNow());
  MonoNs end = kNever;
  for (;;) {
    const MonoNs deadline = runner.Turn(reactor::MonotonicNow);
    const MonoNs now = reactor::MonotonicNow();
    watch.Look(now);
    if (g_stop != 0) load.Stop(now);
    if (load.phase() == Phase::kDone) {
      if (end == kNever) end = now + kGoodbyeNs;
      if (runner.open_streams() == 0 || now >= end) return;
    }
    const MonoNs wake = std::min({deadline, watch.NextLine(), end});
    if (wake - now < kSpinNs) {
      transport.Submit();
    } else {
      transport.Wait(wake);
    }
  }
}

bool WriteJson(const Result& result) {
  if (!result.options.json_file) return true;
  const std::string json = Json(result);
  if (*result.options.json_file == "-") {
    std::cout << json;
    return true;
  }
  std::ofstream file(*result.options.json_file);
  file << json;
  file.close();
  if (file.good()) return true;
  std::fprintf(stderr, "tandem-bench: cannot write %s\n", result.options.json_file->c_str());
  return false;
}

int Run(const Options& options) {
  PrepareProcess();
  auto transport = reactor::UringTransport::Create({});
  if (!transport.ok()) {
    std::fprintf(stderr, "tandem-bench: %s\n", transport.status().ToString().c_str());
    return kExitFailed;
  }
  const auto load = std::make_unique<Load>(options, FindMode(options.mode)->plan(options),
                                           reactor::MonotonicNow());
  CpuWindow cpu(options.broker_pid);
  Drive(**transport, options, *load, cpu);
  const double seconds = static_cast<double>(load->measured_ns());
  const Result result{
      .options = options,
      .measured = load->measured(),
      .measured_ns = load->measured_ns(),
      .connect_time_ns = load->connect_time_ns(),
      .clients = static_cast<std::uint32_t>(load->size()),
      .published_ever = load->published_ever(),
      .lost = load->Lost(),
      .flows = load->Flows(),
      .errors = load->errors(),
      .generator_cpu = seconds > 0 ? static_cast<double>(cpu.own_ns()) / seconds : 0,
      .broker_cpu_ns = cpu.broker_ns(),
  };
  std::fputs(Summary(result).c_str(), stderr);
  return WriteJson(result) && IsGood(result) ? kExitOk : kExitFailed;
}

}  // namespace
}  // namespace tandem::bench

int main(int argc, char** argv) {
  int exit_code = tandem::bench::kExitOk;
  const auto options = tandem::bench::ParseOptions(argc, argv, exit_code);
  return options ? tandem::bench::Run(*options) : exit_code;
}
