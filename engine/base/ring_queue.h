// A double-ended queue in one growing ring: nothing allocated while empty, one allocation at a time
// after that, elements reachable by index. (std::deque takes some 600 bytes for the first element.)
// Its memory is the thread's BlockCache's: queues that empty and fill again do not ask the heap,
// and begin with half of what they had.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "engine/base/block_cache.h"
#include "engine/base/check.h"

namespace tandem {

// Move-only elements are fine. References are valid until the next push that grows it.
template <class T>
class RingQueue {
 public:
  RingQueue() = default;
  RingQueue(RingQueue&& other) noexcept
      : slots_(std::exchange(other.slots_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        head_(std::exchange(other.head_, 0)),
        size_(std::exchange(other.size_, 0)),
        next_capacity_(std::exchange(other.next_capacity_, kCapacityMin)) {}
  RingQueue& operator=(RingQueue&& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(capacity_, other.capacity_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
    std::swap(next_capacity_, other.next_capacity_);
    return *this;
  }

  ~RingQueue() { Free(slots_, capacity_); }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return capacity_; }

  T& operator[](std::size_t index) {
    TANDEM_DCHECK(index < size_);
    return slots_[(head_ + index) & (capacity_ - 1)];
  }
  const T& operator[](std::size_t index) const {
    TANDEM_DCHECK(index < size_);
    return slots_[(head_ + index) & (capacity_ - 1)];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == capacity_) Grow();
    slots_[(head_ + size_) & (capacity_ - 1)] = std::move(value);
    ++size_;
  }
  // A new one at the end.
  T& emplace_back() {
    if (size_ == capacity_) Grow();
    ++size_;
    return back();
  }
  void pop_front() {
    TANDEM_DCHECK(size_ > 0);
    std::destroy_at(&slots_[head_]);
    std::construct_at(&slots_[head_]);
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
  }
  void pop_back() {
    TANDEM_DCHECK(size_ > 0);
    back() = T();
    --size_;
  }
  void clear() {
    while (!empty()) pop_front();
  }
  // Gives the memory back if the queue is empty.
  void ReleaseIfEmpty() {
    if (!empty() || capacity_ == 0) return;
    Free(std::exchange(slots_, nullptr), capacity_);
    next_capacity_ = std::max(kCapacityMin, std::exchange(capacity_, 0) / 2);
    head_ = 0;
  }

 private:
  void Grow() {
    const std::uint32_t capacity = capacity_ == 0 ? next_capacity_ : capacity_ * 2;
    TANDEM_CHECK_MSG(capacity != 0, "more than 2^31 elements");
    T* const slots = static_cast<T*>(BlockCache::Local().Take(capacity * sizeof(T)));
    std::uninitialized_value_construct_n(slots, capacity);
    for (std::size_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
    Free(slots_, capacity_);
    slots_ = slots;
    capacity_ = capacity;
    head_ = 0;
  }
  static void Free(T* slots, std::size_t capacity) noexcept {
    if (slots == nullptr) return;
    std::destroy_n(slots, capacity);
    BlockCache::Local().Give(slots, capacity * sizeof(T));
  }

  static_assert(alignof(T) <= alignof(std::max_align_t));

  static constexpr std::uint32_t kCapacityMin = 4;

  T* slots_ = nullptr;
  std::uint32_t capacity_ = 0;  // a power of two, or 0
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t next_capacity_ = kCapacityMin;  // of the next first element; a power of two
};

}  // namespace tandem
