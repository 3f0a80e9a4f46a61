// Whether the copies of sessions are like what they are copies of: the owner tells hashes in its
// stream, so that the other node compares when its copy must be equal, and has a copy that is not
// told anew.
#include <algorithm>
#include <utility>

#include "engine/broker/copy_hash.h"
#include "engine/broker/shard.h"

namespace tandem::broker {
namespace {

// What one turn looks at, at the most: sessions, and in all of them places, subscriptions and
// packet identifiers (a few microseconds for a hundred).
constexpr std::size_t kChecksAtOnce = 64;
constexpr std::size_t kWorkAtOnce = 4'096;
constexpr std::size_t kPlacesOfCheck = 256;
// Sessions that cannot be compared just now are looked at again.
constexpr MonoNs kRetryNs = 10 * kNanosecondsPerMillisecond;
// Until somebody takes them; the counter has them all.
constexpr std::size_t kMismatchesKept = 8;

}  // namespace

// Once per turn, behind all that the turn has changed and told.
void Shard::CheckCopies() {
  CopyChecks& checks = teller_.checks();
  if (checks.waiting() == 0) return;
  if (check_copies_at_ == 0) PlanChecks(context_.config.copy_check_ns);
  if (context_.now.mono_ns < check_copies_at_) return;
  check_copies_at_ = 0;
  std::size_t work = 0;
  std::size_t left = std::min(checks.waiting(), kChecksAtOnce);
  for (; left > 0 && work < kWorkAtOnce; --left) work += CheckCopy(checks.Take());
  // Whoever has a lot to look at leaves time for more important things.
  const MonoNs delay = std::max(context_.config.copy_check_ns, kRetryNs);
  if (checks.waiting() != 0) PlanChecks(delay * static_cast<MonoNs>(1 + work / kWorkAtOnce));
}

void Shard::PlanChecks(MonoNs delay) {
  check_copies_at_ = context_.now.mono_ns + delay;
  if (delay != 0) context_.timers.Schedule(check_copies_at_, TimerCookie(TimerKind::kCopies, 0));
}

// Yields how much there was to look at.
std::size_t Shard::CheckCopy(const CopyChecks::Check& check) {
  CopyChecks& checks = teller_.checks();
  Session* const session = sessions_.Get(check.session);
  if (session == nullptr || session->role != Role::kOwner || !teller_.IsFollowed(*session)) {
    checks.Drop(check);
    return 0;
  }
  const bool is_owed = checks.IsOwed(check.session);
  const bool is_whole = !session->join || !session->join->waits_for_messages();
  if (IsClaimed(session->client_id) || (is_owed && !is_whole)) {
    checks.PutOff(check);
    return 0;
  }
  if (is_owed) {
    TellAgain(*session);
    checks.Compared({.session = check.session}, UINT64_MAX);
    return session->queue.waiting_messages() + session->subscriptions.size();
  }
  const std::uint64_t last = session->queue.NumberBehind(check.first, kPlacesOfCheck);
  peer_.Append(SessionHashRecord{.client_id = session->client_id,
                                 .first = check.first,
                                 .last = last,
                                 .hash = CopyHash(*session, check.first, last)});
  checks.Compared(check, last);
  return std::min(session->queue.waiting_messages(), kPlacesOfCheck) +
         (check.first == 0 ? session->subscriptions.size() + session->received_ids.size() : 0);
}

// The copy has the will and the expiry of a claim as soon as it hears of it, the session when the
// claim is answered.
bool Shard::IsClaimed(const std::string& client_id) const {
  return claiming_.contains(client_id) || unanswered_.contains(client_id);
}

// The whole session, and behind it the hash by which the copy knows that this was all.
void Shard::TellAgain(Session& session) {
  teller_.FlushProgress();
  Tell(session);
  peer_.Append(
      SessionHashRecord{.client_id = session.client_id, .hash = CopyHash(session, 0, UINT64_MAX)});
}

void Shard::Follow(const SessionHashRecord& record) {
  Session* const session = sessions_.Find(record.client_id);
  context_.metrics.CopyCompared();
  if (session == nullptr) return AskAgain(record.client_id, true);
  if (!session->mirrored_here()) return;  // while both nodes own it
  if (session->giving_way) return;        // more is here than there, for a moment
  if (session->repair) {
    if (!session->repair->told) return;  // known to be different
    FinishRepair(*session);
  }
  const std::uint64_t hash = CopyHash(*session, record.first, record.last);
  if (hash == record.hash) return;
  NoteMismatch({.client_id = record.client_id,
                .first = record.first,
                .owner_hash = record.hash,
                .copy_hash = hash});
  if (peer_.up()) session->repair = std::make_unique<CopyRepair>();
  AskAgain(record.client_id, false);
}

void Shard::AskAgain(const std::string& client_id, bool missing) {
  if (peer_.up()) peer_.Append(SessionAgainRecord{.client_id = client_id, .missing = missing});
}

void Shard::NoteMismatch(CopyMismatch mismatch) {
  context_.metrics.CopyDiffered();
  if (mismatches_.size() < kMismatchesKept) mismatches_.push_back(std::move(mismatch));
}

void Shard::Follow(const SessionAgainRecord& record) {
  const Session* const session = sessions_.Find(record.client_id);
  if (session == nullptr || session->role != Role::kOwner || !teller_.IsFollowed(*session)) return;
  if (record.missing && !teller_.checks().IsOwed(session->id)) {
    NoteMismatch({.client_id = record.client_id, .owner_hash = CopyHash(*session, 0, UINT64_MAX)});
  }
  teller_.checks().Owe(session->id);
}

// What is here stays until all has been told, should the owner die in between. Subscriptions are
// changed at once, and those that are not told again go at the end, so that no message passes a
// copy that wants it.
void Shard::BeginRepair(Session& session, const SessionRecord& record) {
  FollowHead(session, record);
  session.repair = std::make_unique<CopyRepair>();
  session.repair->told = true;
  session.repair->queue.StartAt(record.first_number, record.next_number);
  for (const auto& [filter, state] : session.subscriptions) session.repair->stale.insert(filter);
}

void Shard::FinishRepair(Session& session) {
  const std::unique_ptr<CopyRepair> repair = std::move(session.repair);
  session.queue = std::move(repair->queue);
  session.received_ids = std::move(repair->received_ids);
  if (session.join) LetPlacesGo(*session.join);
  for (const std::string& filter : repair->stale) FollowUnsubscribe(session, filter);
  context_.metrics.CopyRepaired();
}

}  // namespace tandem::broker
