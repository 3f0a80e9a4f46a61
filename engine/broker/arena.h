// Memory in one piece that grows without moving.
#pragma once

#include <cstddef>

namespace tandem::broker {

// A range of addresses, aligned to 2 MiB, without memory behind them: see Arena.
class AddressRange {
 public:
  explicit AddressRange(std::size_t bytes);
  AddressRange(const AddressRange&) = delete;
  AddressRange& operator=(const AddressRange&) = delete;
  ~AddressRange();

  char* data() const noexcept { return data_; }

 private:
  std::size_t mapped_bytes_;
  void* mapped_;
  char* data_;
};

// Part of an AddressRange, which outlives it. Takes memory as it is needed: in steps of 2 MiB, the
// first of them in small pages and the rest in huge ones where the kernel has them, since a random
// access to a hundred megabytes of small pages waits for the page table too.
class Arena {
 public:
  explicit Arena(char* from) noexcept : from_(from) {}  // aligned to 2 MiB

  // From now on the first `bytes` may be used; new ones are zero. Running out of memory ends the
  // process.
  void Need(std::size_t bytes) {
    if (bytes > usable_) Grow(bytes);
  }

 private:
  void Grow(std::size_t bytes);

  char* from_;
  std::size_t usable_ = 0;
};

}  // namespace tandem::broker
