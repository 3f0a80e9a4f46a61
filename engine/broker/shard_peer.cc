// What comes from other cores of this node and from the other node.
#include <algorithm>
#include <utility>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/overloaded.h"
#include "engine/base/planted_bug.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

// A snapshot goes out in steps of this many records, so that the records of live traffic wait for
// one step at the most.
constexpr std::size_t kSnapshotStepRecords = 256;
constexpr std::size_t kSnapshotStepBytes = 128 * 1024;

bool IsAboutSession(const PeerRecord& record) noexcept {
  return !std::holds_alternative<InterestRecord>(record) &&
         !std::holds_alternative<GroupInterestRecord>(record) &&
         !std::holds_alternative<ClaimRecord>(record) &&
         !std::holds_alternative<BrakeRecord>(record) &&
         !std::holds_alternative<SessionHashRecord>(record) &&
         !std::holds_alternative<SessionAgainRecord>(record) &&
         !std::holds_alternative<ClaimReplyRecord>(record);
}

// The epoch that a core must have begun to understand the message; 0: any.
struct EpochOf {
  std::uint64_t operator()(const RouteMessage& m) const noexcept { return m.terms.origin.epoch; }
  std::uint64_t operator()(const RouteBatch& m) const noexcept { return m.terms().origin.epoch; }
  std::uint64_t operator()(const RetainMessage& m) const noexcept { return m.origin.epoch; }
  std::uint64_t operator()(const RelayedRecord& m) const noexcept { return m.origin.epoch; }
  std::uint64_t operator()(const CopiesRouted& m) const noexcept { return m.epoch; }
  std::uint64_t operator()(const CoreCovered& m) const noexcept { return m.epoch; }
  std::uint64_t operator()(const EpochBegun& m) const noexcept { return m.epoch; }
  template <class Message>
  std::uint64_t operator()(const Message&) const noexcept {
    return 0;
  }
};

}  // namespace

void Shard::OnCoreMessage(CoreId from, CoreMessage message) {
  const std::uint64_t epoch = std::visit(EpochOf{}, message);
  const bool waits = peer_.up() && epoch == peer_.epoch().epoch && !HaveAllBegun() &&
                     !std::holds_alternative<EpochBegun>(message);
  if (epoch > peer_.epoch().epoch || waits) {
    early_.emplace_back(from, std::move(message));
    return;
  }
  std::visit(Overloaded{
                 [&](RouteMessage& m) {
                   NoteRelay(from, m.terms.origin, 1);
                   if (m.route && m.terms.origin.number == 0)
                     routed_here_[Index(from)] = m.message->id().number;
                   const std::uint64_t before = peer_.last_number();
                   const std::uint64_t commit = m.commit;
                   router_.FromCore(std::move(m));
                   if (commit == 0) return;
                   const std::uint64_t last = peer_.last_number();
                   answers_.Hold({.peer = last != before ? last : 0}, {from, commit});
                   ReleaseAnswers();
                 },
                 [&](RouteBatch& m) {
                   NoteRelay(from, m.terms().origin, m.parts());
                   if (m.terms().origin.number == 0)
                     routed_here_[Index(from)] = m.last_message().number;
                   router_.FromCore(m);
                   EmptiedBatches& emptied = emptied_[Index(from)];
                   emptied.Add(std::move(m));
                   if (emptied.is_full())
                     context_.outbox.cores.push_back({from, std::exchange(emptied, {})});
                 },
                 [](EmptiedBatches&) {},  // memory that has come home
                 [&](RouteCommitted& m) {
                   if (!router_.routed().Done(Index(from), m.number)) return;
                   gate_.RoutedReached(router_.routed().reached());
                   std::erase_if(handed_steps_, [this](const auto& handed) {
                     return handed.second <= router_.routed().reached();
                   });
                   ReleaseHeld();
                 },
                 [&](SubscriptionMirrored& m) { MirroredReached(m.stream, m.number); },
                 [&](LentReturned& m) { lent_.Return(m.message, m.group); },
                 [&](SpareWanted& m) { OnSpareWanted(from, std::move(m)); },
                 [&](SpareGiven& m) { OnSpareGiven(m); },
                 [&](CopiesRouted& m) {
                   if (snapshot_.active && m.epoch == peer_.epoch().epoch) {
                     snapshot_.cores |= std::uint64_t{1} << Index(from);
                     EndSnapshot();
                   }
                 },
                 [&](PeerDownSeen& m) {
                   context_.clock.Observe(m.seen_at, context_.now.wall_ms);
                   gone_[Index(from)] = std::max(gone_[Index(from)], {m.epoch, m.step});
                   WindUpEpoch();
                 },
                 [&](RetainMessage& m) {
                   NoteRelay(from, m.origin, 1);
                   router_.FromCore(std::move(m));
                 },
                 [&](CoreInterest& m) {
                   trie_.SetCoreInterest(m.filter, from, m.wanted);
                   interest_seen_[Index(from)] = m.number;
                 },
                 [&](CoreGroupInterest& m) {
                   trie_.SetGroupCounts(m.filter, m.share_name, {Side::kThisNode, from}, m.counts);
                   interest_seen_[Index(from)] = m.number;
                 },
                 [&](CoreInterestApplied& m) {
                   interest_applied_[Index(from)] = m.number;
                   routed_here_[Index(from)] = m.routed;
                   std::uint64_t everywhere = m.number;
                   for (std::uint16_t core = 0; core < context_.cores; ++core) {
                     if (CoreId{core} != context_.core)
                       everywhere = std::min(everywhere, interest_applied_[core]);
                   }
                   gate_.CoresReached(everywhere);
                   mirroring_.CoresReached(everywhere);
                   ReleaseHeld();
                   ConfirmFollowed();
                 },
                 [&](RelayedRecord& m) {
                   NoteRelay(from, m.origin, 1);
                   const bool present =
                       (peer_.up() || leaving_.active) && m.origin.epoch == peer_.epoch().epoch;
                   if (!present) return;  // of a node that is gone
                   // Of one that is going, what it said of its sessions still counts.
                   if (leaving_.active && !IsAboutSession(m.record)) return;
                   ApplyAtHome(std::move(m.record), m.origin);
                 },
                 [&](RelayedApplied& m) { peer_.AppliedAt(from, m); },
                 [&](EpochBegun& m) {
                   if (peer_.up() && m.epoch == peer_.epoch().epoch) NoteBegun(from);
                 },
                 [&](CoreCovered& m) {
                   if (peer_.up() && m.epoch == peer_.epoch().epoch) exposure_.CoreCovered(from);
                 },
                 [&](RoomQuery& m) {
                   const auto room = retained_.Reserve(m.topic, m.bytes, context_.now.mono_ns);
                   context_.outbox.cores.push_back({from, RoomReply{m.connection, room}});
                 },
                 [&](RoomReply& m) { OnRoomReply(m); },
                 [&](BrakeMessage& m) {
                   brakes_.Set({Side::kThisNode, from}, m.publisher, m.on);
                 },
                 [&](CoreCongested& m) { brakes_.SetCongested(from, m.on); },
                 [&](RetainedQuery& m) { fetcher_.OnQuery(from, m); },
                 [&](RetainedPage& m) { fetcher_.OnPage(from, std::move(m)); },
             },
             message);
}

