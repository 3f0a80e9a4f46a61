#include "engine/broker/edge_table.h"

#include <utility>

#include "engine/base/check.h"

namespace tandem::broker {

EdgeTable::EdgeTable() {
  for (Segment& segment : segments_) Resize(segment, kSlotsMin);
}

void EdgeTable::Insert(PathKey key, NodeId child) {
  const std::uint32_t tag = Tag(key);
  Segment& segment = SegmentOf(tag);
  // At most three quarters full: a miss then probes 8 slots on average at worst, one or two cache
  // lines.
  if (segment.size + 1 > (segment.mask + 1) / 4 * 3) Resize(segment, (segment.mask + 1) * 2);
  Place(segment, {child, tag});
  ++segment.size;
  ++size_;
}

void EdgeTable::Erase(PathKey key, NodeId child) {
  const std::uint32_t tag = Tag(key);
  Segment& segment = SegmentOf(tag);
  const std::uint32_t mask = segment.mask;
  std::uint32_t hole = tag & mask;
  while (segment.slots[hole].child != child) {
    TANDEM_CHECK(segment.slots[hole].child != kNoNode);
    hole = (hole + 1) & mask;
  }
  // What follows up to the next free slot moves back, unless the hole lies before its home.
  for (std::uint32_t i = (hole + 1) & mask; segment.slots[i].child != kNoNode; i = (i + 1) & mask) {
    const std::uint32_t home = segment.slots[i].tag & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    segment.slots[hole] = segment.slots[i];
    hole = i;
  }
  segment.slots[hole] = Slot{};
  --segment.size;
  --size_;
  if (mask + 1 > kSlotsMin && segment.size < (mask + 1) / 8) Resize(segment, (mask + 1) / 2);
}

void EdgeTable::Place(Segment& segment, Slot slot) noexcept {
  std::uint32_t i = slot.tag & segment.mask;
  while (segment.slots[i].child != kNoNode) i = (i + 1) & segment.mask;
  segment.slots[i] = slot;
}

void EdgeTable::Resize(Segment& segment, std::uint32_t slots) {
  Segment resized;
  resized.slots = std::make_unique<Slot[]>(slots);
  resized.mask = slots - 1;
  resized.size = segment.size;
  if (segment.slots != nullptr) {
    for (std::uint32_t i = 0; i <= segment.mask; ++i) {
      if (segment.slots[i].child != kNoNode) Place(resized, segment.slots[i]);
    }
    slots_ -= segment.mask + 1;
  }
  slots_ += slots;
  segment = std::move(resized);
}

}  // namespace tandem::broker
