// Something that happens once, for threads to wait for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "engine/base/clock.h"

namespace tandem {

// From standard parts rather than abseil's Notification and Mutex, here and wherever threads meet:
// those of Debian's library are not instrumented, so that ThreadSanitizer sees races where there
// are none.
class Event {
 public:
  void Notify() {
    const std::lock_guard lock(mutex_);
    happened_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return happened_; });
  }
  // False if it has not happened when `patience_ns` is over.
  bool WaitFor(MonoNs patience_ns) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::nanoseconds(patience_ns),
                             [this] { return happened_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool happened_ = false;
};

}  // namespace tandem
