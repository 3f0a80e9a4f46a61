#include "tools/tandemd/drain.h"

namespace tandem::tandemd {

absl::Status Drain::Begin(const DrainView& view, bool force) {
  if (phase_ != Phase::kNone) return absl::OkStatus();
  if (!force && !view.partner_takes_over) {
    return absl::FailedPreconditionError(
        "the partner does not serve, so clients would have nowhere to go; --force drains all the "
        "same");
  }
  phase_ = Phase::kNotice;
  forced_ = force;
  begun_at_ = view.now;
  return absl::OkStatus();
}

bool Drain::Cancel() {
  const bool was_draining = phase_ != Phase::kNone;
  phase_ = Phase::kNone;
  return was_draining;
}

Drain::Step Drain::Turn(const DrainView& view) {
  if (phase_ == Phase::kNone) return Step::kNothing;
  if (!forced_ && !view.partner_takes_over) {
    phase_ = Phase::kNone;
    return Step::kServeAgain;
  }
  if (phase_ == Phase::kNotice && (view.clients == 0 || view.now - begun_at_ >= notice_ns_)) {
    phase_ = Phase::kMoving;
    return Step::kMoveClients;
  }
  if (phase_ == Phase::kMoving && view.clients == 0 && view.backlog == 0) {
    phase_ = Phase::kDone;
    return Step::kFinished;
  }
  return Step::kNothing;
}

}  // namespace tandem::tandemd
