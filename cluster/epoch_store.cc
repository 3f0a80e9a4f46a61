#include "cluster/epoch_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/reactor/affinity.h"

namespace tandem::cluster {
namespace {

using reactor::OwnedFd;

constexpr const char* kName = "epoch";
constexpr const char* kNewName = "epoch.new";  // until it is whole
constexpr auto kRetryAfter = std::chrono::seconds(1);

constexpr metrics::Family kStored{
    "tandem_cluster_epoch_stored", metrics::Kind::kGauge, metrics::Unit::kPlain,
    "What the data directory says: no epoch of this node is higher. Ahead of the present one."};
constexpr metrics::Family kFailures{"tandem_cluster_epoch_store_failures_total",
                                    metrics::Kind::kCounter, metrics::Unit::kPlain,
                                    "Attempts to store the epoch that the disk refused."};

absl::Status Failure(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

absl::StatusOr<OwnedFd> TakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    return absl::UnavailableError(absl::StrCat("cannot make ", path, ": ", error.message()));
  OwnedFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Failure("open", path);
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return directory;
  if (errno != EWOULDBLOCK) return Failure("lock", path);
  return absl::FailedPreconditionError(absl::StrCat("another node runs with node.data_dir ", path,
                                                    ": each node wants a directory of its own"));
}

// 0 if nothing was ever stored.
absl::StatusOr<std::uint64_t> Read(const OwnedFd& directory, const std::string& path) {
  const OwnedFd file(::openat(directory.get(), kName, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT) return 0;
    return Failure("read", path);
  }
  std::array<char, 32> bytes;
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  if (size < 0) return Failure("read", path);
  const std::string_view text(bytes.data(), static_cast<std::size_t>(size));
  std::uint64_t epoch = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), epoch);
  if (error == std::errc() && std::string_view(end, text.end()) == "\n") return epoch;
  return absl::DataLossError(absl::StrCat(
      path, " does not hold an epoch. Remove it if the partner runs, which knows the epoch, too"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EpochStore>> EpochStore::Open(const std::string& directory) {
  TANDEM_ASSIGN_OR_RETURN(OwnedFd taken, TakeDirectory(directory));
  std::string path = absl::StrCat(directory, "/", kName);
  TANDEM_ASSIGN_OR_RETURN(const std::uint64_t epoch_max, Read(taken, path));
  std::unique_ptr<EpochStore> store(new EpochStore(std::move(path), std::move(taken), epoch_max));
  TANDEM_RETURN_IF_ERROR(store->Store(epoch_max + kAhead));
  store->stored_ = store->wanted_ = epoch_max + kAhead;
  store->thread_ = std::thread([raw = store.get()] { raw->Run(); });
  return store;
}

EpochStore::EpochStore(std::string path, OwnedFd directory, std::uint64_t epoch_max)
    : path_(std::move(path)), directory_(std::move(directory)), epoch_max_(epoch_max) {}

EpochStore::~EpochStore() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void EpochStore::Began(std::uint64_t epoch) {
  {
    const std::lock_guard lock(mutex_);
    // Half of what is ahead is used up: time to go on.
    if (epoch + kAhead / 2 <= wanted_) return;
    wanted_ = epoch + kAhead;
  }
  wake_.notify_one();
}

// The old number stays until the new one is safe, whatever happens in between.
absl::Status EpochStore::Store(std::uint64_t bound) {
  const std::string text = absl::StrCat(bound, "\n");
  {
    const OwnedFd file(
        ::openat(directory_.get(), kNewName, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
    if (!file.valid()) return Failure("write", path_);
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written >= 0 && static_cast<std::size_t>(written) != text.size()) errno = ENOSPC;
    if (written != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0)
      return Failure("write", path_);
  }
  if (::renameat(directory_.get(), kNewName, directory_.get(), kName) != 0 ||
      ::fsync(directory_.get()) != 0)
    return Failure("replace", path_);
  return absl::OkStatus();
}

void EpochStore::Run() {
  sigset_t signals;
  sigfillset(&signals);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  reactor::NameThread("epoch");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ends_ || stored_ < wanted_; });
    if (stored_ >= wanted_) return;
    StoreWhatIsWanted(lock);
    if (stored_ >= wanted_) continue;
    if (ends_) return;
    wake_.wait_for(lock, kRetryAfter, [this] { return ends_; });
  }
}

void EpochStore::StoreWhatIsWanted(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t bound = wanted_;
  lock.unlock();
  const absl::Status status = Store(bound);
  lock.lock();
  if (status.ok()) {
    if (std::exchange(fails_, false)) Log(LogLevel::kInfo, "the epoch is stored again", {});
    stored_ = std::max(stored_, bound);
    return;
  }
  ++failures_;
  if (!std::exchange(fails_, true)) {
    Log(LogLevel::kError, "cannot store the epoch; tried again each second",
        {{"error", std::string(status.message())}});
  }
}

void EpochStore::Collect(metrics::Exposition& out) const {
  const std::lock_guard lock(mutex_);
  out.Add(kStored, {}, static_cast<std::int64_t>(stored_));
  out.Add(kFailures, {}, static_cast<std::int64_t>(failures_));
}

}  // namespace tandem::cluster