// No epoch begins before every core has done with the one before.
void Shard::OnPeerUp(const PeerEpoch& epoch) {
  // One epoch may end and the next one begin before the core carries effects out: what is left
  // belongs to the streams of the last one.
  context_.outbox.records.clear();
  context_.outbox.acknowledgements.clear();
  if (leaving_.active) {
    leaving_.next = epoch;
  } else {
    BeginEpoch(epoch);
  }
}

void Shard::BeginEpoch(const PeerEpoch& epoch) {
  exposure_.PartnerFound(context_.now.mono_ns);
  context_.merge.Met(epoch.epoch, epoch.peer_incarnation, context_.now.wall_ms,
                     exposure_.messages());
  gate_.ForgetPeer();
  ForgetBrakesOfPeer();
  interest_.peer = 0;
  interest_.mirrored = 0;
  peer_.Up(epoch);
  mirrored_.Reset(epoch.peer_cores);
  context_.node = epoch.self;
  snapshot_ = {.active = true};
  teller_.SetCopiesRouted(false);
  teller_.checks().Start(epoch.copy_hashes);
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if (CoreId{core} != context_.core)
      context_.outbox.cores.push_back({CoreId{core}, EpochBegun{epoch.epoch}});
  }
  begun_ = 0;
  snapshot_end_ = 0;
  covered_ = false;
  NoteBegun(context_.core);
  ReleaseHeld();
}

bool Shard::HaveAllBegun() const noexcept {
  return begun_ == (std::uint64_t{1} << (context_.cores - 1) << 1) - 1;
}

void Shard::NoteBegun(CoreId core) {
  begun_ |= std::uint64_t{1} << Index(core);
  for (auto& [from, message] : std::exchange(early_, {})) OnCoreMessage(from, std::move(message));
  if (!HaveAllBegun()) return;
  for (EarlyRecord& early : std::exchange(early_records_, {}))
    OnPeerRecord(early.stream, early.number, std::move(early.record));
}

