#include "engine/broker/merge_log.h"

namespace tandem::broker {
namespace {

WallMs WallOf(Hlc time) noexcept { return static_cast<WallMs>(time >> 16); }

// A copy that became the session counts as connected one tick before it (Shard::Promote).
bool HasConnectedSince(Hlc connected_at, const Session& session) noexcept {
  return connected_at > session.parted.connected_at;
}

}  // namespace

bool IsSameConnection(const Session& here, const MergeLog::OtherSide& there) noexcept {
  return here.parted.connected_at != 0 && !HasConnectedSince(here.connected_at, here) &&
         !HasConnectedSince(there.connected_at, here);
}

void MergeLog::Parted(const Now& now, Hlc hlc) {
  End(false);
  parted_ = now;
  parted_hlc_ = hlc;
}

void MergeLog::Met(std::uint64_t epoch, Incarnation partner, WallMs now, std::uint64_t accepted) {
  const bool lived = std::exchange(partner_, partner) == partner;
  open_ = MergeReport{
      .epoch = epoch, .parted_at = parted_.wall_ms, .met_at = now, .partner_lived = lived};
  Note(Count::kAcceptedHere, accepted);
}

void MergeLog::End(bool whole) {
  if (!open_) return;
  ended_ = std::exchange(open_, std::nullopt);
  ended_->whole = whole;
}

void MergeLog::Note(Count count, std::uint64_t times) {
  if (open_) (*open_)[count] += times;
}

void MergeLog::Note(MergeConflict conflict) {
  if (open_) open_->Add(std::move(conflict));
}

void MergeLog::NoteSession(const Session& here, const OtherSide& there, bool won_here) {
  Note(Count::kSessionsOfBoth);
  MergeConflict conflict{.key = here.client_id,
                         .won_here = won_here,
                         .here_at = WallOf(here.connected_at),
                         .there_at = WallOf(there.connected_at)};
  const bool used_here = here.parted.connected_here || HasConnectedSince(here.connected_at, here);
  const bool used_there =
      here.parted.connected_there || HasConnectedSince(there.connected_at, here);
  if (used_here && used_there) {
    Note(won_here ? Count::kSessionsWonHere : Count::kSessionsWonThere);
    conflict.kind = MergeConflict::Kind::kSession;
    Note(std::move(conflict));
  } else if (IsSameConnection(here, there) && (here.will != nullptr) != there.has_will) {
    // The side that has published or dropped it has decided.
    Note(Count::kWillsDone);
    conflict.kind = MergeConflict::Kind::kWill;
    conflict.won_here = here.will == nullptr;
    Note(std::move(conflict));
  }
}

void MergeLog::NoteRetained(const Message* here, MonoNs written_at, const Message& there,
                            bool won_here) {
  if (here != nullptr && here->id() == there.id()) return;
  if (here == nullptr || written_at <= parted_.mono_ns || there.hlc() <= parted_hlc_) {
    if (!won_here) Note(Count::kRetainedTaken);
    return;
  }
  Note(won_here ? Count::kRetainedWonHere : Count::kRetainedWonThere);
  Note({.kind = MergeConflict::Kind::kRetained,
        .key = std::string(here->topic()),
        .filter = {},
        .won_here = won_here,
        .here_at = WallOf(here->hlc()),
        .there_at = WallOf(there.hlc())});
}

}  // namespace tandem::broker
