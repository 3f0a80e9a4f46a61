// Objects of one kind, numbered, in one piece of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "engine/base/check.h"
#include "engine/broker/arena.h"

namespace tandem::broker {

// Objects never move. The number 0 is never handed out; numbers of deleted objects are handed out
// again, the last one first. Memory stays until the slab dies.
template <class T>
class Slab {
 public:
  // `memory` has addresses for `objects_max` objects and is aligned to 2 MiB. More objects are a
  // bug of ours.
  Slab(char* memory, std::uint32_t objects_max)
      : arena_(memory), objects_(reinterpret_cast<T*>(memory)), objects_max_(objects_max) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for (std::uint32_t i = 1; i < next_; ++i) objects_[i].~T();
  }

  // The number of a default-constructed T.
  std::uint32_t New() {
    std::uint32_t number = next_;
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else {
      TANDEM_CHECK(number < objects_max_);
      arena_.Need((std::size_t{number} + 1) * sizeof(T));
      new (&objects_[number]) T();
      ++next_;
    }
    ++size_;
    return number;
  }

  void Delete(std::uint32_t number) {
    free_.push_back(number);
    objects_[number].~T();
    new (&objects_[number]) T();
    --size_;
  }

  T& operator[](std::uint32_t number) noexcept { return objects_[number]; }

  // Objects that live now.
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept {
    return next_ * sizeof(T) + free_.capacity() * sizeof(free_[0]);
  }

 private:
  Arena arena_;
  T* const objects_;
  const std::uint32_t objects_max_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 1;
  std::size_t size_ = 0;
};

}  // namespace tandem::broker
