// A growable run of bytes that does not clear what it is about to be overwritten. Its memory is the
// thread's BlockCache's while it is small, so buffers that come and go do not ask the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "engine/base/block_cache.h"
#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace tandem {

// Owns its memory; move-only. Views into it are valid until the next call that may grow it.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer() {
    if (data_ != nullptr) BlockCache::Local().Give(data_, capacity_);
  }

  // `count` bytes behind the present end, uninitialized; the caller fills all of them.
  std::uint8_t* Extend(std::size_t count) {
    if (capacity_ - size_ < count) Grow(count);
    std::uint8_t* const place = data_ + size_;
    size_ += count;
    return place;
  }
  void Append(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(Extend(bytes.size()), bytes.data(), bytes.size());
  }
  void AppendByte(std::uint8_t byte) { *Extend(1) = byte; }

  std::uint8_t* data() noexcept { return data_; }
  const std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  Bytes bytes() const noexcept { return {data_, size_}; }
  Bytes bytes(std::size_t offset, std::size_t count) const {
    return bytes().subspan(offset, count);
  }

  void Reserve(std::size_t capacity) {
    if (capacity > capacity_) Grow(capacity - size_);
  }
  void Truncate(std::size_t size) {
    TANDEM_DCHECK(size <= size_);
    size_ = size;
  }
  void Clear() noexcept { size_ = 0; }
  // Drops the first `count` bytes and moves the rest to the front.
  void Consume(std::size_t count) {
    TANDEM_DCHECK(count <= size_);
    size_ -= count;
    if (size_ != 0) std::memmove(data_, data_ + count, size_);
  }
  // Gives the memory back.
  void Release() noexcept { *this = ByteBuffer(); }

 private:
  void Grow(std::size_t count) {
    std::size_t wanted = capacity_ < 64 ? 64 : capacity_ * 2;
    if (wanted < size_ + count) wanted = size_ + count;
    data_ = static_cast<std::uint8_t*>(BlockCache::Local().Regrow(data_, capacity_, size_, wanted));
    capacity_ = wanted;
  }

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tandem
