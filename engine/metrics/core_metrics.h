// What the loop of one core counts about itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/metrics/counter.h"
#include "engine/metrics/exposition.h"

namespace tandem::metrics {

// What a core's memory is for. What a client costs is the sum of the first three, divided.
enum class MemoryPart : std::uint8_t {
  kConnections,
  kSessions,
  kSubscriptions,
  kQueues,
  kRetained
};
template <>
inline constexpr std::array<std::string_view, 5> kLabelValues<MemoryPart> = {
    "connections", "sessions", "subscriptions", "queues", "retained"};

// What the ring of a core has counted since its start, and has free now.
struct RingFigures {
  std::uint64_t enters = 0;
  std::uint64_t overflows = 0;          // turns that found completions overflowed
  std::uint64_t buffers_exhausted = 0;  // receives that ended because no buffer was free
  std::uint64_t buffers_free = 0;
};

// One per core, written by that core alone.
class alignas(kCacheLineBytes) CoreMetrics {
 public:
  // `cpu` is the CPU the core is pinned to (its label), or the core's index where it is not pinned.
  explicit CoreMetrics(unsigned cpu) : cpu_(std::to_string(cpu)) {}

  // Time of one turn that was work, not waiting.
  void Busy(std::int64_t duration_ns) noexcept {
    busy_ns_.Add(static_cast<std::uint64_t>(duration_ns));
  }
  void MailboxMessages(std::size_t waiting) noexcept {
    mailbox_messages_.Set(static_cast<std::int64_t>(waiting));
  }
  // Its publishers wait from now on for another core.
  void MailboxFull() noexcept { mailbox_full_.Add(1); }
  void Ring(const RingFigures& ring) noexcept {
    uring_enters_.Follow(ring.enters);
    uring_overflows_.Follow(ring.overflows);
    buffers_exhausted_.Follow(ring.buffers_exhausted);
    buffers_free_.Set(static_cast<std::int64_t>(ring.buffers_free));
  }
  void Memory(MemoryPart part, std::size_t bytes) noexcept {
    memory_[part].Set(static_cast<std::int64_t>(bytes));
  }

  void Collect(Exposition& out) const;

  std::uint64_t mailbox_full() const noexcept { return mailbox_full_.value(); }
  std::int64_t memory(MemoryPart part) const noexcept { return memory_[part].value(); }

 private:
  std::string cpu_;
  Counter busy_ns_;
  Gauge mailbox_messages_;
  Counter mailbox_full_;
  Counter uring_enters_;
  Counter uring_overflows_;
  Gauge buffers_free_;
  Counter buffers_exhausted_;
  ByLabel<Gauge, MemoryPart> memory_;
};

}  // namespace tandem::metrics
