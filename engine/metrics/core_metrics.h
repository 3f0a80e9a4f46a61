// What the loop of one core counts about itself.
#pragma once

#include <cstdint>
#include <string>

#include "engine/metrics/counter.h"
#include "engine/metrics/exposition.h"

namespace tandem::metrics {

// One per core, written by that core alone.
class alignas(kCacheLineBytes) CoreMetrics {
 public:
  // `cpu` is the CPU the core is pinned to (its label), or the core's index where it is not pinned.
  explicit CoreMetrics(unsigned cpu) : cpu_(std::to_string(cpu)) {}

  // Time of one turn that was work, not waiting.
  void Busy(std::int64_t duration_ns) noexcept {
    busy_ns_.Add(static_cast<std::uint64_t>(duration_ns));
  }
  void MailboxMessages(std::int64_t waiting) noexcept { mailbox_messages_.Set(waiting); }
  void UringEntered() noexcept { uring_enters_.Add(); }
  void UringOverflowed(std::uint64_t completions) noexcept { uring_overflows_.Add(completions); }
  void BuffersFree(std::int64_t buffers) noexcept { buffers_free_.Set(buffers); }
  // A receive ended because its buffer ring was empty; the connection waits for buffers.
  void BuffersExhausted() noexcept { buffers_exhausted_.Add(); }

  void Collect(Exposition& out) const;

  std::uint64_t busy_ns() const noexcept { return busy_ns_.value(); }
  std::uint64_t uring_enters() const noexcept { return uring_enters_.value(); }

 private:
  std::string cpu_;
  Counter busy_ns_;
  Gauge mailbox_messages_;
  Counter uring_enters_;
  Counter uring_overflows_;
  Gauge buffers_free_;
  Counter buffers_exhausted_;
};

}  // namespace tandem::metrics
