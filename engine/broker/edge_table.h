// From the key of a path to the trie node at its end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/broker/path_key.h"
#include "engine/broker/trie_node.h"

namespace tandem::broker {

// Open addressing with linear probing over slots of 8 bytes: one cache line answers almost every
// lookup, and its address follows from the path alone, so a walk can fetch all its levels at once.
// 64 segments grow each for itself, by half: the longest pause is 1/64 of a rehash, and at least
// half of the slots are in use. Deleting leaves no tombstones.
//
// The table holds 32 bits of a key; who looks up says which of the candidates is meant.
class EdgeTable {
 public:
  EdgeTable();
  EdgeTable(const EdgeTable&) = delete;
  EdgeTable& operator=(const EdgeTable&) = delete;

  // The first node under `key` that `is_it(NodeId)` accepts, or kNoNode.
  template <class Predicate>
  NodeId Find(PathKey key, Predicate&& is_it) const {
    const std::uint32_t tag = Tag(key);
    const Segment& segment = SegmentOf(tag);
    for (std::uint32_t i = segment.Home(tag);; i = segment.After(i)) {
      const Slot slot = segment.slots[i];
      if (slot.child == kNoNode) return kNoNode;
      if (slot.tag == tag && is_it(slot.child)) return slot.child;
    }
  }

  void Insert(PathKey key, NodeId child);  // which is not in the table
  void Erase(PathKey key, NodeId child);   // which is in the table under `key`

  void Prefetch(PathKey key) const noexcept {
    const std::uint32_t tag = Tag(key);
    const Segment& segment = SegmentOf(tag);
    __builtin_prefetch(&segment.slots[segment.Home(tag)]);
  }

  std::size_t size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return capacity_ * sizeof(Slot); }

 private:
  struct Slot {
    NodeId child = kNoNode;  // kNoNode: free
    std::uint32_t tag = 0;
  };
  static constexpr std::uint32_t kSegmentBits = 6;
  static constexpr std::uint32_t kCapacityMin = 8;

  // The segment comes from the highest bits of the tag, the slot from those below: in proportion,
  // so that any capacity will do, and tags in order stand in order.
  struct Segment {
    std::unique_ptr<Slot[]> slots;
    std::uint32_t capacity = 0;
    std::uint32_t size = 0;

    std::uint32_t Home(std::uint32_t tag) const noexcept {
      return static_cast<std::uint32_t>((std::uint64_t{tag << kSegmentBits} * capacity) >> 32);
    }
    std::uint32_t After(std::uint32_t i) const noexcept { return i + 1 == capacity ? 0 : i + 1; }
    std::uint32_t Distance(std::uint32_t from, std::uint32_t to) const noexcept {
      return to >= from ? to - from : to + capacity - from;
    }
  };

  static std::uint32_t Tag(PathKey key) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) >> 32);
  }
  const Segment& SegmentOf(std::uint32_t tag) const noexcept {
    return segments_[tag >> (32 - kSegmentBits)];
  }
  Segment& SegmentOf(std::uint32_t tag) noexcept { return segments_[tag >> (32 - kSegmentBits)]; }
  static void Place(Segment& segment, Slot slot) noexcept;
  void Resize(Segment& segment, std::uint32_t capacity);

  std::array<Segment, std::size_t{1} << kSegmentBits> segments_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;  // of all segments
};

}  // namespace tandem::broker
