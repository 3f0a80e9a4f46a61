// The port through which one core of the broker talks to the other node. The broker numbers records
// and decides what must wait for them; whoever implements this carries them, in order and once,
// over a link that may break and come back. cluster/ implements it in production, tests/simulation
// in a simulated world.
#pragma once

#include <cstdint>

#include "engine/base/ids.h"
#include "engine/broker/peer_record.h"

namespace tandem::broker {

// A pairing of two running nodes. Streams start at number 1 in each epoch; what belongs to an older
// one is dropped.
struct PeerEpoch {
  std::uint64_t epoch = 0;
  tandem::NodeId self{};
  tandem::NodeId peer{};
  Incarnation self_incarnation{};
  Incarnation peer_incarnation{};
  std::uint16_t peer_cores = 1;
  bool brakes = false;  // the partner knows BrakeRecord
  // The partner knows PublishRecord::spares and what belongs to them.
  bool group_spares = true;
  bool merge_reports = true;     // the partner knows ApartRecord
  bool copy_hashes = true;       // the partner knows SessionHashRecord and SessionAgainRecord
  bool routed = true;            // the partner knows ClaimReplyRecord::routed
  bool placed_publishes = true;  // the partner knows PublishRecord::places
};

// From the core to the other node. All calls on the core's thread.
class Replicator {
 public:
  virtual ~Replicator() = default;
  // Appends to this core's stream; `number` is one above the last one's. Kept until applied there,
  // resent if the link breaks.
  virtual void Append(std::uint64_t number, PeerRecord&& record) = 0;
  // All records of the other node's stream `stream` up to `number` have been applied on every core
  // of this node they concern. Cumulative.
  virtual void Acknowledge(CoreId stream, std::uint64_t number) = 0;
};

// From the other node to the core. All calls on the core's thread.
class ReplicatorEvents {
 public:
  virtual ~ReplicatorEvents() = default;
  // The other node is there, in a new epoch: streams begin at 1 in both directions, and the core
  // owes it a snapshot of what it must know. Never called twice without OnPeerDown in between.
  virtual void OnPeerUp(const PeerEpoch& epoch) = 0;
  // The other node counts as gone: nothing waits for it any longer.
  virtual void OnPeerDown() = 0;
  // The other node is lost from sight, and it is not decided whether this one may go on: until
  // OnPeerDown nothing is applied there, and what the absence of a client makes due waits.
  virtual void OnPeerHeld() = 0;
  // Whether clients are taken, as far as the pair is concerned; those that are here when they no
  // longer are go to the other node. Taken at first.
  virtual void OnClientsTaken(bool taken) = 0;
  // Whether clients wait, unread: this core stood still, so they may be the other node's by now.
  // Until it is known, what the absence of a client makes due waits, too.
  virtual void OnClientsWait(bool wait) = 0;
  // Record `number` of the other node's core `stream`, in order, once. Streams of several cores may
  // arrive here.
  virtual void OnPeerRecord(CoreId stream, std::uint64_t number, PeerRecord&& record) = 0;
  // The other node has applied this core's records up to `number`. Cumulative.
  virtual void OnPeerApplied(std::uint64_t number) = 0;
};

}  // namespace tandem::broker
