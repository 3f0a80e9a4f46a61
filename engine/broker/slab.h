// Objects of one kind under 32-bit ids, in one piece of memory that grows in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "engine/base/check.h"
#include "engine/broker/arena.h"

namespace tandem::broker {

// `Id` is an enum class over std::uint32_t; the id 0 is never handed out and stands for "none".
// Objects never move. Freed ids are handed out again, the last one first; memory stays until the
// slab dies.
template <class Id, class T>
class Slab {
 public:
  // Beyond this many objects New() is a bug of ours.
  static constexpr std::size_t kObjectsMax = (std::size_t{1} << 29) - 1;

  Slab() : arena_((kObjectsMax + 1) * sizeof(T)), objects_(static_cast<T*>(arena_.data())) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for (std::uint32_t i = 1; i < next_; ++i) objects_[i].~T();
  }

  // A default-constructed T.
  Id New() {
    std::uint32_t index = next_;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else {
      TANDEM_CHECK(next_ <= kObjectsMax);
      arena_.Need((std::size_t{next_} + 1) * sizeof(T));
      new (&objects_[index]) T();
      ++next_;
    }
    ++size_;
    return Id{index};
  }

  void Delete(Id id) {
    T& object = (*this)[id];
    free_.push_back(static_cast<std::uint32_t>(id));
    object.~T();
    new (&object) T();
    --size_;
  }

  T& operator[](Id id) noexcept { return objects_[static_cast<std::uint32_t>(id)]; }
  const T& operator[](Id id) const noexcept { return objects_[static_cast<std::uint32_t>(id)]; }

  // Objects that live now.
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept {
    return next_ * sizeof(T) + free_.capacity() * sizeof(free_[0]);
  }

 private:
  Arena arena_;
  T* const objects_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 1;
  std::size_t size_ = 0;
};

}  // namespace tandem::broker
