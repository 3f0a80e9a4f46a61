// Blocks of memory for objects that are made and dropped all the time, such as messages: taken from
// and given back to lists of the thread, so that the heap is asked only when traffic grows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace tandem {

// One per thread (Local()). A block may be given back on another thread than it was taken on; it
// then serves that one. Sizes are rounded up to kStepBytes; larger ones than kBlockBytesMax go to
// the heap as ever. At most kKeptBytesMax stay unused per thread, of the sizes that come back now.
//
// The sanitizers must see every use after the end and beyond it, so with them nothing is kept or
// rounded up.
class BlockCache {
 public:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // g++
  static constexpr bool kKeeps = false;
#elif defined(__clang__)  // builds the fuzz targets alone
  static constexpr bool kKeeps = false;
#else
  static constexpr bool kKeeps = true;
#endif
  static constexpr std::size_t kStepBytes = 64;
  static constexpr std::size_t kBlockBytesMax = 64 * 1024;
  static constexpr std::size_t kKeptBytesMax = std::size_t{4} << 20;

  BlockCache() = default;
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache() {
    for (Free* block : free_) {
      while (block != nullptr) std::free(std::exchange(block, block->next));
    }
  }
  static BlockCache& Local() {
    thread_local BlockCache cache;
    return cache;
  }

  // Aligned as malloc() aligns; not initialized. Ends the process when memory is out.
  void* Take(std::size_t size) {
    if (kKeeps && size <= kBlockBytesMax) {
      const std::size_t index = IndexOf(size);
      size = (index + 1) * kStepBytes;
      if (Free* const block = free_[index]; block != nullptr) {
        free_[index] = block->next;
        kept_bytes_ -= size;
        return block;
      }
    }
    void* const memory = std::malloc(size);
    TANDEM_CHECK_MSG(memory != nullptr, "out of memory");
    return memory;
  }
  // `size` as it was taken with.
  void Give(void* memory, std::size_t size) noexcept {
    if (kKeeps && size <= kBlockBytesMax) {
      const std::size_t index = IndexOf(size);
      const std::size_t whole = (index + 1) * kStepBytes;
      if (kept_bytes_ + whole > kKeptBytesMax) MakeRoom(index, whole);
      if (kept_bytes_ + whole <= kKeptBytesMax) {
        free_[index] = new (memory) Free{free_[index]};
        kept_bytes_ += whole;
        return;
      }
    }
    std::free(memory);
  }
  // A larger block instead of `memory` (null, or taken with `size`), with its first `used` bytes.
  void* Regrow(void* memory, std::size_t size, std::size_t used, std::size_t wanted) {
    if (memory != nullptr && size > kBlockBytesMax) {  // both are the heap's, which may just extend
      void* const grown = std::realloc(memory, wanted);
      TANDEM_CHECK_MSG(grown != nullptr, "out of memory");
      return grown;
    }
    void* const grown = Take(wanted);
    if (used != 0) std::memcpy(grown, memory, used);
    if (memory != nullptr) Give(memory, size);
    return grown;
  }
  // Unused at present.
  std::size_t kept_bytes() const noexcept { return kept_bytes_; }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t IndexOf(std::size_t size) noexcept {
    return size == 0 ? 0 : (size - 1) / kStepBytes;
  }

  // Drops blocks of other sizes, each size in its turn: traffic changes, and what nobody asks for
  // any longer must not stay in the way for good. Looks at a few sizes a time.
  [[gnu::noinline]] void MakeRoom(std::size_t index, std::size_t bytes) noexcept {
    for (int looked_at = 0; looked_at < 8; ++looked_at) {
      hand_ = (hand_ + 1) % free_.size();
      if (hand_ == index) continue;
      while (free_[hand_] != nullptr) {
        Free* const block = free_[hand_];
        free_[hand_] = block->next;
        kept_bytes_ -= (hand_ + 1) * kStepBytes;
        std::free(block);
        if (kept_bytes_ + bytes <= kKeptBytesMax) return;
      }
    }
  }

  std::array<Free*, kBlockBytesMax / kStepBytes> free_{};
  std::size_t hand_ = 0;  // the size that has dropped blocks last
  std::size_t kept_bytes_ = 0;
};

// For containers whose memory comes and goes with each message.
template <class T>
class BlockAllocator {
 public:
  using value_type = T;
  BlockAllocator() = default;
  template <class U>
  explicit BlockAllocator(const BlockAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(BlockCache::Local().Take(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    BlockCache::Local().Give(memory, count * sizeof(T));
  }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) = default;
};
template <class T>
using BlockVector = std::vector<T, BlockAllocator<T>>;
using BlockString = std::basic_string<char, std::char_traits<char>, BlockAllocator<char>>;

}  // namespace tandem
