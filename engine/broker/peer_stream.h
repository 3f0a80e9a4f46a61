// This core's stream of records to the other node, and the bookkeeping of what arrived from there:
// numbers, backlog, and when a record of the other node counts as applied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_set.h"
#include "engine/base/ring_queue.h"
#include "engine/broker/core_message.h"
#include "engine/broker/replicator.h"
#include "engine/broker/shard_context.h"

namespace tandem::broker {

// One per shard. While the other node is away nothing is appended.
class PeerStream {
 public:
  explicit PeerStream(ShardContext& context) : context_(context) {}

  void Up(const PeerEpoch& epoch);
  void Down();
  bool up() const noexcept { return up_; }
  const PeerEpoch& epoch() const noexcept { return epoch_; }

  // Appends and yields the record's number: what a gated packet waits for. Only while up.
  std::uint64_t Append(PeerRecord&& record);
  std::uint64_t last_number() const noexcept { return number_; }
  // The other node has applied this core's records up to `number`. False if it says so of records
  // that it was never sent.
  bool Applied(std::uint64_t number);
  std::uint64_t applied() const noexcept { return applied_; }
  // Record `number` ends what this core had to tell when the epoch began.
  void SnapshotSent(std::uint64_t number) noexcept { snapshot_end_ = number; }
  // Whether the other node has applied all of that.
  bool snapshot_applied_there() const noexcept {
    return snapshot_end_ != 0 && applied_ >= snapshot_end_;
  }
  // The same numbers in a sequence that goes on over all epochs; what an epoch that has ended left
  // behind counts as reached.
  std::uint64_t Position(std::uint64_t number) const noexcept { return base_ + number; }
  bool IsReached(std::uint64_t position) const noexcept { return position <= base_ + applied_; }
  // Of records not yet applied there.
  std::size_t backlog_bytes() const noexcept { return backlog_bytes_; }

  // The snapshot of the other node's core `stream` has been applied on this core.
  void SnapshotApplied(CoreId stream) noexcept { told_ |= std::uint64_t{1} << Index(stream); }
  // Whether this core has heard of all that the other node wants. Until then that is anything.
  bool knows_interest() const noexcept {
    return told_ == (std::uint64_t{1} << (epoch_.peer_cores - 1) << 1) - 1;
  }

  // A record of the other node's core `stream` arrived here.
  PeerOrigin Received(CoreId stream, std::uint64_t number);
  // It concerns `core` of this node too, which will answer with RelayedApplied. Once per message
  // that goes there: a record is applied when all its parts are.
  void RelayedTo(CoreId core, const PeerOrigin& origin);
  void AppliedAt(CoreId core, const RelayedApplied& answer);
  // Record `number` is not applied until LetGo, although it has been handled.
  void HoldBack(const PeerOrigin& origin);
  void LetGo(const PeerOrigin& origin);
  // Up to here everything of `stream` is applied on every core of this node that it concerns.
  std::uint64_t AppliedHere(CoreId stream) const;
  // Emits the acknowledgements that have become due. Once per turn.
  void Acknowledge();

 private:
  // A record that went to another core, in so many messages, and is not known to be applied there.
  struct Relayed {
    std::uint64_t number = 0;
    std::uint32_t parts = 0;
  };
  // What one core of the other node has sent here.
  struct Incoming {
    std::uint64_t received = 0;
    std::uint64_t acknowledged = 0;
    std::vector<RingQueue<Relayed>> relayed;  // by core of this node
    absl::btree_multiset<std::uint64_t> held_back;
  };

  ShardContext& context_;
  bool up_ = false;
  PeerEpoch epoch_;
  std::uint64_t told_ = 0;  // cores of the other node whose snapshots are applied, a bit each
  std::uint64_t base_ = 0;  // records of all epochs before
  std::uint64_t number_ = 0;
  std::uint64_t applied_ = 0;
  std::uint64_t snapshot_end_ = 0;  // 0: not sent yet
  RingQueue<std::uint32_t> sizes_;  // of records applied_ + 1 .. number_, in bytes
  std::size_t backlog_bytes_ = 0;
  std::vector<Incoming> incoming_;  // by core of the other node
  bool changed_ = false;
};

}  // namespace tandem::broker