// What this core's clients wait for is let go at once. What the other node sent before it went may
// still be on its way from other cores, so the rest takes some steps (WindUpEpoch).
void Shard::OnPeerDown() {
  held_ = false;
  if (leaving_.next) {
    // The epoch has not begun here, so nothing of it has to be wound up.
    const std::uint64_t epoch = leaving_.next->epoch;
    leaving_.next.reset();
    std::erase_if(early_, [&](const auto& e) { return std::visit(EpochOf{}, e.second) <= epoch; });
    early_records_.clear();
    return ReachPeerDown(epoch, PeerDownStep::kTaken);
  }
  exposure_.PartnerLost();
  context_.merge.Parted(context_.now, context_.IssueTime());
  covered_ = false;
  leaving_ = {.active = true,
              .epoch = peer_.epoch().epoch,
              .step = PeerDownStep::kSeen,
              .was_told = peer_.snapshot_applied_there()};
  peer_.Down();
  teller_.checks().Stop();
  for (; !unheard_.empty(); unheard_.pop_front()) {
    const Unheard& unheard = unheard_.front();
    Session* const session = sessions_.Find(unheard.client_id);
    if (session != nullptr && !session->subscriptions.contains(unheard.filter))
      RememberUnsubscribed(*session, unheard.filter, unheard.at);
  }
  early_records_.clear();
  postponed_claims_.clear();
  giving_way_.clear();
  for (auto& [from, message] : std::exchange(early_, {})) OnCoreMessage(from, std::move(message));
  snapshot_ = {};
  snapshot_end_ = 0;
  confirmations_.clear();
  gate_.ForgetPeer();
  ForgetBrakesOfPeer();
  interest_.peer = 0;
  interest_.mirrored = 0;
  answers_.ForgetPeer();
  mirroring_.Clear();
  teller_.ForgetReturned();
  ForgetSparesThere();
  ReleaseAnswers();
  ReleaseHeld();
  ResumeWaiting();
  ReachPeerDown(leaving_.epoch, leaving_.step);
  WindUpEpoch();
}

void Shard::ReachPeerDown(std::uint64_t epoch, PeerDownStep step) {
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if (CoreId{core} == context_.core) continue;
    context_.outbox.cores.push_back(
        {CoreId{core},
         PeerDownSeen{.epoch = epoch, .step = step, .seen_at = context_.IssueTime()}});
  }
  gone_[Index(context_.core)] = {epoch, step};
}

// The spares that the other node kept are gone with it.
void Shard::ForgetSparesThere() {
  router_.ForgetSparesThere();
  for (std::size_t slot = 0; slot < sessions_.slots(); ++slot) {
    Session* const session = sessions_.Get(static_cast<SubscriberId>(slot));
    if (session == nullptr || !std::exchange(session->borrows, false)) continue;
    session->queue.ForEach([](std::uint64_t, OutboundMessage& message) { message.lender = 0; });
  }
}

// Goes on with the end of the epoch as far as the other cores have come. Once they all know that
// the other node is gone, all that it sent is here; once all have asked for the spares that it gave
// to members, and got them, its sessions are this node's; and once they are members of their groups
// on all cores, what was meant for members there, and the spares that are left, goes to them.
void Shard::WindUpEpoch() {
  while (leaving_.active && *std::min_element(gone_.begin(), gone_.end()) >=
                                std::pair(leaving_.epoch, leaving_.step)) {
    switch (leaving_.step) {
      case PeerDownStep::kNone:
      case PeerDownStep::kSeen:
        leaving_.step = PeerDownStep::kAsked;
        break;
      case PeerDownStep::kAsked:
        leaving_.step = PeerDownStep::kGiven;
        break;
      case PeerDownStep::kGiven:
        TakeSessionsOver();
        leaving_.step = PeerDownStep::kTaken;
        break;
      case PeerDownStep::kTaken:
        return FinishPeerDown();
    }
    ReachPeerDown(leaving_.epoch, leaving_.step);
  }
}

void Shard::TakeSessionsOver() {
  for (std::size_t slot = 0; slot < sessions_.slots(); ++slot) {
    Session* const session = sessions_.Get(static_cast<SubscriberId>(slot));
    if (session == nullptr) continue;
    if (session->mirrored_here()) {
      Promote(*session, false);
      continue;
    }
    session->merging = session->cleaned_apart = false;
    const auto waiting = static_cast<std::int64_t>(session->queue.waiting_messages());
    DiscardUnfilled(*session);
    context_.metrics.QueuedChanged(
        static_cast<std::int64_t>(session->queue.waiting_messages()) - waiting, 0);
    if (session->told_epoch == leaving_.epoch) {
      teller_.EndFollowing(*session);
      // Where the other node may not even have heard of it in this epoch, what it has served apart
      // before still differs from here at the numbers from the earlier fork on.
      if (leaving_.was_told || !session->forked) Fork(*session);
      session->parted = {.connected_at = session->connected_at,
                         .connected_here = session->client != nullptr};
    }
    delivery_.Pump(*session);  // what stood behind a place whose message has not come
  }
}

