#include "engine/reactor/timer_wheel.h"

#include <algorithm>

namespace tandem::reactor {

TimerWheel::TimerWheel(MonoNs now) : present_(FloorTick(now)) {}

TimerId TimerWheel::Schedule(MonoNs deadline, std::uint64_t cookie) {
  const Index index = Allocate();
  At(index).cookie = cookie;
  Arm(index, deadline);
  ++size_;
  return TimerId{std::uint64_t{At(index).generation} << 32 | index};
}

bool TimerWheel::Reschedule(TimerId id, MonoNs deadline) {
  const Index index = Find(id);
  if (index == kNil) return false;
  Unlink(index);
  Arm(index, deadline);
  return true;
}

bool TimerWheel::Cancel(TimerId id) {
  const Index index = Find(id);
  if (index == kNil) return false;
  Unlink(index);
  Free(index);
  return true;
}

MonoNs TimerWheel::NextDeadline() const noexcept {
  const NextEvent event = FindNextEvent();
  if (event.level == kLevels) return kNever;
  // The tick of kNever itself lies just beyond MonoNs.
  if (event.tick > FloorTick(kNever)) return kNever;
  return static_cast<MonoNs>(event.tick << kTickBits);
}

TimerWheel::Index TimerWheel::Find(TimerId id) {
  const auto index = static_cast<Index>(static_cast<std::uint64_t>(id));
  if (index >> kChunkBits >= chunks_.size()) return kNil;
  const Entry& entry = At(index);
  const bool is_armed =
      entry.list != kFree && entry.generation == static_cast<std::uint64_t>(id) >> 32;
  return is_armed ? index : kNil;
}

TimerWheel::Index TimerWheel::Allocate() {
  if (free_ == kNil) {
    const std::size_t first = chunks_.size() * kChunk;
    TANDEM_CHECK_MSG(first + kChunk < kNil, "too many timers");
    chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    for (std::size_t i = kChunk; i-- > 0;) {
      const auto index = static_cast<Index>(first + i);
      At(index).next = free_;
      free_ = index;
    }
  }
  const Index index = free_;
  free_ = At(index).next;
  return index;
}

void TimerWheel::Free(Index index) {
  Entry& entry = At(index);
  if (++entry.generation == 0) entry.generation = 1;  // so that no id equals kNoTimer
  entry.list = kFree;
  entry.next = free_;
  free_ = index;
  --size_;
}

void TimerWheel::Arm(Index index, MonoNs deadline) {
  Entry& entry = At(index);
  entry.deadline = deadline;
  entry.sequence = sequence_++;
  entry.tick = std::max(CeilTick(deadline), present_ + 1);
  Place(index);
}

void TimerWheel::Place(Index index) {
  const Tick tick = At(index).tick;
  TANDEM_DCHECK(tick > present_);
  const auto level = static_cast<std::size_t>((std::bit_width(tick ^ present_) - 1) / kSlotBits);
  const std::size_t slot = (tick >> (level * kSlotBits)) & (kSlots - 1);
  occupied_[level] |= std::uint64_t{1} << slot;
  Append(static_cast<std::uint16_t>(level * kSlots + slot), index);
}

void TimerWheel::Append(std::uint16_t list, Index index) {
  Entry& entry = At(index);
  List& ends = lists_[list];
  entry.list = list;
  entry.next = kNil;
  entry.previous = ends.last;
  (ends.last == kNil ? ends.first : At(ends.last).next) = index;
  ends.last = index;
}

void TimerWheel::Unlink(Index index) {
  const Entry& entry = At(index);
  List& ends = lists_[entry.list];
  (entry.previous == kNil ? ends.first : At(entry.previous).next) = entry.next;
  (entry.next == kNil ? ends.last : At(entry.next).previous) = entry.previous;
  if (ends.first == kNil && entry.list < kDue) {
    occupied_[entry.list / kSlots] &= ~(std::uint64_t{1} << (entry.list % kSlots));
  }
}

TimerWheel::NextEvent TimerWheel::FindNextEvent() const noexcept {
  for (std::size_t level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const auto slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
    const std::size_t shift = level * kSlotBits;
    const Tick above = present_ >> shift >> kSlotBits << kSlotBits << shift;
    return {level, slot, above | Tick{slot} << shift};
  }
  return {};
}

void TimerWheel::Enter(const NextEvent& event) {
  present_ = event.tick;
  occupied_[event.level] &= ~(std::uint64_t{1} << event.slot);
  Index index = std::exchange(lists_[event.level * kSlots + event.slot], List{}).first;
  while (index != kNil) {
    const Index next = At(index).next;
    if (At(index).tick == present_) {
      Append(kDue, index);
    } else {
      Place(index);
    }
    index = next;
  }
  SortDue();
}

// Timers come into a slot in any order of deadline. Mostly there is one, or they are in order
// already.
void TimerWheel::SortDue() {
  // A deadline that was over when it was scheduled stands behind those that were due by themselves,
  // as in real time.
  const auto is_before = [this](Index left, Index right) {
    const Entry& a = At(left);
    const Entry& b = At(right);
    const bool a_late = CeilTick(a.deadline) < a.tick;
    const bool b_late = CeilTick(b.deadline) < b.tick;
    if (a_late != b_late) return b_late;
    if (a.deadline != b.deadline) return a.deadline < b.deadline;
    return a.sequence < b.sequence;
  };
  sort_scratch_.clear();
  bool sorted = true;
  for (Index index = lists_[kDue].first; index != kNil; index = At(index).next) {
    if (!sort_scratch_.empty() && is_before(index, sort_scratch_.back())) sorted = false;
    sort_scratch_.push_back(index);
  }
  if (sorted) return;
  std::sort(sort_scratch_.begin(), sort_scratch_.end(), is_before);
  lists_[kDue] = List{};
  for (const Index index : sort_scratch_) Append(kDue, index);
}

}  // namespace tandem::reactor
