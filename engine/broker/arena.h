// Memory in one piece that grows without moving.
#pragma once

#include <cstddef>

namespace tandem::broker {

// Reserves addresses at once and takes memory as it is needed: in steps of 2 MiB, the first of them
// in small pages and the rest in huge ones where the kernel has them, since a random access to a
// hundred megabytes of small pages waits longer for the page table than for the memory.
class Arena {
 public:
  explicit Arena(std::size_t bytes_max);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  void* data() const noexcept { return data_; }  // aligned to 2 MiB
  // From now on the first `bytes` may be used; new ones are zero.
  void Need(std::size_t bytes) {
    if (bytes > usable_) Grow(bytes);
  }

 private:
  void Grow(std::size_t bytes);

  std::size_t mapped_bytes_;
  void* mapped_;
  void* data_;
  std::size_t usable_ = 0;
};

}  // namespace tandem::broker