void Shard::FinishPeerDown() {
  leaving_.active = false;
  trie_.ClearPeer();
  for (LentMessages::Lent& lent : lent_.TakeAll()) {
    for (const SharedTarget& group : lent.groups) router_.ToGroup(*KeyOf(group), lent.message);
  }
  // Nobody else can hold the client ids that were being claimed.
  std::vector<ConnectionId> waiting;
  for (const auto& client : clients_) {
    if (client && client->stage == Client::Stage::kClaiming) waiting.push_back(client->id);
  }
  claiming_.clear();
  unanswered_.clear();
  for (const ConnectionId id : waiting) CompleteConnect(*FindClient(id));
  if (const auto next = std::exchange(leaving_.next, std::nullopt)) BeginEpoch(*next);
}

void Shard::OnPeerApplied(std::uint64_t number) {
  if (!peer_.Applied(number)) return;
  gate_.PeerReached(number);
  answers_.PeerReached(number);
  ReleaseHeld();
  ReleaseAnswers();
  ResumeWaiting();
  while (!unheard_.empty() && unheard_.front().number <= number) unheard_.pop_front();
  if (snapshot_end_ != 0 && number >= snapshot_end_) NoteCovered();
}

// All that this core had to tell when the epoch began is on the other node.
void Shard::NoteCovered() {
  snapshot_end_ = 0;
  covered_ = true;
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if (CoreId{core} != context_.core)
      context_.outbox.cores.push_back({CoreId{core}, CoreCovered{peer_.epoch().epoch}});
  }
  exposure_.CoreCovered(context_.core);
  ForgetUnsubscribed();
}

// Sessions that waited until the other node has what they were given.
void Shard::ResumeWaiting() {
  for (const SubscriberId id : delivery_.TakeWaiting()) {
    Session* const session = sessions_.Get(id);
    if (session == nullptr || session->mirrored_here()) continue;
    delivery_.Pump(*session);
    if (session->client == nullptr) GiveBackGroupMessages(*session, false);
  }
}

void Shard::ReleaseAnswers() {
  answers_.Release([this](HeldAnswer&& answer) {
    context_.outbox.cores.push_back({answer.core, RouteCommitted{answer.number}});
  });
}

void Shard::OnPeerRecord(CoreId stream, std::uint64_t number, PeerRecord&& record) {
  if (leaving_.next || (peer_.up() && !HaveAllBegun())) {
    early_records_.push_back({stream, number, std::move(record)});
    return;
  }
  if (!peer_.up()) return;
  const PeerOrigin origin = peer_.Received(stream, number);
  ApplyRecord(std::move(record), origin);
}

// Another core has brought `parts` messages of a record of the other node's stream: it waits for
// the answer.
void Shard::NoteRelay(CoreId from, const PeerOrigin& origin, std::uint32_t parts) {
  if (origin.number == 0) return;
  if (Index(origin.stream) >= relayed_.size())
    relayed_.resize(Index(origin.stream) + std::size_t{1});
  Relayed& relayed = relayed_[Index(origin.stream)];
  if (origin.epoch < relayed.epoch) return;
  if (origin.epoch > relayed.epoch) relayed = {.from = from, .epoch = origin.epoch};
  if (origin.number != relayed.seen.number) relayed.seen = {.number = origin.number};
  relayed.seen.parts += parts;
}

// Once per turn.
void Shard::AnswerRelays() {
  for (std::size_t stream = 0; stream < relayed_.size(); ++stream) {
    Relayed& relayed = relayed_[stream];
    RelayedProgress done = relayed.seen;
    if (!relayed.held_back.empty())
      done = std::min(done, RelayedProgress{.number = *relayed.held_back.begin()});
    if (done <= relayed.answered) continue;
    relayed.answered = done;
    context_.outbox.cores.push_back(
        {relayed.from,
         {RelayedApplied{.origin = {.epoch = relayed.epoch,
                                    .stream = static_cast<CoreId>(stream),
                                    .number = done.number},
                         .parts = done.parts}}});
  }
}

// A record that was held back until its message came is applied.
void Shard::LetGo(const PeerOrigin& origin) {
  peer_.LetGo(origin);
  if (Index(origin.stream) >= relayed_.size()) return;
  Relayed& relayed = relayed_[Index(origin.stream)];
  if (relayed.epoch != origin.epoch) return;
  if (const auto it = relayed.held_back.find(origin.number); it != relayed.held_back.end())
    relayed.held_back.erase(it);
}

