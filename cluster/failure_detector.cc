#include "cluster/failure_detector.h"

#include <algorithm>

#include "engine/base/planted_bug.h"

namespace tandem::cluster {

FailureDetector::FailureDetector(const Options& options)
    : options_(options), paths_(options.paths) {}

void FailureDetector::Start(MonoNs now) {
  for (Path& path : paths_) {
    path.was_up = path.up;
    path.refused = false;
  }
  confirmed_at_ = answered_at_ = now;
  checked_at_ = now;
}

void FailureDetector::OnPathUp(std::size_t path, MonoNs now) {
  paths_[path] = Path{.up = true, .was_up = true, .beat_due = now};
}

void FailureDetector::OnPathLost(std::size_t path) { paths_[path].up = false; }

void FailureDetector::OnRefused(std::size_t path) { paths_[path].refused = !paths_[path].up; }

bool FailureDetector::AnyUp() const noexcept {
  return std::any_of(paths_.begin(), paths_.end(), [](const Path& path) { return path.up; });
}

std::optional<FailureDetector::Beat> FailureDetector::NextBeat(std::size_t path, MonoNs now) {
  Path& state = paths_[path];
  if (!state.up || now < state.beat_due) return std::nullopt;
  // By the clock, not by the last beat: being late now and then must not slow the rhythm down.
  state.beat_due = std::max(state.beat_due + options_.beat_every, now + options_.beat_every / 2);
  ++state.sent;
  state.sent_at[state.sent % kRemembered] = now;
  return Beat{state.sent, state.received};
}

std::uint64_t FailureDetector::OnBeat(std::size_t path, const Beat& beat) {
  Path& state = paths_[path];
  state.received = std::max(state.received, beat.number);
  if (IsPlanted(PlantedBug::kOneWayIsSeen)) confirmed_at_ = std::max(confirmed_at_, checked_at_);
  return state.received;
}

std::optional<MonoNs> FailureDetector::OnEcho(std::size_t path, std::uint64_t received,
                                              MonoNs now) {
  Path& state = paths_[path];
  if (!state.up || received <= state.echoed || received > state.sent) return std::nullopt;
  state.echoed = received;
  if (state.sent - received >= kRemembered) return std::nullopt;  // too old to prove anything
  const MonoNs sent_at = state.sent_at[received % kRemembered];
  confirmed_at_ = std::max(confirmed_at_, sent_at);
  answered_at_ = std::max(answered_at_, sent_at);
  return now - sent_at;
}

void FailureDetector::OnStoodStill(MonoNs now) {
  for (Path& path : paths_) path.beat_due = std::min(path.beat_due, now);
}

FailureDetector::Judgement FailureDetector::Check(MonoNs now) {
  const MonoNs since = now - checked_at_;
  checked_at_ = now;
  if (since > options_.beat_every + options_.gap) {
    ++gaps_;
    confirmed_at_ = std::min(now, confirmed_at_ + since);
  }
  if (ProcessIsGone()) return Judgement::kRefused;
  const MonoNs unconfirmed = now - confirmed_at_;
  if (unconfirmed > options_.failure_after) return Judgement::kSilent;
  if (!AnyUp() || unconfirmed > 3 * options_.beat_every) return Judgement::kSuspect;
  return Judgement::kSeen;
}

MonoNs FailureDetector::NextDeadline() const noexcept {
  MonoNs deadline =
      std::min(checked_at_ + options_.beat_every, confirmed_at_ + options_.failure_after + 1);
  for (const Path& path : paths_) {
    if (path.up) deadline = std::min(deadline, path.beat_due);
  }
  return deadline;
}

bool FailureDetector::ProcessIsGone() const noexcept {
  bool worked = false;
  for (const Path& path : paths_) {
    if (path.up) return false;
    if (!path.was_up) continue;
    worked = true;
    if (!path.refused) return false;
  }
  return worked;
}

}  // namespace tandem::cluster
