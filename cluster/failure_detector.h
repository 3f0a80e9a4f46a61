// Is the partner alive? Judged from heartbeats over every path to it, and from what happens to the
// connections. Sans-I/O: events and time in, judgement out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/clock.h"

namespace tandem::cluster {

// One per pairing, on core 0. The rules (README.md, Seeing and losing the partner):
//  - The partner is seen while both directions are confirmed: a heartbeat counts when its echo
//    comes back, as of the moment it was *sent*. So a path that carries only one way confirms
//    nothing, for either side.
//  - Paths are equal: one confirming path suffices.
//  - A lost connection makes it suspect; if each path that worked has then been refused once, its
//    process is dead.
//  - Nothing confirmed for `failure_after` is silence, and counts as dead too.
//  - When this node's own loop stood still (stopped process, starved host), that time says nothing
//    about the partner and is taken out of the account: the next beats decide.
class FailureDetector {
 public:
  struct Options {
    std::size_t paths = 1;
    MonoNs failure_after = kNanosecondsPerSecond;
    MonoNs beat_every = 100 * kNanosecondsPerMillisecond;
    MonoNs gap =
        100 * kNanosecondsPerMillisecond;  // a check that is later than expected by more is a gap
  };
  enum class Judgement : std::uint8_t {
    kSeen,
    kSuspect,  // no path, or some beats unanswered
    kRefused,  // dead: its process is gone
    kSilent,   // dead: nothing heard in both directions for failure_after
  };
  struct Beat {
    std::uint64_t number = 0;    // from 1, per connection
    std::uint64_t received = 0;  // the partner's highest number on this connection
  };

  explicit FailureDetector(const Options& options);

  // The pairing begins: the partner counts as seen now; what paths are up stays so.
  void Start(MonoNs now);

  void OnPathUp(std::size_t path, MonoNs now);
  void OnPathLost(std::size_t path);
  void OnRefused(std::size_t path);
  bool up(std::size_t path) const { return paths_[path].up; }
  bool AnyUp() const noexcept;

  // The beat that is due on `path`, if any; sending it is the caller's part.
  std::optional<Beat> NextBeat(std::size_t path, MonoNs now);
  // A beat came. Yields the highest number received, to be echoed.
  std::uint64_t OnBeat(std::size_t path, const Beat& beat);
  // The partner has received our beat `received`, told by an answer or by a beat of its own. Yields
  // the round trip if it is the answer to a beat not confirmed before.
  std::optional<MonoNs> OnEcho(std::size_t path, std::uint64_t received, MonoNs now);

  // This node's loop stood still: what beats tell from now on is what counts, so they are due at
  // once.
  void OnStoodStill(MonoNs now);
  // When the latest beat was sent whose echo has come in this pairing; its beginning counts as one.
  MonoNs answered_at() const noexcept { return answered_at_; }

  Judgement Check(MonoNs now);
  // When NextBeat or Check have something to do, if nothing happens before.
  MonoNs NextDeadline() const noexcept;
  std::uint64_t gaps() const noexcept { return gaps_; }

 private:
  static constexpr std::size_t kRemembered = 64;  // beats whose time of sending is known
  struct Path {
    bool up = false;
    bool was_up = false;   // in this pairing
    bool refused = false;  // since it was lost
    std::uint64_t sent = 0;
    std::uint64_t echoed = 0;
    std::uint64_t received = 0;
    MonoNs beat_due = 0;
    std::array<MonoNs, kRemembered> sent_at{};
  };
  bool ProcessIsGone() const noexcept;

  Options options_;
  std::vector<Path> paths_;
  MonoNs confirmed_at_ = 0;  // the latest moment of which we know that both directions worked
  MonoNs answered_at_ = 0;   // the same, with nothing taken out of the account
  MonoNs checked_at_ = 0;
  std::uint64_t gaps_ = 0;
};

}  // namespace tandem::cluster