// The other node's copy follows a subscription, and what it announced before it said so is known to
// every core here: the core that asked may go on.
void Shard::ConfirmMirrored() {
  std::erase_if(confirmations_, [this](const Confirmation& confirmation) {
    if (confirmation.number > peer_.AppliedHere(confirmation.stream)) return false;
    const CoreId core = confirmation.record.core;
    if (core == context_.core) {
      MirroredReached(confirmation.stream, confirmation.record.number);
    } else if (Index(core) < context_.cores) {
      context_.outbox.cores.push_back(
          {core, SubscriptionMirrored{confirmation.stream, confirmation.record.number}});
    }
    return true;
  });
}

void Shard::MirroredReached(CoreId stream, std::uint64_t number) {
  if (!mirrored_.Done(Index(stream), number)) return;
  gate_.MirroredReached(mirrored_.reached());
  ReleaseHeld();
  EndSnapshot();
  FinishGivingWay();
  if (!postponed_claims_.empty()) RetryClaims();
}

void Shard::ApplyRecord(PeerRecord&& record, const PeerOrigin& origin) {
  std::visit(
      Overloaded{
          [&](PublishRecord& r) {
            if (r.step) {
              // On its way before the message is, so that both are here or neither.
              if (r.step->packet_id != 0) {
                RelayOrApply(r.step->client_id,
                             SessionReceivedIdRecord{.client_id = r.step->client_id,
                                                     .packet_id = r.step->packet_id},
                             origin);
              } else {
                RelayOrApply(r.step->client_id,
                             SessionWillDoneRecord{.client_id = r.step->client_id}, origin);
              }
            }
            KeepSpares(r, origin);
            if (!r.message) return;  // a broken partner
            const MessageId id = r.message->id();
            router_.FromPeer(std::move(r), origin);
            if (!r.places.empty())
              ApplyOrder({.message = id, .places = std::move(r.places)}, origin);
          },
          [&](SessionOrderRecord& r) { ApplyOrder(r, origin); },
          [&](MirroredRecord& r) {
            confirmations_.push_back(
                {.stream = origin.stream, .number = origin.number, .record = r});
          },
          [&](LentDoneRecord& r) {
            ReturnSpare(r.core, {r.message, r.group});
          },
          [&](BrakeRecord& r) {
            if (r.core == context_.core) return ApplyAtHome(r, origin);
            if (Index(r.core) >= context_.cores) return;
            peer_.RelayedTo(r.core, origin);
            context_.outbox.cores.push_back({r.core, RelayedRecord{.record = r, .origin = origin}});
          },
          [&](ApartRecord& r) { context_.merge.Note(MergeCount::kAcceptedThere, r.accepted); },
          [&](RetainedRecord& r) { router_.FromPeer(std::move(r), origin); },
          [&](InterestRecord& r) {
            // A bad filter can only come from a broken partner; the trie must never see it.
            if (!mqtt::IsValidTopicFilter(r.filter)) return;
            RelayToAll(r, origin);
            ApplyAtHome(std::move(r), origin);
          },
          [&](GroupInterestRecord& r) {
            if (!mqtt::IsValidSharedFilter({.share_name = r.share_name, .filter = r.filter}))
              return;
            RelayToAll(r, origin);
            ApplyAtHome(std::move(r), origin);
          },
          [&](SnapshotEndRecord& r) {
            RelayToAll(r, origin);
            ApplyAtHome(r, origin);
          },
          [&](auto& r) { RelayOrApply(r.client_id, std::move(record), origin); },
      },
      record);
}

// On each core that one of the places is for.
void Shard::ApplyOrder(const SessionOrderRecord& order, const PeerOrigin& origin) {
  std::uint64_t homes = 0;
  for (const QueuePlace& place : order.places)
    homes |= std::uint64_t{1} << Index(HomeOf(place.client_id, context_.cores));
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if ((homes >> core & 1) == 0) continue;
    if (CoreId{core} == context_.core) {
      Follow(order, origin);
      continue;
    }
    peer_.RelayedTo(CoreId{core}, origin);
    context_.outbox.cores.push_back(
        {CoreId{core}, RelayedRecord{.record = order, .origin = origin}});
  }
}

void Shard::RelayToAll(const PeerRecord& record, const PeerOrigin& origin) {
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if (CoreId{core} == context_.core) continue;
    peer_.RelayedTo(CoreId{core}, origin);
    context_.outbox.cores.push_back(
        {CoreId{core}, RelayedRecord{.record = record, .origin = origin}});
  }
}

