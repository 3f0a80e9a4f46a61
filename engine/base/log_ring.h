// Log records on their way from one thread to the log thread.
//
// One producer, one consumer, no lock. The producer never waits: a record that does not fit is
// counted and dropped.
//   producer: writes header and text behind head, then publishes head (release)
//   consumer: reads up to head (acquire), then publishes tail (release), which gives the room back
// head and tail only grow; their difference is the number of bytes in the ring.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace tandem::internal {

// What stands before the text of a record.
struct LogRecordHeader {
  std::int64_t wall_ns = 0;  // since the Unix epoch
  std::uint32_t text_bytes = 0;
  std::uint8_t level = 0;
  std::uint8_t channel = 0;
};

// The longest text of one record; longer ones are cut by the formatter.
inline constexpr std::size_t kLogTextBytesMax = 2048;

class LogRing {
 public:
  // `capacity_bytes` is rounded up to a power of two and holds at least two records of the longest
  // text.
  explicit LogRing(std::size_t capacity_bytes)
      : mask_(std::bit_ceil(capacity_bytes < 4 * kLogTextBytesMax ? 4 * kLogTextBytesMax
                                                                  : capacity_bytes) -
              1),
        bytes_(std::make_unique<char[]>(mask_ + 1)) {}

  // Producer. False if there was no room: the record is lost.
  bool Push(LogRecordHeader header, std::string_view text) noexcept {
    header.text_bytes = static_cast<std::uint32_t>(text.size());
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t used = head - tail_.load(std::memory_order_acquire);
    if (sizeof header + text.size() > mask_ + 1 - used) return false;
    Write(head, reinterpret_cast<const char*>(&header), sizeof header);
    Write(head + sizeof header, text.data(), text.size());
    head_.store(head + sizeof header + text.size(), std::memory_order_release);
    return true;
  }

  // Consumer. Copies the oldest record's text to `text` (room for kLogTextBytesMax); false if there
  // is none.
  bool Pop(LogRecordHeader& header, char* text) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    Read(tail, reinterpret_cast<char*>(&header), sizeof header);
    Read(tail + sizeof header, text, header.text_bytes);
    tail_.store(tail + sizeof header + header.text_bytes, std::memory_order_release);
    return true;
  }

  // Consumer. The time of the oldest record, for merging several rings; false if there is none.
  bool PeekTime(std::int64_t& wall_ns) const noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    LogRecordHeader header;
    Read(tail, reinterpret_cast<char*>(&header), sizeof header);
    wall_ns = header.wall_ns;
    return true;
  }

 private:
  void Write(std::uint64_t at, const char* from, std::size_t count) noexcept {
    const std::size_t start = static_cast<std::size_t>(at) & mask_;
    const std::size_t first = count < mask_ + 1 - start ? count : mask_ + 1 - start;
    std::memcpy(bytes_.get() + start, from, first);
    std::memcpy(bytes_.get(), from + first, count - first);
  }
  void Read(std::uint64_t at, char* to, std::size_t count) const noexcept {
    const std::size_t start = static_cast<std::size_t>(at) & mask_;
    const std::size_t first = count < mask_ + 1 - start ? count : mask_ + 1 - start;
    std::memcpy(to, bytes_.get() + start, first);
    std::memcpy(to + first, bytes_.get(), count - first);
  }

  const std::size_t mask_;
  const std::unique_ptr<char[]> bytes_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace tandem::internal
