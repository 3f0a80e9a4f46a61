// The steps of a drain (O2): tell the balancer, move the clients, wait until nothing is owed.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "engine/base/clock.h"

namespace tandem::tandemd {

// What a drain looks at.
struct DrainView {
  MonoNs now = 0;
  bool partner_takes_over = false;  // it serves, is in step, and does not drain itself
  std::int64_t clients = 0;         // connected here
  std::uint64_t backlog = 0;        // records that the partner has not confirmed
};

// Sans-I/O; the one who turns it carries the steps out. Readiness is 404 in every phase but kNone.
class Drain {
 public:
  enum class Phase : std::uint8_t {
    kNone,
    kNotice,  // clients stay, so that balancers see the 404 before they send the first one back
              // here
    kMoving,  // clients are moved, new ones are turned away
    kDone,    // no client is here and nothing is owed: stopping interrupts nobody
  };
  enum class Step : std::uint8_t { kNothing, kMoveClients, kFinished, kServeAgain };

  // `notice_ns`: how long balancers get.
  explicit Drain(MonoNs notice_ns) : notice_ns_(notice_ns) {}

  // FailedPrecondition, with words for an operator, if clients would have nowhere to go and `force`
  // does not say that this is known. While one is under way nothing happens.
  absl::Status Begin(const DrainView& view, bool force);
  // False if there is none.
  bool Cancel();
  // What is to be done now; each step is told once. A drain ends by itself (kServeAgain) when the
  // partner can no longer take over, unless it was forced.
  Step Turn(const DrainView& view);

  Phase phase() const noexcept { return phase_; }

 private:
  const MonoNs notice_ns_;
  Phase phase_ = Phase::kNone;
  bool forced_ = false;
  MonoNs begun_at_ = 0;
};

}  // namespace tandem::tandemd
