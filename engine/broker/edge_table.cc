#include "engine/broker/edge_table.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace tandem::broker {

EdgeTable::EdgeTable() {
  for (Segment& segment : segments_) Resize(segment, kCapacityMin);
}

void EdgeTable::Insert(PathKey key, NodeId child) {
  const std::uint32_t tag = Tag(key);
  Segment& segment = SegmentOf(tag);
  // At most three quarters full: a miss then probes 8 slots on average, one or two cache lines.
  if (segment.size + 1 > segment.capacity / 4 * 3) Resize(segment, segment.capacity / 2 * 3);
  Place(segment, {child, tag});
  ++segment.size;
  ++size_;
}

void EdgeTable::Erase(PathKey key, NodeId child) {
  const std::uint32_t tag = Tag(key);
  Segment& segment = SegmentOf(tag);
  std::uint32_t hole = segment.Home(tag);
  while (segment.slots[hole].child != child) {
    TANDEM_CHECK(segment.slots[hole].child != kNoNode);
    hole = segment.After(hole);
  }
  // What follows up to the next free slot moves back, unless the hole lies before its home.
  for (std::uint32_t i = segment.After(hole); segment.slots[i].child != kNoNode;
       i = segment.After(i)) {
    const std::uint32_t home = segment.Home(segment.slots[i].tag);
    if (segment.Distance(home, i) < segment.Distance(hole, i)) continue;
    segment.slots[hole] = segment.slots[i];
    hole = i;
  }
  segment.slots[hole] = Slot{};
  --segment.size;
  --size_;
  const std::uint32_t smaller = std::max(segment.capacity / 2, kCapacityMin);
  if (smaller < segment.capacity && segment.size < segment.capacity / 8) Resize(segment, smaller);
}

void EdgeTable::Place(Segment& segment, Slot slot) noexcept {
  std::uint32_t i = segment.Home(slot.tag);
  while (segment.slots[i].child != kNoNode) i = segment.After(i);
  segment.slots[i] = slot;
}

void EdgeTable::Resize(Segment& segment, std::uint32_t capacity) {
  Segment resized;
  resized.slots = std::make_unique<Slot[]>(capacity);
  resized.capacity = capacity;
  resized.size = segment.size;
  for (std::uint32_t i = 0; i < segment.capacity; ++i) {
    if (segment.slots[i].child != kNoNode) Place(resized, segment.slots[i]);
  }
  capacity_ += capacity;
  capacity_ -= segment.capacity;
  segment = std::move(resized);
}

}  // namespace tandem::broker
