#include "engine/broker/congestion.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tandem::broker {
namespace {

// What a place in a queue takes besides the bytes of its message: the place, and the message's
// object.
constexpr std::size_t kPlaceBytes = SessionQueue::kSlotBytes + sizeof(Message);
// What may be on the way between cores, in bounds of the queue; between nodes it is what a stream
// may have unapplied.
constexpr std::size_t kOverrun = 4;
// A short queue lets its publishers go on in so many turns, more or less.
constexpr std::size_t kTurnsToRelease = 16;

}  // namespace

Congestion::Congestion(ShardContext& context, PeerStream& peer, Brakes& brakes,
                       const SessionTable& sessions)
    : context_(context), peer_(peer), brakes_(brakes), sessions_(sessions) {}

std::size_t Congestion::MarkMessages() const noexcept {
  const BrokerConfig& config = context_.config;
  return std::max<std::size_t>(std::min(config.queue_mark_messages, config.queue_messages_max / 2),
                               1);
}

std::size_t Congestion::MarkBytes() const noexcept { return context_.config.queue_bytes_max / 2; }

// Well below the mark, so that brakes are not set and released for each message.
bool Congestion::IsShort(const SessionQueue& queue) const noexcept {
  return queue.waiting_messages() <= MarkMessages() / 2 && queue.waiting_bytes() <= MarkBytes() / 2;
}

bool Congestion::IsBeyondBound(const SessionQueue& queue) const noexcept {
  return queue.waiting_messages() > context_.config.queue_messages_max ||
         queue.waiting_bytes() > context_.config.queue_bytes_max;
}

bool Congestion::IsWaitedFor(const Session& session) const noexcept {
  return session.client != nullptr && session.client->stage == Client::Stage::kConnected &&
         session.congestion != CongestionState::kStalled && context_.config.stalled_after_ns != 0;
}

bool Congestion::IsOverrun(const SessionQueue& queue, std::size_t bytes) const noexcept {
  const BrokerConfig& config = context_.config;
  return !queue.empty() && queue.waiting_bytes() + bytes + queue.waiting_messages() * kPlaceBytes >
                               config.queue_bytes_max * kOverrun + config.peer_backlog_bytes_max;
}

bool Congestion::FindFeeder(const MessageFields& fields, Feeder& feeder) const {
  if (fields.publisher == 0) return false;
  feeder = {.core = fields.id.core, .publisher = fields.publisher};
  if (fields.id.incarnation == context_.incarnation) {
    feeder.side = Side::kThisNode;
    return Index(feeder.core) < context_.cores;
  }
  feeder.side = Side::kPeerNode;
  return peer_.up() && peer_.epoch().brakes && Index(feeder.core) < peer_.epoch().peer_cores &&
         fields.id.incarnation == peer_.epoch().peer_incarnation;
}

void Congestion::Feed(Session& session, const MessageFields& fields) {
  if (session.congestion == CongestionState::kNone) {
    session.congestion = CongestionState::kMoving;
    session.moved_at = context_.now.mono_ns;
    context_.metrics.SessionsCongestedChanged(1);
    if (congested_.empty()) TellCores(true);
  }
  Feeders& feeders = congested_[session.id];
  Feeder feeder;
  if (!FindFeeder(fields, feeder) || !feeders.all.insert(feeder).second) return;
  feeders.in_turn.push_back(feeder);
  if (sessions_of_[feeder]++ == 0) SetBrake(feeder, true);
}

void Congestion::NoteMove(Session& session) {
  session.moved_at = context_.now.mono_ns;
  session.congestion = CongestionState::kMoving;
  if (IsShort(session.queue)) short_.insert(session.id);
}

void Congestion::Relieve() {
  if (short_.empty()) return;
  for (const SubscriberId id : std::vector<SubscriberId>(short_.begin(), short_.end())) {
    Session& session = *sessions_.Get(id);
    if (!IsShort(session.queue)) {
      short_.erase(id);
      continue;
    }
    Feeders& feeders = congested_[id];
    const std::size_t waiting = feeders.in_turn.size();
    Release(feeders, std::min(waiting, 1 + waiting / kTurnsToRelease));
    if (feeders.in_turn.empty()) End(session);
  }
}

void Congestion::Forget(Session& session) {
  if (session.congestion != CongestionState::kNone) End(session);
}

void Congestion::End(Session& session) {
  session.congestion = CongestionState::kNone;
  context_.metrics.SessionsCongestedChanged(-1);
  short_.erase(session.id);
  const auto it = congested_.find(session.id);
  Release(it->second, it->second.in_turn.size());
  congested_.erase(it);
  if (congested_.empty()) TellCores(false);
}

void Congestion::TellCores(bool congested) {
  for (std::uint16_t core = 0; core < context_.cores; ++core) {
    if (CoreId{core} != context_.core)
      context_.outbox.cores.push_back({CoreId{core}, CoreCongested{congested}});
  }
}

void Congestion::Release(Feeders& feeders, std::size_t count) {
  const auto end = feeders.in_turn.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto feeder = feeders.in_turn.begin(); feeder != end; ++feeder) {
    feeders.all.erase(*feeder);
    const auto it = sessions_of_.find(*feeder);
    if (--it->second != 0) continue;
    sessions_of_.erase(it);
    SetBrake(*feeder, false);
  }
  feeders.in_turn.erase(feeders.in_turn.begin(), end);
}

void Congestion::SetBrake(const Feeder& feeder, bool on) {
  if (feeder.side == Side::kPeerNode) {
    peer_.Append(BrakeRecord{.core = feeder.core, .publisher = feeder.publisher, .on = on});
  } else if (feeder.core == context_.core) {
    brakes_.Set({Side::kThisNode, context_.core}, feeder.publisher, on);
  } else {
    context_.outbox.cores.push_back(
        {feeder.core, BrakeMessage{.publisher = feeder.publisher, .on = on}});
  }
}

void Congestion::ForgetPeer() {
  const auto is_there = [](const Feeder& feeder) { return feeder.side == Side::kPeerNode; };
  for (auto& [id, feeders] : congested_) {
    absl::erase_if(feeders.all, is_there);
    std::erase_if(feeders.in_turn, is_there);
  }
  absl::erase_if(sessions_of_, [&](const auto& entry) { return is_there(entry.first); });
}

// Its next packet is one of the commit gate's: then it is the other node that does not move.
bool Congestion::WaitsForPeer(Session& session) const {
  const OutboundMessage* const next = session.queue.Next();
  return session.queue.in_flight() < session.client->window && next != nullptr &&
         next->qos == mqtt::QoS::kExactlyOnce && next->record != 0 &&
         !peer_.IsReached(next->record);
}

std::vector<SubscriberId> Congestion::Sweep() {
  std::vector<SubscriberId> overflowed;
  std::vector<SubscriberId> ids;
  for (const auto& [id, feeders] : congested_) ids.push_back(id);
  for (const SubscriberId id : ids) {
    Session& session = *sessions_.Get(id);
    if (IsShort(session.queue)) {  // what was in it has expired
      End(session);
    } else if (WaitsForPeer(session)) {
      Moved(session);
    } else if (session.congestion == CongestionState::kMoving &&
               context_.now.mono_ns - session.moved_at >= context_.config.stalled_after_ns) {
      session.congestion = CongestionState::kStalled;
      context_.metrics.SessionStalled();
      Feeders& feeders = congested_[id];
      Release(feeders, feeders.in_turn.size());
      if (IsBeyondBound(session.queue)) overflowed.push_back(id);
    }
  }
  return overflowed;
}

}  // namespace tandem::broker