// `client_id` may be a part of the record.
void Shard::RelayOrApply(std::string_view client_id, PeerRecord&& record,
                         const PeerOrigin& origin) {
  const CoreId home = HomeOf(client_id, context_.cores);
  if (home == context_.core) return ApplyAtHome(std::move(record), origin);
  if (const auto* queued = std::get_if<SessionMessageRecord>(&record);
      queued != nullptr && queued->message) {
    queued->message->MarkShared();
  }
  peer_.RelayedTo(home, origin);
  context_.outbox.cores.push_back(
      {home, RelayedRecord{.record = std::move(record), .origin = origin}});
}

// On the core (or each core) that the record is about.
void Shard::ApplyAtHome(PeerRecord&& record, const PeerOrigin& origin) {
  const CoreId stream = origin.stream;
  std::visit(Overloaded{
                 [&](InterestRecord& r) { trie_.SetPeerInterest(r.filter, stream, r.wanted); },
                 [&](GroupInterestRecord& r) {
                   trie_.SetGroupCounts(r.filter, r.share_name, {Side::kPeerNode, stream},
                                        {r.online, r.total, r.copies});
                 },
                 [&](ClaimRecord& r) { OnClaim(r); },
                 [&](ClaimReplyRecord& r) { OnClaimReply(r); },
                 [&](SessionRecord& r) { Follow(r); },
                 [&](SessionSubscriptionRecord& r) { Follow(r, stream); },
                 [&](SessionMessageRecord& r) { Follow(std::move(r)); },
                 [&](SessionOrderRecord& r) { Follow(r, origin); },
                 [&](SessionMissingRecord& r) { Follow(r); },
                 [&](SessionProgressRecord& r) { Follow(r); },
                 [&](SessionReceivedIdRecord& r) { Follow(r); },
                 [&](SessionAwayRecord& r) { Follow(r); },
                 [&](SessionWillDoneRecord& r) { FollowWillDone(r.client_id); },
                 [&](SessionEndRecord& r) { FollowEnd(r.client_id); },
                 [&](SessionHashRecord& r) { Follow(r); },
                 [&](SessionAgainRecord& r) { Follow(r); },
                 [&](BrakeRecord& r) {
                   brakes_.Set({Side::kPeerNode, stream}, r.publisher, r.on);
                 },
                 [&](MirroredRecord&) { TANDEM_CHECK_MSG(false, "kept where it arrives"); },
                 [&](LentDoneRecord&) { TANDEM_CHECK_MSG(false, "sent on where it arrives"); },
                 [&](PublishRecord&) { TANDEM_CHECK_MSG(false, "routed where it arrives"); },
                 [&](RetainedRecord&) { TANDEM_CHECK_MSG(false, "routed where it arrives"); },
                 [&](ApartRecord&) { TANDEM_CHECK_MSG(false, "counted where it arrives"); },
                 [&](SnapshotEndRecord&) {
                   peer_.SnapshotApplied(stream);
                   if (!peer_.knows_interest()) return;
                   context_.merge.End(true);
                   ForgetUnsubscribed();
                 },
             },
             record);
}

// Ties go to the higher node id, on both nodes alike.
bool Shard::IsNewerHere(const ClaimRecord& claim, Hlc connected_at) const noexcept {
  if (connected_at != claim.connected_at) return connected_at > claim.connected_at;
  return peer_.epoch().self > peer_.epoch().peer;
}

// P7: the newer connection wins. Two claims that are under way at once are compared by their times,
// also if one has lost its client meanwhile, so that both nodes decide alike. Once the other node
// has answered ours, what it claims is newer, whatever the clocks say: its answer stands before it.
bool Shard::LosesTo(const ClaimRecord& claim) const {
  if (const auto it = unanswered_.find(claim.client_id); it != unanswered_.end())
    return !IsNewerHere(claim, it->second);
  if (claim.answer) return true;
  const Session* const session = sessions_.Find(claim.client_id);
  return session == nullptr || session->client == nullptr ||
         !IsNewerHere(claim, session->connected_at);
}

