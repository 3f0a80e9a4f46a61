// How a core falls asleep without missing what another core has just sent.
#pragma once

#include <atomic>
#include <cstdint>

namespace tandem::reactor {

// One per core, beside its doorbell (an eventfd, a ring, a futex). The protocol, with all accesses
// sequentially consistent:
//
//   sender                                     sleeper
//   S1 makes its message visible (Publish)     R1 drains its mailboxes, finds nothing left
//   S2 Notify():                               R2 TryClose():
//        awake    -> notified, done                awake    -> asleep
//        notified -> done                          notified -> awake, back to R1
//        asleep   -> notified, rings the bell   R3 sleeps at the doorbell
//                                               R4 Open(): whatever -> awake, back to R1
//
// Nothing is missed: in the one order of all these steps either S2 comes after R2 and finds the
// sleeper asleep, or it comes before R2, which then finds `notified`; and each R1 that follows sees
// what S1 wrote. Between two Open() at most one sender rings, however many notify; while the core
// is awake, a notification costs a load or one exchange. The price: a core that was notified while
// busy makes one turn more before it sleeps.
class alignas(64) SleepGate {
 public:
  // Sender, any thread. True: the caller must ring the doorbell.
  bool Notify() noexcept {
    if (state_.load() == kNotified) return false;
    return state_.exchange(kNotified) == kAsleep;
  }

  // Sleeper. False: somebody has notified since the last Open() or TryClose(); look again instead
  // of sleeping.
  bool TryClose() noexcept {
    std::uint32_t expected = kAwake;
    if (state_.compare_exchange_strong(expected, kAsleep)) return true;
    state_.exchange(kAwake);
    return false;
  }

  // Sleeper, after it woke up, whoever woke it.
  void Open() noexcept { state_.exchange(kAwake); }

 private:
  static constexpr std::uint32_t kAwake = 0;
  static constexpr std::uint32_t kNotified = 1;
  static constexpr std::uint32_t kAsleep = 2;

  std::atomic<std::uint32_t> state_{kAwake};
};

}  // namespace tandem::reactor
