// tandem-bench: loads an MQTT broker and measures what comes back.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/strings.h"
#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/uring_transport.h"
#include "tools/tandem-bench/baseline.h"
#include "tools/tandem-bench/busy_meter.h"
#include "tools/tandem-bench/find_max.h"
#include "tools/tandem-bench/html_report.h"
#include "tools/tandem-bench/load.h"
#include "tools/tandem-bench/modes.h"
#include "tools/tandem-bench/options.h"
#include "tools/tandem-bench/percentiles.h"
#include "tools/tandem-bench/process_cpu.h"
#include "tools/tandem-bench/report.h"
#include "tools/tandem-bench/runner.h"

namespace tandem::bench {
namespace {

volatile std::sig_atomic_t g_stop = 0;

// A deadline this near is met by turning, not by sleeping: waking up takes as long.
constexpr MonoNs kNearNs = 100'000;
// find-max: where it begins, how close it gets, and how much less than asked for still counts.
constexpr double kFirstRate = 10'000;
constexpr double kRatePrecision = 0.05;
constexpr double kRateTolerance = 0.98;
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

// Prints a line per second, keeps the series and watches the phases.
class Watch {
 public:
  Watch(const Options& options, Load& load, MonoNs now)
      : options_(options), load_(load), cpu_(options.broker_pid), begin_(now), last_line_(now) {}

  void Turned(MonoNs began, MonoNs now, bool was_busy) {
    busy_.Turn(began, now, was_busy);
    const Phase phase = load_.phase();
    if (phase != phase_) {
      if (phase == Phase::kMeasuring) BeginMeasuring(now);
      if (phase_ == Phase::kMeasuring) {
        cpu_.Close();
        busy_share_ = busy_.Share(now);
      }
      phase_ = phase;
    }
    if (now >= NextLine()) Line(now);
  }
  MonoNs NextLine() const { return last_line_ + kNanosecondsPerSecond; }

  const CpuWindow& cpu() const { return cpu_; }
  double busy_share() const { return busy_share_; }
  const Series& series() const { return series_; }

 private:
  void BeginMeasuring(MonoNs now) {
    cpu_.Open();
    busy_.Begin(now);
    measuring_began_ = last_line_ = now;
  }
  void Line(MonoNs now) {
    const Measurement& recent = load_.TakeRecent();
    if (!options_.quiet) {
      std::fprintf(
          stderr, "%s\n",
          LiveLine(now - begin_, phase_, load_.Progress(now), recent, now - last_line_).c_str());
    }
    if (phase_ == Phase::kMeasuring) {
      series_.push_back(MakeSample(recent, now - measuring_began_, now - last_line_));
    }
    last_line_ = now;
  }

  const Options& options_;
  Load& load_;
  CpuWindow cpu_;
  BusyMeter busy_;
  Series series_;
  const MonoNs begin_;
  MonoNs last_line_;
  MonoNs measuring_began_ = 0;
  double busy_share_ = 0;
  Phase phase_ = Phase::kConnecting;
};

void Drive(reactor::UringTransport& transport, const Options& options, Load& load, Watch& watch) {
  Runner runner(transport, options, load);
  MonoNs end = kNever;
  MonoNs last_work = reactor::MonotonicNow();
  for (MonoNs began = last_work;;) {
    const MonoNs deadline = runner.Turn(reactor::MonotonicNow);
    transport.Submit();
    const MonoNs now = reactor::MonotonicNow();
    watch.Turned(began, now, runner.was_busy());
    began = now;
    if (runner.was_busy()) last_work = now;
    if (g_stop != 0) load.Stop(now);
    if (load.phase() == Phase::kDone) {
      if (end == kNever) end = now + kGoodbyeNs;
      if (runner.open_streams() == 0 || now >= end) return;
    }
    const MonoNs wake = std::min({deadline, watch.NextLine(), end});
    if (wake - now < kNearNs || now - last_work < options.spin_ns) continue;
    transport.Wait(now, wake);
    began = reactor::MonotonicNow();
  }
}

// One load from the first CONNECT to the last DISCONNECT, and what is made of it.
class LoadRun {
 public:
  explicit LoadRun(Options options)
      : options_(std::move(options)),
        load_(std::make_unique<Load>(options_, FindMode(options_.mode)->plan(options_),
                                     reactor::MonotonicNow())),
        watch_(options_, *load_, reactor::MonotonicNow()) {}

  // False, having said why, if the load could not even begin.
  bool Run() {
    auto transport = reactor::UringTransport::Create({});
    if (!transport.ok()) {
      std::fprintf(stderr, "tandem-bench: %s\n", transport.status().ToString().c_str());
      return false;
    }
    Drive(**transport, options_, *load_, watch_);
    return true;
  }

