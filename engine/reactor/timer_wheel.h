// Deadlines by the million: a hierarchical timing wheel.
//
// Prefer it to kernel timeouts (linear in their number) and to an ordered map (logarithmic, one
// allocation per arm). Schedule, Reschedule and Cancel touch one or two cache lines. What it costs:
// a timer fires up to one tick (kTickNs, about 1 ms) after its deadline, never before it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/clock.h"

namespace tandem::reactor {

// Names one armed timer. Once that has fired or was cancelled, the id finds nothing, also when its
// place is used again.
enum class TimerId : std::uint64_t {};
inline constexpr TimerId kNoTimer{0};

// A pure data structure: time is an argument, so it runs in virtual time as well. Belongs to one
// core.
//
// Eight levels of 64 slots. Level 0 resolves single ticks, each level above 64 times coarser, so
// that the whole range of MonoNs fits. A timer lies on the level of the highest group of 6 bits in
// which its tick differs from the present one; when the present reaches a slot of a higher level,
// the timers of that slot move down. Hence all occupied slots of a level lie ahead of the present,
// and the lowest occupied level holds the next event: one bit scan finds it.
class TimerWheel {
 public:
  static constexpr int kTickBits = 20;
  static constexpr MonoNs kTickNs = MonoNs{1} << kTickBits;  // 1.05 ms

  // `now`: where time begins. Times before 0 count as 0.
  explicit TimerWheel(MonoNs now = 0);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms a timer. `cookie` is the caller's and comes back when it fires. A deadline that has passed
  // fires with the next tick, never in the same Advance() tick that schedules it, so a callback
  // that re-arms itself cannot loop for ever.
  TimerId Schedule(MonoNs deadline, std::uint64_t cookie);

  // Moves an armed timer; it counts as inserted anew. False if it has fired or was cancelled.
  bool Reschedule(TimerId id, MonoNs deadline);

  // False if it has fired or was cancelled.
  bool Cancel(TimerId id);

  // Calls fn(cookie) for each timer whose tick is over at `now`, ordered by deadline, then by
  // insertion (deadlines that had passed when they were scheduled come last in their tick). The id
  // is dead before fn runs; fn may schedule and cancel, also timers of the same tick. Returns how
  // many fired. A `now` before the last one does nothing.
  template <class Fn>
  std::size_t Advance(MonoNs now, Fn&& fn);

  // When to call Advance() next: nothing fires earlier, and Advance() at this time makes progress
  // (fires, or brings far timers closer: at most seven times in the life of a timer). kNever
  // without timers.
  MonoNs NextDeadline() const noexcept;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  using Index = std::uint32_t;
  using Tick = std::uint64_t;

  static constexpr int kSlotBits = 6;
  static constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;
  static constexpr std::size_t kLevels = 8;
  static_assert(kTickBits + kSlotBits * static_cast<int>(kLevels) >= 63,
                "the wheel spans all of MonoNs");
  static constexpr std::uint16_t kDue = kLevels * kSlots;  // the list being fired
  static constexpr std::uint16_t kFree = kDue + 1;         // not a list: marks unused entries
  static constexpr Index kNil = UINT32_MAX;
  static constexpr int kChunkBits = 10;
  static constexpr std::size_t kChunk = std::size_t{1} << kChunkBits;

  struct Entry {
    MonoNs deadline = 0;
    std::uint64_t sequence = 0;  // of insertion
    std::uint64_t cookie = 0;
    Tick tick = 0;  // when it fires
    Index next = kNil;
    Index previous = kNil;
    std::uint32_t generation = 1;
    std::uint16_t list = kFree;
  };
  struct List {
    Index first = kNil;
    Index last = kNil;
  };
  struct NextEvent {
    std::size_t level = kLevels;  // kLevels: none
    std::size_t slot = 0;
    Tick tick = 0;
  };

  static Tick FloorTick(MonoNs time) noexcept {
    return time <= 0 ? 0 : static_cast<Tick>(time) >> kTickBits;
  }
  static Tick CeilTick(MonoNs time) noexcept {
    return time <= 0 ? 0 : (static_cast<Tick>(time) + (Tick{1} << kTickBits) - 1) >> kTickBits;
  }

  Entry& At(Index index) { return chunks_[index >> kChunkBits][index & (kChunk - 1)]; }
  // The entry that `id` names, or kNil.
  Index Find(TimerId id);
  Index Allocate();
  void Free(Index index);
  // Sets deadline, tick and sequence of an entry in no list and puts it where it belongs.
  void Arm(Index index, MonoNs deadline);
  void Place(Index index);
  void Append(std::uint16_t list, Index index);
  void Unlink(Index index);
  NextEvent FindNextEvent() const noexcept;
  // Moves the present to `event` and its timers to the due list or down.
  void Enter(const NextEvent& event);
  void SortDue();

  Tick present_;  // last tick that was handled
  std::uint64_t sequence_ = 0;
  std::size_t size_ = 0;
  bool firing_ = false;
  Index free_ = kNil;
  std::array<std::uint64_t, kLevels> occupied_{};  // bit = slot with timers
  std::array<List, kDue + 1> lists_{};
  // Entries never move, so growing costs one chunk and no copy.
  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<Index> sort_scratch_;
};

template <class Fn>
std::size_t TimerWheel::Advance(MonoNs now, Fn&& fn) {
  TANDEM_CHECK_MSG(!firing_, "Advance called from its own callback");
  const Tick target = FloorTick(now);
  std::size_t fired = 0;
  firing_ = true;
  for (NextEvent event = FindNextEvent(); event.level < kLevels && event.tick <= target;
       event = FindNextEvent()) {
    Enter(event);
    while (lists_[kDue].first != kNil) {
      const Index index = lists_[kDue].first;
      const std::uint64_t cookie = At(index).cookie;
      Unlink(index);
      Free(index);
      ++fired;
      fn(cookie);
    }
  }
  if (target > present_) present_ = target;
  firing_ = false;
  return fired;
}

}  // namespace tandem::reactor
