// What a node remembers of its epochs when it is started again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/metrics/exposition.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::cluster {

// A number that no epoch of this node exceeds, in the file "epoch" of its data directory. It is
// stored ahead: an epoch that begins is already covered by what is on disk, and core 0 never waits
// for a disk. So after a start epochs go on a few numbers higher than the last one was.
//
// A thread of its own writes. If it can't, it says so, counts, and tries again; the pair goes on,
// and so far as both nodes aren't lost at once, the partner knows the epoch.
class EpochStore {
 public:
  // How far ahead of the present epoch the stored number is.
  static constexpr std::uint64_t kAhead = 8;

  // Makes the directory if there is none, and takes it for this process alone, until the
  // destructor. An error, with words for an operator, if another process has it, if it can't be
  // written, or if what was stored is no number.
  static absl::StatusOr<std::unique_ptr<EpochStore>> Open(const std::string& directory);
  ~EpochStore();
  EpochStore(const EpochStore&) = delete;
  EpochStore& operator=(const EpochStore&) = delete;

  // No epoch of an earlier run was higher; 0 if there was none.
  std::uint64_t epoch_max() const noexcept { return epoch_max_; }
  // From any thread; does not wait.
  void Began(std::uint64_t epoch);

  // tandem_cluster_epoch_stored, tandem_cluster_epoch_store_failures_total.
  void Collect(metrics::Exposition& out) const;

 private:
  EpochStore(std::string path, reactor::OwnedFd directory, std::uint64_t epoch_max);
  absl::Status Store(std::uint64_t bound);
  // On the thread.
  void Run();
  void StoreWhatIsWanted(std::unique_lock<std::mutex>& lock);

  const std::string path_;  // of the file, for messages
  const reactor::OwnedFd directory_;
  const std::uint64_t epoch_max_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::uint64_t stored_ = 0;
  std::uint64_t wanted_ = 0;
  std::uint64_t failures_ = 0;
  bool fails_ = false;  // the last attempt
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace tandem::cluster
