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
  ByteBuffer Take() {
    if (free_.empty()) return ByteBuffer();
    ByteBuffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  // Keeps it for the next taker, unless it has grown large or enough are kept.
  void Return(ByteBuffer buffer) {
    if (buffer.capacity() == 0 || buffer.capacity() > kBytesMax || free_.size() >= kBuffersMax)
      return;
    buffer.Clear();
    free_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kBytesMax = 64 * 1024;
  static constexpr std::size_t kBuffersMax = 4096;
  std::vector<ByteBuffer> free_;
};

}  // namespace tandem::net
