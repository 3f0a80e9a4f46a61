// Takes down on one core what becomes of things that both nodes have changed apart.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/merge_report.h"
#include "engine/broker/message.h"
#include "engine/broker/session.h"

namespace tandem::broker {

// One per shard. A report is open from the moment the nodes meet until this core has heard all that
// the other node had to tell; nothing is noted outside of that. Ended, it waits to be taken.
class MergeLog {
 public:
  using Count = MergeCount;

  // The nodes lose each other; `hlc` is behind all that is known of the other one.
  void Parted(const Now& now, Hlc hlc);
  // `accepted`: what this core has acknowledged since.
  void Met(std::uint64_t epoch, Incarnation partner, WallMs now, std::uint64_t accepted);
  void End(bool whole);
  std::optional<MergeReport> Take() { return std::exchange(ended_, std::nullopt); }

  bool open() const noexcept { return open_.has_value(); }
  void Note(Count count, std::uint64_t times = 1);
  void Note(MergeConflict conflict);

  // Both nodes own the session; `here` is as this one had it.
  struct OtherSide {
    Hlc connected_at = 0;
    bool has_will = false;
  };
  void NoteSession(const Session& here, const OtherSide& there, bool won_here);
  // The partner's value of a topic comes to one that this core has had since `written_at`; null: to
  // none.
  void NoteRetained(const Message* here, MonoNs written_at, const Message& there, bool won_here);

 private:
  std::optional<MergeReport> open_;
  std::optional<MergeReport> ended_;
  Now parted_;
  Hlc parted_hlc_ = 0;
  Incarnation partner_{};
};

// Whether the session is that of one connection on both nodes: the one that was there when they
// parted.
bool IsSameConnection(const Session& here, const MergeLog::OtherSide& there) noexcept;

}  // namespace tandem::broker