// A client connected to the other node.
void Shard::OnClaim(const ClaimRecord& claim) {
  context_.clock.Observe(claim.connected_at, context_.now.wall_ms);
  const auto reply = [&](bool granted, bool session_present) {
    if (!claim.answer || !peer_.up()) return;
    ClaimReplyRecord record{.client_id = claim.client_id,
                            .connected_at = claim.connected_at,
                            .granted = granted,
                            .answered_at = context_.IssueTime(),
                            .session_present = session_present};
    if (session_present && peer_.epoch().routed) {
      record.routed = routed_here_;
      record.routed[Index(context_.core)] = messages_;
    }
    peer_.Append(std::move(record));
  };
  const bool loses = LosesTo(claim);
  if (!loses && claim.answer) return reply(false, false);
  const Session* const own = sessions_.Find(claim.client_id);
  const bool is_behind =
      std::any_of(postponed_claims_.begin(), postponed_claims_.end(),
                  [&](const ClaimRecord& each) { return each.client_id == claim.client_id; });
  if (is_behind || (own != nullptr && own->merging)) return postponed_claims_.push_back(claim);
  if (loses) SupersedeLocal(claim.client_id, nullptr);
  if (!claim.answer) return EndOlder(claim);
  // A session that was to end with its connection has ended.
  ForgetOver(claim.client_id, claim.clean_start);
  Session* session = sessions_.Find(claim.client_id);
  const bool owned = session != nullptr && session->role == Role::kOwner;
  if (owned) {
    if (!teller_.IsFollowed(*session)) {
      Tell(*session);
    } else if (teller_.checks().IsOwed(session->id)) {
      TellAgain(*session);
      teller_.checks().Paid(session->id);
    }
    // What is published here goes to the owner only when all cores here know that somebody there
    // wants it; until then this node gives it its place, and tells that.
    if (mirrored_.reached() < session->told_as) return postponed_claims_.push_back(claim);
    const bool is_told =
        std::none_of(handed_steps_.begin(), handed_steps_.end(),
                     [&](const auto& handed) { return handed.first == claim.client_id; });
    if (!is_told) return postponed_claims_.push_back(claim);
    Demote(*session);
  } else if (session != nullptr && claim.clean_start) {
    FollowEnd(claim.client_id);
    session = nullptr;
  }
  if (session == nullptr && (claim.expiry_s != 0 || claim.will)) {
    session = &CreateMirror(claim.client_id);
    session->started_at = claim.clean_start ? claim.connected_at : Session::kNoCleanStart;
  }
  if (session != nullptr) {
    session->connected_there = true;
    session->connected_at = claim.connected_at;
    session->expiry_s = claim.expiry_s;
    session->will = claim.will ? std::make_unique<Will>(*claim.will) : nullptr;
  }
  reply(true, owned);
}

// A note: the client has a session there that ends with its connection. An older one here, of when
// the nodes did not see each other, adds what it has to that and ends, also while its client is
// about to come back here: the other node answers that only when this has ended.
void Shard::EndOlder(const ClaimRecord& note) {
  Session* const session = sessions_.Find(note.client_id);
  if (session == nullptr || session->role != Role::kOwner || session->client != nullptr) return;
  if (session->connected_at > note.connected_at) return;  // then that one ends, when it is told
  if (!teller_.IsFollowed(*session)) Tell(*session);
  EndSession(*session, false);
  const auto claim = claiming_.find(note.client_id);
  Client* const client = claim == claiming_.end() ? nullptr : FindClient(claim->second);
  if (client != nullptr && client->pending) client->pending->copy_is_over = true;
}

void Shard::RetryClaims() {
  for (const ClaimRecord& claim : std::exchange(postponed_claims_, {})) OnClaim(claim);
}

void Shard::OnClaimReply(const ClaimReplyRecord& reply) {
  context_.clock.Observe(reply.answered_at, context_.now.wall_ms);
  if (const auto unanswered = unanswered_.find(reply.client_id);
      unanswered != unanswered_.end() && unanswered->second == reply.connected_at)
    unanswered_.erase(unanswered);
  Session* const session = sessions_.Find(reply.client_id);
  if (session != nullptr && reply.granted) session->merging = false;
  // All that the other node had to say about the session stands before its answer.
  if (reply.granted && session != nullptr && session->mirrored_here()) {
    if (!reply.routed.empty()) NoteHandedOver(*session, reply.routed);
    Promote(*session, true);
  }
  const auto it = claiming_.find(reply.client_id);
  Client* const client = it == claiming_.end() ? nullptr : FindClient(it->second);
  if (client == nullptr || client->connected_at != reply.connected_at) {
    // An older claim's answer, or the client has left while it waited.
    if (!reply.granted) return;
    if (client != nullptr) {
      client->pending->older_claim_granted = true;
      return;
    }
    WithdrawClaim(reply.client_id);
    return;
  }
  if (reply.granted) return CompleteWhenRouted(*client, reply.session_present);
  claiming_.erase(it);
  client->pending.reset();
  Close(*client, metrics::CloseReason::kTakenOver);
}

