// Byte buffers that connections share: one is needed only while bytes wait, so an idle connection
// owns none.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/base/byte_buffer.h"

namespace tandem::net {

// One per core.
class BufferPool {
 public:
  // Of one that is kept, and of all that are.
  static constexpr std::size_t kBytesMax = 512 * 1024;
  static constexpr std::size_t kKeptBytesMax = 16 * 1024 * 1024;

  ByteBuffer Take() {
    if (free_.empty()) return ByteBuffer();
    ByteBuffer buffer = std::move(free_.back());
    free_.pop_back();
    kept_bytes_ -= buffer.capacity();
    return buffer;
  }
  // Keeps it for the next taker, unless it has grown large or enough are kept.
  void Return(ByteBuffer buffer) {
    const std::size_t bytes = buffer.capacity();
    if (bytes == 0 || bytes > kBytesMax || bytes > kKeptBytesMax - kept_bytes_) return;
    buffer.Clear();
    free_.push_back(std::move(buffer));
    kept_bytes_ += bytes;
  }
  std::size_t kept_bytes() const noexcept { return kept_bytes_; }

 private:
  std::vector<ByteBuffer> free_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace tandem::net
