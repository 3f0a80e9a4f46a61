#include "engine/base/log.h"

#include <signal.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/base/log_format.h"
#include "engine/base/log_ring.h"

namespace tandem {
namespace {

using internal::FormatLogBody;
using internal::FormatLogPrefix;
using internal::kLogPrefixBytesMax;
using internal::kLogTextBytesMax;
using internal::LogRecordHeader;
using internal::LogRing;
using internal::LogSuffix;

enum class Channel : std::uint8_t { kMain, kAccess };

constexpr std::size_t kThreadsMax = 256;  // threads that log at the same time
constexpr std::size_t kBatchBytesMax =
    1024 * 1024;  // what one pass of the log thread gathers before it writes
constexpr std::chrono::milliseconds kRest{
    2};  // between two passes: wake-ups by producers are this rare

std::int64_t WallNs() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// write(2) of everything; async-signal-safe. There is nowhere left to report a failure to.
void WriteAll(int fd, const char* data, std::size_t count) noexcept {
  while (count > 0) {
    const ssize_t written = write(fd, data, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    data += written;
    count -= static_cast<std::size_t>(written);
  }
}

// One whole line in a fixed block; async-signal-safe.
class Line {
 public:
  Line(LogFormat format, const LogRecordHeader& header, std::string_view body) noexcept {
    const bool access = header.channel == static_cast<std::uint8_t>(Channel::kAccess);
    const std::string_view level =
        access ? std::string_view{} : Name(static_cast<LogLevel>(header.level));
    used_ = FormatLogPrefix(text_, format, header.wall_ns, level);
    Append(body);
    Append(LogSuffix(format));
  }
  std::string_view text() const noexcept { return {text_.data(), used_}; }

 private:
  void Append(std::string_view more) noexcept {
    std::memcpy(text_.data() + used_, more.data(), more.size());
    used_ += more.size();
  }
  std::array<char, 2 * kLogPrefixBytesMax + kLogTextBytesMax> text_;
  std::size_t used_ = 0;
};

struct ThreadRing {
  explicit ThreadRing(std::size_t ring_bytes) : ring(ring_bytes) {}
  LogRing ring;
  std::atomic<bool> retired{false};  // its thread has ended; freed when empty
};

using Sink = std::shared_ptr<spdlog::sinks::sink>;

// A sink that writes what it is given, byte for byte.
Sink Raw(Sink sink) {
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%v", spdlog::pattern_time_type::utc, std::string()));
  return sink;
}

absl::StatusOr<Sink> OpenFile(const std::string& path) {
  try {
    return Raw(std::make_shared<spdlog::sinks::basic_file_sink_st>(path));
  } catch (const std::exception& error) {
    return absl::UnavailableError("cannot open log file " + path + ": " + error.what());
  }
}

// The process has one, from its first line until its end: it is never destroyed, because threads
// may log while the process exits.
//
// Who touches what: a ring is written by its thread and read by whoever holds `consuming_` (the log
// thread; ReopenLog for the sinks; the crash handler). Sleeping: the log thread sets `sleeping_`,
// looks into the rings once more and waits; a producer pushes, then takes `sleeping_` away and
// wakes it if it was set. Both do so by exchange, so one of them sees the other.
class Logger {
 public:
  absl::Status Start(const LogOptions& options);
  void Stop();
  absl::Status Reopen();
  void Flush();
  void Write(Channel channel, LogLevel level, std::string_view message, LogFields fields) noexcept;
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  // Crash handler: what waits goes to stderr.
  void EmergencyDrain() noexcept;

 private:
  ThreadRing* RingOfThisThread() noexcept;
  void Run();
  bool Drain();
  LogRing* Oldest() noexcept;
  void NoteDropped();
  void FreeRetired();
  void WriteOut(Sink& sink, std::string& batch);
  void Wake() noexcept;
  void Lock() noexcept {
    while (consuming_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  void Unlock() noexcept { consuming_.clear(std::memory_order_release); }

  std::array<std::atomic<ThreadRing*>, kThreadsMax> rings_{};
  std::atomic<std::size_t> ring_bytes_{LogOptions{}.ring_bytes};
  std::atomic<LogFormat> format_{LogFormat::kText};
  std::atomic<bool> running_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<std::uint32_t> wakes_{0};
  std::atomic<std::uint64_t> flushes_asked_{0};
  std::atomic<std::uint64_t> flushes_done_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic_flag consuming_ = ATOMIC_FLAG_INIT;

  // Under consuming_:
  LogOptions options_;
  Sink main_;
  Sink access_;
  std::string main_batch_;
  std::string access_batch_;
  std::uint64_t dropped_noted_ = 0;
  bool write_failed_ = false;

  std::thread thread_;
};

Logger& TheLogger() noexcept {
  static Logger& logger = *new Logger;
  return logger;
}

// Retires the ring of a thread that ends.
struct RingHandle {
  ThreadRing* ring = nullptr;
  ~RingHandle() {
    if (ring != nullptr) ring->retired.store(true, std::memory_order_release);
    ring = nullptr;  // another thread-local object may log while it is destroyed
  }
};
thread_local RingHandle this_thread_ring;
thread_local bool is_log_thread = false;

absl::Status Logger::Start(const LogOptions& options) {
  Sink main;
  Sink access;
  if (!options.file.empty()) {
    auto opened = OpenFile(options.file);
    if (!opened.ok()) return opened.status();
    main = *std::move(opened);
  } else if (options.output == LogOutput::kStdout) {
    main = Raw(std::make_shared<spdlog::sinks::stdout_sink_st>());
  } else {
    main = Raw(std::make_shared<spdlog::sinks::stderr_sink_st>());
  }
  if (!options.access_log.empty()) {
    auto opened = OpenFile(options.access_log);
    if (!opened.ok()) return opened.status();
    access = *std::move(opened);
  }
  Lock();
  options_ = options;
  main_ = std::move(main);
  access_ = std::move(access);
  Unlock();
  format_.store(options.format, std::memory_order_relaxed);
  ring_bytes_.store(options.ring_bytes, std::memory_order_relaxed);
  internal::log_level.store(options.level, std::memory_order_relaxed);
  internal::access_log_enabled.store(!options.access_log.empty(), std::memory_order_relaxed);
  stopping_.store(false, std::memory_order_relaxed);
  running_.store(true, std::memory_order_release);
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Logger::Stop() {
  if (!thread_.joinable()) return;
  internal::access_log_enabled.store(false, std::memory_order_relaxed);
  running_.store(false, std::memory_order_release);
  stopping_.store(true, std::memory_order_release);
  Wake();
  thread_.join();
  Lock();
  main_.reset();
  access_.reset();
  Unlock();
}

absl::Status Logger::Reopen() {
  Lock();
  const LogOptions options = options_;
  const bool has_main = main_ != nullptr;
  const bool has_access = access_ != nullptr;
  Unlock();
  absl::Status status = absl::OkStatus();
  const auto replace = [&](Sink& sink, const std::string& path) {
    auto opened = OpenFile(path);
    if (!opened.ok()) {
      status.Update(opened.status());
      return;
    }
    Lock();
    sink.swap(*opened);
    Unlock();
  };
  if (has_main && !options.file.empty()) replace(main_, options.file);
  if (has_access) replace(access_, options.access_log);
  return status;
}

void Logger::Flush() {
  if (!running_.load(std::memory_order_acquire)) return;
  const std::uint64_t mine = flushes_asked_.fetch_add(1, std::memory_order_acq_rel) + 1;
  Wake();
  for (std::uint64_t done = flushes_done_.load(std::memory_order_acquire); done < mine;
       done = flushes_done_.load(std::memory_order_acquire)) {
    flushes_done_.wait(done, std::memory_order_acquire);
  }
}

void Logger::Write(Channel channel, LogLevel level, std::string_view message,
                   LogFields fields) noexcept {
  const LogFormat format = format_.load(std::memory_order_relaxed);
  std::array<char, kLogTextBytesMax> body;
  const std::string_view text(body.data(), FormatLogBody(body, format, message, fields));
  const LogRecordHeader header{WallNs(), 0, static_cast<std::uint8_t>(level),
                               static_cast<std::uint8_t>(channel)};
  ThreadRing* const ring = running_.load(std::memory_order_acquire) ? RingOfThisThread() : nullptr;
  if (ring == nullptr) {
    const Line line(format, header, text);
    WriteAll(STDERR_FILENO, line.text().data(), line.text().size());
    return;
  }
  if (!ring->ring.Push(header, text)) dropped_.fetch_add(1, std::memory_order_relaxed);
  if (sleeping_.exchange(false, std::memory_order_acq_rel)) Wake();
}

ThreadRing* Logger::RingOfThisThread() noexcept {
  if (this_thread_ring.ring != nullptr) return this_thread_ring.ring;
  auto made = std::make_unique<ThreadRing>(ring_bytes_.load(std::memory_order_relaxed));
  for (auto& slot : rings_) {
    ThreadRing* expected = nullptr;
    if (slot.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) {
      this_thread_ring.ring = made.release();
      return this_thread_ring.ring;
    }
  }
  return nullptr;
}

void Logger::Wake() noexcept {
  wakes_.fetch_add(1, std::memory_order_release);
  wakes_.notify_one();
}

void Logger::Run() {
  is_log_thread = true;
  // A log thread takes no signals: they belong to the threads that know what to do with them.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (true) {
    const std::uint32_t wakes = wakes_.load(std::memory_order_acquire);
    const std::uint64_t flushes = flushes_asked_.load(std::memory_order_acquire);
    const bool stopping = stopping_.load(std::memory_order_acquire);
    const bool wrote = Drain();
    flushes_done_.store(flushes, std::memory_order_release);
    flushes_done_.notify_all();
    if (stopping) break;
    if (wrote) {
      std::this_thread::sleep_for(kRest);
      continue;
    }
    sleeping_.exchange(true, std::memory_order_acq_rel);
    if (Oldest() == nullptr) wakes_.wait(wakes, std::memory_order_acquire);
    sleeping_.store(false, std::memory_order_relaxed);
  }
}

LogRing* Logger::Oldest() noexcept {
  LogRing* oldest = nullptr;
  std::int64_t oldest_ns = 0;
  for (auto& slot : rings_) {
    ThreadRing* const ring = slot.load(std::memory_order_acquire);
    std::int64_t wall_ns = 0;
    if (ring == nullptr || !ring->ring.PeekTime(wall_ns)) continue;
    if (oldest == nullptr || wall_ns < oldest_ns) {
      oldest = &ring->ring;
      oldest_ns = wall_ns;
    }
  }
  return oldest;
}

// Writes what waits, oldest first, until nothing is left. True if there was anything.
bool Logger::Drain() {
  Lock();
  bool wrote = false;
  const LogFormat format = format_.load(std::memory_order_relaxed);
  LogRecordHeader header;
  std::array<char, kLogTextBytesMax> body;
  while (LogRing* const ring = Oldest()) {
    ring->Pop(header, body.data());
    const bool access = header.channel == static_cast<std::uint8_t>(Channel::kAccess);
    std::string& batch = access ? access_batch_ : main_batch_;
    batch += Line(format, header, {body.data(), header.text_bytes}).text();
    wrote = true;
    if (batch.size() > kBatchBytesMax) WriteOut(access ? access_ : main_, batch);
  }
  NoteDropped();
  FreeRetired();
  WriteOut(main_, main_batch_);
  WriteOut(access_, access_batch_);
  Unlock();
  return wrote;
}

void Logger::WriteOut(Sink& sink, std::string& batch) {
  if (sink != nullptr && !batch.empty()) {
    try {
      sink->log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info, batch));
      sink->flush();
      write_failed_ = false;
    } catch (const std::exception& error) {
      // Said once, not with each batch, until writing works again.
      const std::string note =
          std::string("tandem: log lines lost, cannot write: ") + error.what() + "\n";
      if (!write_failed_) WriteAll(STDERR_FILENO, note.data(), note.size());
      write_failed_ = true;
    }
  }
  batch.clear();
}

void Logger::NoteDropped() {
  const std::uint64_t total = dropped();
  if (total == dropped_noted_) return;
  const LogFormat format = format_.load(std::memory_order_relaxed);
  std::array<char, kLogTextBytesMax> body;
  const std::size_t used =
      FormatLogBody(body, format, "log lines dropped, more came than could be written",
                    {{"lines", total - dropped_noted_}});
  const LogRecordHeader header{WallNs(), 0, static_cast<std::uint8_t>(LogLevel::kWarn),
                               static_cast<std::uint8_t>(Channel::kMain)};
  main_batch_ += Line(format, header, {body.data(), used}).text();
  dropped_noted_ = total;
}

void Logger::FreeRetired() {
  for (auto& slot : rings_) {
    ThreadRing* const ring = slot.load(std::memory_order_acquire);
    std::int64_t wall_ns = 0;
    if (ring == nullptr || !ring->retired.load(std::memory_order_acquire) ||
        ring->ring.PeekTime(wall_ns))
      continue;
    slot.store(nullptr, std::memory_order_release);
    delete ring;
  }
}

void Logger::EmergencyDrain() noexcept {
  // The log thread may be in the middle of a pass: give it a moment, then leave the rings to it.
  constexpr timespec kMillisecond = {0, 1'000'000};
  bool mine = is_log_thread;
  for (int i = 0; i < 200 && !mine; ++i) {
    mine = !consuming_.test_and_set(std::memory_order_acquire);
    if (!mine) nanosleep(&kMillisecond, nullptr);
  }
  if (!mine) return;
  LogRecordHeader header;
  std::array<char, kLogTextBytesMax> body;
  const LogFormat format = format_.load(std::memory_order_relaxed);
  while (LogRing* const ring = Oldest()) {
    ring->Pop(header, body.data());
    if (header.channel != static_cast<std::uint8_t>(Channel::kMain)) continue;
    const Line line(format, header, {body.data(), header.text_bytes});
    WriteAll(STDERR_FILENO, line.text().data(), line.text().size());
  }
}

void OnCrash(int signal_number) {
  TheLogger().EmergencyDrain();
  raise(signal_number);  // SA_RESETHAND has put the default action back
}

}  // namespace

namespace internal {

void LogLine(LogLevel level, std::string_view message, LogFields fields) noexcept {
  TheLogger().Write(Channel::kMain, level, message, fields);
}

void LogAccessLine(std::string_view event, LogFields fields) noexcept {
  TheLogger().Write(Channel::kAccess, LogLevel::kInfo, event, fields);
}

}  // namespace internal

std::string_view Name(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 5> kNames = {"trace", "debug", "info", "warn", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

absl::Status StartLog(const LogOptions& options) { return TheLogger().Start(options); }
void StopLog() { TheLogger().Stop(); }
absl::Status ReopenLog() { return TheLogger().Reopen(); }
void FlushLog() { TheLogger().Flush(); }
void SetLogLevel(LogLevel level) noexcept {
  internal::log_level.store(level, std::memory_order_relaxed);
}
std::uint64_t LogDropped() noexcept { return TheLogger().dropped(); }

void InstallCrashFlush() {
  TheLogger();  // made now: a handler must not allocate
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) {
    struct sigaction current {};
    if (sigaction(signal_number, nullptr, &current) != 0 || current.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_handler = OnCrash;
    ours.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigaction(signal_number, &ours, nullptr);
  }
}

}  // namespace tandem
