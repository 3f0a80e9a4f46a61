// Tasks for a core from threads that are no cores: the admin server, signals, start and stop.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/node/mail.h"

namespace tandem::node {

// One per core. Rare traffic, hence a mutex; a core that has nothing here pays one relaxed load per
// turn.
class Inbox {
 public:
  // Any thread; wake the core afterwards.
  void Post(Task task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    waiting_.store(true, std::memory_order_release);
  }
  // The core: what has come, oldest first.
  std::vector<Task> Take() {
    if (!waiting_.load(std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    waiting_.store(false, std::memory_order_relaxed);
    return std::exchange(tasks_, {});
  }
  bool IsEmpty() const noexcept { return !waiting_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::atomic<bool> waiting_{false};
};

}  // namespace tandem::node
