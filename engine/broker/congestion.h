// Subscribers that are slower than their publishers: who feeds their queues, and whether they move.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/base/ids.h"
#include "engine/broker/brakes.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_stream.h"
#include "engine/broker/session.h"
#include "engine/broker/session_table.h"
#include "engine/broker/shard_context.h"
#include "engine/broker/shared_group.h"

namespace tandem::broker {

// One per shard (O5). A queue has a mark, half of its bound. While the queue of a connected session
// is above it, whoever feeds it with QoS 1 or 2 is slowed down at its own core, wherever that is,
// by a brake: set with the first of its messages, off when the queue has come down to half of the
// mark. Then those who have waited longest go first, a few per turn, so that everybody gets on in
// his turn and with more than a message at a time; and while anybody waits, whoever sends to a
// queue that is longer joins them. What was on its way by then still goes in, beyond the bound if
// need be: it is acknowledged, or will be, and nothing that is acknowledged is dropped for a
// subscriber that moves. So that this is little, other cores know whether publishers wait for
// anybody here (CoreCongested), and acknowledge nothing meanwhile before this core has seen it.
//
// Nobody waits for an absent session, nor for a client that stalls: one that neither acknowledges
// anything nor takes bytes for queue.stalled_after. There the policy at the bound decides. So a
// circle of clients that wait for one another comes apart, too.
class Congestion {
 public:
  Congestion(ShardContext& context, PeerStream& peer, Brakes& brakes, const SessionTable& sessions);

  // Whether nobody need wait who sends one more message of `bytes`: the queue stays below its mark,
  // and where others wait for it already, it is short. If those who come later could keep it from
  // getting short, the others would wait for good.
  bool HasRoom(const Session& session, std::size_t bytes) const noexcept {
    const SessionQueue& queue = session.queue;
    return queue.waiting_messages() + 1 < MarkMessages() &&
           queue.waiting_bytes() + bytes < MarkBytes() &&
           (session.congestion != CongestionState::kMoving || IsShort(queue));
  }
  // Whether publishers wait for the session; else its queue has its bound.
  bool IsWaitedFor(const Session& session) const noexcept;
  // What such a queue takes at the most, memory for places included: its own bound and what may be
  // on the way to it.
  bool IsOverrun(const SessionQueue& queue, std::size_t bytes) const noexcept;

  // A message goes into the queue of a session that is waited for, above its mark.
  void Feed(Session& session, const MessageFields& fields);
  // The client acknowledged something, or took bytes that its queue waited behind.
  void Moved(Session& session) {
    if (session.congestion != CongestionState::kNone) NoteMove(session);
  }
  // It has no client any longer.
  void Forget(Session& session);
  // The other node is gone, or begins anew: it knows of no brakes.
  void ForgetPeer();
  // Once per turn: lets publishers of short queues go on. While busy() there are more to come.
  void Relieve();
  bool busy() const noexcept { return !short_.empty(); }
  // Now and then: who does not move any longer. Yields those of them that have come beyond their
  // bounds while they were waited for.
  std::vector<SubscriberId> Sweep();

 private:
  // A publisher at the core that serves it.
  struct Feeder {
    Side side{};
    CoreId core{};
    std::uint64_t publisher = 0;
    auto operator<=>(const Feeder&) const = default;
  };
  struct Feeders {
    absl::btree_set<Feeder> all;
    std::vector<Feeder> in_turn;  // the same, as they came
  };

  std::size_t MarkMessages() const noexcept;
  std::size_t MarkBytes() const noexcept;
  bool IsShort(const SessionQueue& queue) const noexcept;
  bool IsBeyondBound(const SessionQueue& queue) const noexcept;
  bool WaitsForPeer(Session& session) const;
  bool FindFeeder(const MessageFields& fields, Feeder& feeder) const;
  void NoteMove(Session& session);
  void End(Session& session);
  void TellCores(bool congested);
  void Release(Feeders& feeders, std::size_t count);
  void SetBrake(const Feeder& feeder, bool on);

  ShardContext& context_;
  PeerStream& peer_;
  Brakes& brakes_;
  const SessionTable& sessions_;
  absl::btree_map<SubscriberId, Feeders> congested_;    // all sessions that are
  absl::btree_set<SubscriberId> short_;                 // those whose queues are short again
  absl::btree_map<Feeder, std::uint32_t> sessions_of_;  // how many of them each feeds
};

}  // namespace tandem::broker
