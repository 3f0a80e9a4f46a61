// Objects of one kind under 32-bit ids, in chunks that never move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace tandem::broker {

// `Id` is an enum class over std::uint32_t; the id 0 is never handed out and stands for "none".
// Freed ids are handed out again, the last one first. Chunks stay until the slab dies.
template <class Id, class T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // Beyond this many objects New() is a bug of ours.
  static constexpr std::size_t kObjectsMax = (std::size_t{1} << 29) - 1;

  // A default-constructed T.
  Id New() {
    std::uint32_t index = next_;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else {
      TANDEM_CHECK(next_ <= kObjectsMax);
      if (next_ / kChunk == chunks_.size()) chunks_.push_back(std::make_unique<T[]>(kChunk));
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

  T& operator[](Id id) noexcept { return chunks_[At(id) / kChunk][At(id) % kChunk]; }
  const T& operator[](Id id) const noexcept { return chunks_[At(id) / kChunk][At(id) % kChunk]; }

  // Objects that live now.
  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept {
    return chunks_.size() * kChunk * sizeof(T) + chunks_.capacity() * sizeof(chunks_[0]) +
           free_.capacity() * sizeof(free_[0]);
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  static std::size_t At(Id id) noexcept { return static_cast<std::uint32_t>(id); }

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_ = 1;
  std::size_t size_ = 0;
};

}  // namespace tandem::broker
