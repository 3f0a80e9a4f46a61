#include "engine/broker/copy_checks.h"

namespace tandem::broker {

void CopyChecks::Set(SubscriberId session, State state) {
  const std::size_t slot = static_cast<std::size_t>(session);
  if (slot >= states_.size()) states_.resize(slot + 1, State::kSame);
  if (states_[slot] == State::kSame) waiting_.push_back({.session = session});
  states_[slot] = state;
}

CopyChecks::Check CopyChecks::Take() {
  const Check check = waiting_.front();
  waiting_.pop_front();
  return check;
}

void CopyChecks::Compared(const Check& check, std::uint64_t next) {
  State& state = states_[static_cast<std::size_t>(check.session)];
  if (check.first == 0) state = State::kWalking;
  if (next != UINT64_MAX) return waiting_.push_back({.session = check.session, .first = next});
  if (state == State::kWalking) return Drop(check);
  waiting_.push_back({.session = check.session});
}

void CopyChecks::Drop(const Check& check) {
  states_[static_cast<std::size_t>(check.session)] = State::kSame;
}

}  // namespace tandem::broker