// The other node has granted a claim whose client has left: its copy is that of a connection that
// never was.
void Shard::WithdrawClaim(std::string_view client_id) {
  Session* const session = sessions_.Find(client_id);
  if (session == nullptr) {
    peer_.Append(SessionEndRecord{.client_id = std::string(client_id)});
  } else if (session->client == nullptr) {
    if (!session->persistent()) return EndSession(*session, false);
    teller_.TellHead(*session);  // its will and its expiry
  }
}

// Tells the other node what it must know, from the state as it is now, a step at a time between
// live records: what changes in the meantime goes the same way, so that the other node's picture is
// right at every record.
void Shard::PumpSnapshot() {
  if (!snapshot_.active || snapshot_.told || !peer_.up()) return;
  const std::uint64_t first = peer_.last_number();
  const std::size_t bytes_before = peer_.backlog_bytes();
  const auto has_room = [&] {
    return peer_.last_number() - first < kSnapshotStepRecords &&
           peer_.backlog_bytes() - bytes_before < kSnapshotStepBytes &&
           peer_.backlog_bytes() < kSnapshotWindowBytes;
  };
  for (; snapshot_.session_slot < sessions_.slots(); ++snapshot_.session_slot) {
    if (!has_room()) return;
    SnapshotSession(static_cast<SubscriberId>(snapshot_.session_slot));
  }
  while (has_room()) {
    RetainedStore::Page page =
        retained_.Walk(snapshot_.retained_after, kSnapshotStepRecords / 4, kSnapshotStepBytes / 2);
    for (MessagePtr& message : page.messages) {
      if (!IsPlanted(PlantedBug::kRetainedUntold)) peer_.Append(RetainedRecord{std::move(message)});
    }
    if (page.done) {
      snapshot_.told = true;
      return EndSnapshot();
    }
    snapshot_.retained_after = std::move(page.last);
  }
}

// The end is told when what any core routes to this one crosses on its own, if a copy wants it.
// What did not, or came before the copy was there, has gone along with its place until then. So
// whoever has applied the end misses nothing.
void Shard::EndSnapshot() {
  if (!snapshot_.active || !snapshot_.told) return;
  if (mirrored_.reached() < snapshot_.mirrored && !IsPlanted(PlantedBug::kSnapshotEndsEarly))
    return;
  const std::uint64_t all = (std::uint64_t{1} << (context_.cores - 1) << 1) - 1;
  const std::uint64_t own = std::uint64_t{1} << Index(context_.core);
  if ((snapshot_.cores & own) == 0) {
    snapshot_.cores |= own;
    for (std::uint16_t core = 0; core < context_.cores; ++core) {
      if (CoreId{core} != context_.core)
        context_.outbox.cores.push_back({CoreId{core}, CopiesRouted{peer_.epoch().epoch}});
    }
  }
  if (snapshot_.cores != all && !IsPlanted(PlantedBug::kSnapshotEndsEarly)) return;
  if (const std::uint64_t accepted = exposure_.messages();
      accepted != 0 && peer_.epoch().merge_reports)
    peer_.Append(ApartRecord{.accepted = accepted});
  // Only from here on does what is known here say what is known there.
  interest_.peer = snapshot_end_ = peer_.Append(SnapshotEndRecord{});
  peer_.SnapshotSent(interest_.peer);
  snapshot_ = {};
  teller_.SetCopiesRouted(true);
}

void Shard::Tell(Session& session) {
  std::uint64_t confirm = 0;
  if (!session.subscriptions.empty()) {
    confirm = mirrored_.Send(Index(HomeOf(session.client_id, peer_.epoch().peer_cores)));
    snapshot_.mirrored = confirm;
  }
  session.told_as = confirm;
  teller_.Tell(session, confirm);
}

void Shard::SnapshotSession(SubscriberId id) {
  Session* const session = sessions_.Get(id);
  if (session == nullptr) return;
  for (const auto& [filter, state] : session->subscriptions) {
    if (const auto shared = mqtt::ParseSharedFilter(filter)) {
      const FilterEntry* const entry = trie_.Find(shared->filter);
      const MemberCounts counts = entry->FindGroup(shared->share_name)->local();
      peer_.Append(GroupInterestRecord{.filter = std::string(shared->filter),
                                       .share_name = std::string(shared->share_name),
                                       .online = counts.online,
                                       .total = counts.total,
                                       .copies = counts.copies});
    } else {
      peer_.Append(InterestRecord{.filter = filter, .wanted = true});
    }
  }
  if (session->mirrored_here()) return;
  if (session->persistent() || session->will) {
    if (!teller_.IsFollowed(*session)) Tell(*session);
  } else if (session->client != nullptr) {
    peer_.Append(ClaimRecord{
        .client_id = session->client_id, .connected_at = session->connected_at, .answer = false});
  }
}

}  // namespace tandem::broker
