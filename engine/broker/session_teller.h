// Tells the other node what becomes of the sessions that this core owns, so that its copies follow:
// the same queue in the same order on both nodes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/block_cache.h"
#include "engine/broker/copy_checks.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_record.h"
#include "engine/broker/peer_stream.h"
#include "engine/broker/session.h"
#include "engine/broker/session_table.h"
#include "engine/broker/shard_context.h"

namespace tandem::broker {

// Whether the copies on the other node get a message by its routing there.
enum class Crossing : std::uint8_t {
  kNo,
  kYes,
  kPerhaps,  // they did not if they had not been told yet what to take
};

// One per shard. What yields a number yields that of the record in this core's stream, which a
// packet that promises the change must wait for; 0 if nobody follows.
class SessionTeller {
 public:
  SessionTeller(ShardContext& context, PeerStream& peer, const SessionTable& sessions)
      : context_(context), peer_(peer), sessions_(sessions) {}

  // Whether the other node has a copy of the session, which must follow.
  bool IsFollowed(const Session& session) const noexcept {
    return session.told_epoch != 0 && peer_.up() && session.told_epoch == peer_.epoch().epoch;
  }
  // The other node has just got an equal copy, or none is needed any longer.
  void BeginFollowing(Session& session);
  void EndFollowing(Session& session);
  // The session as it stands; from here on the copy follows. `confirm`: as in the record, of its
  // last subscription.
  void Tell(Session& session, std::uint64_t confirm);

  // What it is besides its content, for a copy that has taken a claim into account of which nothing
  // came.
  void TellHead(const Session& session);

  // What becomes of it.
  std::uint64_t Subscribed(const Session& session, std::string_view filter,
                           const SubscriptionState& state, std::uint64_t confirm);
  std::uint64_t Unsubscribed(const Session& session, std::string_view filter, Hlc at);
  std::uint64_t ReceivedId(const Session& session, std::uint16_t packet_id, bool held);
  std::uint64_t Released(const Session& session, std::uint64_t number);
  void Away(const Session& session);
  void WillDone(const Session& session);
  void Ended(const Session& session);
  // It has changed, and is told so by a record of somebody else's.
  void NoteChanged(const Session& session) { checks_.Changed(session.id); }
  CopyChecks& checks() noexcept { return checks_; }

  // The message just pushed got a place in the session's queue. If it crosses to the other node on
  // its own, its places go along with it (TakePlaces), or EndRouting names it there, for all
  // sessions at once; else it goes along with its place.
  void Placed(Session& session, std::uint64_t number);
  void PlacedWithMessage(Session& session, std::uint64_t number, bool also_routed = false);
  // The same for a member of a shared group: `keeper` of the other node keeps the spare of the
  // message, or is about to. 0: nobody does, so the message goes along.
  void PlacedInGroup(Session& session, std::uint64_t number, const IntrusivePtr<SharedKey>& group,
                     std::uint16_t keeper);
  // The places of the present routing, for the record with which the message is about to cross;
  // none if that cannot tell them.
  BlockVector<QueuePlace> TakePlaces(Crossing crossing);
  void EndRouting(const MessageId& id, Crossing crossing) {
    if (!untold_.empty() || !placed_.empty()) TellRouted(id, crossing);
  }
  // A message for a session that gives way to the other node's, which may not get it otherwise.
  void Along(const Session& session, const MessagePtr& message, mqtt::QoS qos, bool retain,
             std::span<const std::uint32_t> identifiers);
  // A QoS 2 message just pushed got a place in a session that nobody follows yet.
  void PlacedUntold(const Session& session, std::uint64_t number) {
    untold_.push_back({.session = session.id, .number = number});
  }
  // While the other node is being told what there is, a message may cross before the copy is there
  // to take it: so it goes along as well.
  void SetCopiesRouted(bool routed) noexcept { copies_routed_ = routed; }
  bool copies_routed() const noexcept { return copies_routed_; }

  // What the queues have logged as done since the last call.
  void FlushProgress();
  // A group's message of which the other node's core `keeper` - 1 has the spare is done with here.
  void Return(std::uint16_t keeper, const MessageId& message, const SharedKey& group);
  std::vector<ReturnedMessage>* returned() noexcept { return &returned_; }
  // The spares are gone with the other node.
  void ForgetReturned() noexcept { returned_.clear(); }

  // The queue's content, for a copy that asks for one message.
  void Repeat(Session& session, std::uint64_t number);

 private:
  struct NewPlace {
    SubscriberId session;
    std::uint64_t number;
    IntrusivePtr<SharedKey> group{};
    std::uint16_t keeper = 0;
  };
  bool IsNamed(const NewPlace& place, bool crosses) const noexcept;
  void TellWithMessage(const MessageId& id, const NewPlace& place, bool crosses);
  void TellRouted(const MessageId& id, Crossing crossing);
  void TellNamed(const MessageId& id, std::span<const NewPlace> places);
  BlockVector<QueuePlace> Describe(std::span<const NewPlace> places);
  SessionRecord HeadRecord(const Session& session) const;
  SessionMessageRecord MessageRecord(const Session& session, std::uint64_t number,
                                     const OutboundMessage& message) const;
  void TellDone(Session& session);
  void NameUntold(Session& session);
  void KeepUntold(const MessageId& id);

  ShardContext& context_;
  PeerStream& peer_;
  const SessionTable& sessions_;
  CopyChecks checks_;
  bool copies_routed_ = false;
  std::vector<NewPlace> placed_;         // in the present routing
  std::vector<NewPlace> untold_;         // the same, of those that are not followed
  std::vector<FinishedRange> finished_;  // by all followed queues
  std::vector<ReturnedMessage> returned_;
};

}  // namespace tandem::broker