  // What it refers to lives as long as this.
  Result MakeResult() const {
    const double seconds = static_cast<double>(load_->measured_ns());
    return {
        .options = options_,
        .measured = load_->measured(),
        .measured_ns = load_->measured_ns(),
        .connect_time_ns = load_->connect_time_ns(),
        .clients = static_cast<std::uint32_t>(load_->size()),
        .published_ever = load_->published_ever(),
        .received_ever = load_->received_ever(),
        .lost = load_->Lost(),
        .flows = load_->Flows(),
        .errors = load_->errors(),
        .generator_cpu = seconds > 0 ? static_cast<double>(watch_.cpu().own_ns()) / seconds : 0,
        .generator_busy = watch_.busy_share(),
        .broker_cpu_ns = watch_.cpu().broker_ns(),
        .series = watch_.series(),
    };
  }

 private:
  const Options options_;
  std::unique_ptr<Load> load_;
  Watch watch_;
};

bool WriteFile(const std::optional<std::string>& path, const std::string& text) {
  if (!path) return true;
  if (*path == "-") {
    std::cout << text;
    return true;
  }
  std::ofstream file(*path);
  file << text;
  file.close();
  if (file.good()) return true;
  std::fprintf(stderr, "tandem-bench: cannot write %s\n", path->c_str());
  return false;
}

// The whole file; nothing, having said why, if it cannot be read.
std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.good() || file.eof()) return text;
  std::fprintf(stderr, "tandem-bench: cannot read %s\n", path.c_str());
  return std::nullopt;
}

// Prints and writes what was asked for. False if some of it could not be done.
bool Report(const Result& result) {
  std::fputs(Summary(result).c_str(), stderr);
  const Options& options = result.options;
  const std::string json = Json(result);
  bool is_done = WriteFile(options.json_file, json) &&
                 WriteFile(options.hgrm_file, Hgrm(result.measured.latency));
  std::optional<std::string> baseline;
  if (options.baseline_file) {
    baseline = ReadFile(*options.baseline_file);
    const absl::StatusOr<std::string> comparison = CompareWithBaseline(json, baseline.value_or(""));
    if (comparison.ok()) {
      std::fputs(comparison->c_str(), stderr);
    } else {
      std::fprintf(stderr, "tandem-bench: %s: %s\n", options.baseline_file->c_str(),
                   std::string(FromAbsl(comparison.status().message())).c_str());
      baseline.reset();
      is_done = false;
    }
  }
  return WriteFile(options.html_file, options.html_file ? HtmlReport(json, baseline) : "") &&
         is_done;
}

int RunOnce(const Options& options) {
  LoadRun run(options);
  if (!run.Run()) return kExitFailed;
  const Result result = run.MakeResult();
  return Report(result) && IsGood(result) ? kExitOk : kExitFailed;
}

// Whether the broker took the rate that was asked for, and gave everything back in time.
bool KeptUp(const Result& result) {
  const double wanted = result.options.rate_per_s * static_cast<double>(result.measured_ns) / 1e9;
  const double copies =
      static_cast<double>(FindMode(result.options.mode)->plan(result.options).copies);
  return result.lost == 0 && result.errors.total() == 0 &&
         static_cast<double>(result.measured.received) >= kRateTolerance * wanted * copies &&
         result.measured.latency.Quantile(0.99) <=
             static_cast<std::uint64_t>(result.options.latency_limit_ns);
}

int FindMax(const Options& options) {
  RateSearch search(kFirstRate, kRatePrecision);
  std::unique_ptr<LoadRun> best;
  while (const std::optional<double> rate = search.next()) {
    if (g_stop != 0) break;
    Options one = options;
    one.rate_per_s = *rate;
    one.quiet = true;
    auto run = std::make_unique<LoadRun>(one);
    if (!run->Run()) return kExitFailed;
    const Result result = run->MakeResult();
    if (result.measured_ns == 0 && result.errors.clients_lost > 0) {
      std::fprintf(stderr, "tandem-bench: no load could begin: %s\n", result.errors.first.c_str());
      return kExitFailed;
    }
    const bool kept_up = KeptUp(result);
    std::fprintf(stderr, "%10.0f/s  received %10.0f/s  p99 %-9s  lost %llu  %s%s\n", *rate,
                 MessagesPerSecond(result),
                 FormatLatency(result.measured.latency.Quantile(0.99)).c_str(),
                 static_cast<unsigned long long>(result.lost), kept_up ? "kept up" : "too much",
                 GeneratorWasTheLimit(result) ? " (the generator was the limit)" : "");
    if (result.errors.clients_lost > 0) {
      std::fprintf(stderr, "  %s\n", result.errors.first.c_str());
    }
    search.Report(kept_up);
    if (kept_up) best = std::move(run);
  }
  if (!best) {
    std::fprintf(stderr, "tandem-bench: the broker kept up with no rate\n");
    return kExitFailed;
  }
  std::fprintf(stderr, "greatest rate kept up: %.0f messages/s published\n", search.best());
  const Result result = best->MakeResult();
  return Report(result) && IsGood(result) ? kExitOk : kExitFailed;
}

int Run(const Options& options) {
  PrepareProcess();
  return options.find_max ? FindMax(options) : RunOnce(options);
}

}  // namespace
}  // namespace tandem::bench

int main(int argc, char** argv) {
  int exit_code = tandem::bench::kExitOk;
  const auto options = tandem::bench::ParseOptions(argc, argv, exit_code);
  return options ? tandem::bench::Run(*options) : exit_code;
}
