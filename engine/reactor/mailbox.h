// One-way queue from one core to another: what crosses cores crosses here.
//
// Prefer one mailbox per ordered pair of cores to a shared queue: nobody contends, and order per
// sender is kept. A push costs a store into memory that is mostly in the sender's cache; publishing
// and draining cost one cache-line transfer per batch, not per item.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "engine/base/check.h"

namespace tandem::reactor {

// Single producer, single consumer. Each method says whose it is; construct and destroy while
// neither runs. Items still inside are destroyed with the mailbox.
//
// Push() neither fails nor blocks: items lie in a chain of segments of kSegmentItems, the producer
// appends a segment when one is full, and a segment that has been emptied goes back to the
// producer. So a queue that stays short allocates nothing, and a receiver that hangs costs memory:
// depth() tells, in what Weight makes of the items, and the layer above must slow the source down.
//
// The protocol, step by step:
//   P1 Push() writes the item into the last segment; the consumer cannot see it yet.
//   P2 Publish(), once per turn, stores the count of all items ever pushed. The store releases
//      what P1 wrote, links between segments too. It is sequentially consistent because the
//      protocol of SleepGate needs that.
//   P3 The producer notifies the receiver (Waker::Wake): a doorbell only if the receiver sleeps.
//   C1 Drain() loads the published count, takes items up to it, and stores the number taken.
//   C2 A segment whose last item is taken goes into `spare_`, where P1 finds it again.
struct CountItems {
  template <class T>
  std::size_t operator()(const T&) const noexcept {
    return 1;
  }
};

template <class T, class Weight = CountItems>
class Mailbox {
 public:
  static constexpr std::size_t kSegmentItems = 1024;

  Mailbox() : tail_(std::make_unique<Segment>().release()), head_(tail_) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    while (taken_ != pushed_) {
      T* const item = Front();
      item->~T();
      ++head_index_;
      ++taken_;
    }
    while (head_ != nullptr) delete std::exchange(head_, head_->next);
    delete spare_.load();
  }

  // Producer. The item is the mailbox's from now on, but invisible until Publish().
  void Push(T item) {
    if (tail_index_ == kSegmentItems) AppendSegment();
    pushed_weight_ += Weight{}(item);
    new (tail_->Slot(tail_index_)) T(std::move(item));
    ++tail_index_;
    ++pushed_;
  }

  // Producer. Shows the receiver what was pushed. True if there was something: then notify the
  // receiver's gate.
  bool Publish() noexcept {
    if (published_local_ == pushed_) return false;
    published_local_ = pushed_;
    published_.store(pushed_);
    return true;
  }

  // Consumer. Calls fn(T&&) for published items, oldest first, at most `max` of them; returns how
  // many. fn must not drain this mailbox.
  template <class Fn>
  std::size_t Drain(Fn&& fn, std::size_t max = SIZE_MAX) {
    const std::uint64_t available = published_.load() - taken_;
    const std::size_t count = std::min<std::uint64_t>(available, max);
    if (count == 0) return 0;
    for (std::size_t i = 0; i < count; ++i) {
      T* const place = Front();
      T item(std::move(*place));
      place->~T();
      ++head_index_;
      ++taken_;
      taken_weight_ += Weight{}(item);
      fn(std::move(item));
    }
    taken_weight_shown_.store(taken_weight_, std::memory_order_release);
    return count;
  }

  // Consumer. Items published and not yet taken.
  std::size_t waiting() const noexcept {
    return static_cast<std::size_t>(published_.load() - taken_);
  }
  // Consumer. True if nothing is published.
  bool IsEmpty() const noexcept { return published_.load() == taken_; }

  // Producer. Weight of the items pushed, published or not, that the receiver has not taken; those
  // of a Drain() that is running count.
  std::size_t depth() const noexcept {
    return static_cast<std::size_t>(pushed_weight_ -
                                    taken_weight_shown_.load(std::memory_order_acquire));
  }

 private:
  struct Segment {
    T* Slot(std::size_t index) noexcept { return reinterpret_cast<T*>(storage) + index; }

    Segment* next = nullptr;
    alignas(T) std::byte storage[sizeof(T) * kSegmentItems];
  };

  void AppendSegment() {
    Segment* segment = spare_.exchange(nullptr, std::memory_order_acquire);
    if (segment == nullptr) segment = new Segment;
    segment->next = nullptr;
    tail_->next = segment;
    tail_ = segment;
    tail_index_ = 0;
  }

  // The oldest item; there is one.
  T* Front() noexcept {
    if (head_index_ == kSegmentItems) {
      Segment* const emptied = std::exchange(head_, head_->next);
      head_index_ = 0;
      delete spare_.exchange(emptied, std::memory_order_acq_rel);
    }
    return std::launder(head_->Slot(head_index_));
  }

  // The producer's line.
  alignas(64) Segment* tail_;
  std::size_t tail_index_ = 0;
  std::uint64_t pushed_ = 0;
  std::uint64_t pushed_weight_ = 0;
  std::uint64_t published_local_ = 0;
  // The consumer's line.
  alignas(64) Segment* head_;
  std::size_t head_index_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t taken_weight_ = 0;
  // What they show each other.
  alignas(64) std::atomic<std::uint64_t> published_{0};
  alignas(64) std::atomic<std::uint64_t> taken_weight_shown_{0};
  std::atomic<Segment*> spare_{nullptr};
};

}  // namespace tandem::reactor
