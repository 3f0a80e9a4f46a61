// Messages to the sessions of this core: straight to the wire, into the queue, or dropped by rule.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "engine/base/block_cache.h"
#include "engine/broker/congestion.h"
#include "engine/broker/peer_record.h"
#include "engine/broker/peer_stream.h"
#include "engine/broker/publish_sender.h"
#include "engine/broker/session.h"
#include "engine/broker/session_teller.h"
#include "engine/broker/shard_context.h"

namespace tandem::broker {

// One per shard.
class Delivery {
 public:
  Delivery(ShardContext& context, const PeerStream& peer, SessionTeller& teller,
           Congestion& congestion) noexcept
      : context_(context),
        peer_(peer),
        teller_(teller),
        congestion_(congestion),
        sender_(context) {}

  struct Form {
    mqtt::QoS qos{};  // already the lower one of publish and subscription
    bool retain = false;
    bool stored = false;  // comes from the retained messages, not from a publisher just now
    std::span<const std::uint32_t> identifiers;  // Subscription Identifiers, none 0
    bool steps_alone = false;                    // as in RouteTerms, in the present epoch
    IntrusivePtr<SharedKey> group;               // set if the session was chosen as a member
    std::uint16_t lender = 0;                    // as in OutboundMessage
  };

  // `reaches_owners`: the message may come to the other node, so to the owners of copies here.
  void BeginRouting(bool reaches_owners) noexcept {
    sender_.ForgetFrames();
    reaches_owners_ = reaches_owners;
  }

  // QoS 0: to the connection if there is one that keeps up. QoS 1 and 2: into the queue, and on to
  // the connection as far as Receive Maximum and its bytes allow. False if the queue's bound says
  // that the session's connection must be closed. A session that is mirrored here keeps QoS 1 and 2
  // until its owner says where they stand.
  bool Deliver(Session& session, RoutedMessage& message, const Form& form);

  // The places that the message of the present routing has got on the other node: a copy that gets
  // the message takes out its own, if nothing waits in front of it. Null: none are known.
  void SetArriving(BlockVector<QueuePlace>* places) noexcept { arriving_ = places; }
  // What a copy's queue gets for `place`, still without the message.
  static OutboundMessage OutboundAt(const QueuePlace& place);

  // Whether the session's client, if it is there, takes a packet of this size [MQTT-3.1.2-24].
  bool Fits(const Session& session, const MessageFields& fields, const Form& form);
  // Messages of shared groups that their members' clients cannot take after all, since the last
  // call: another member may (A27).
  struct Unfit {
    IntrusivePtr<SharedKey> group;
    MessagePtr message;
  };
  std::vector<Unfit> TakeUnfit() { return std::exchange(unfit_, {}); }

  // Sends from the queue what the connection can take. Call it when acknowledgements or sent bytes
  // made room.
  void Pump(Session& session);
  // Sessions whose next QoS 2 packet waited for the other node (OutboundMessage::record), since the
  // last call.
  std::vector<SubscriberId> TakeWaiting() { return std::exchange(waiting_, {}); }
  // The same for one that is to give messages back, which are not safe there yet.
  void Await(SubscriberId session) { waiting_.push_back(session); }
  // Clients that are not read although they have something to acknowledge now, since the last call.
  std::vector<ConnectionId> TakePausedReceivers() { return std::exchange(paused_receivers_, {}); }
  // Queues a message that came to the session while it was mirrored here.
  void Enqueue(Session& session, OutboundMessage message, bool crosses);
  // Where messages and places of a mirrored session wait for one another.
  MessageJoin& NeedJoin(Session& session);
  // So EachJoin comes by.
  void Watch(SubscriberId session) { joins_.push_back(session); }
  // keep(SubscriberId) for each session that may have one; false: it has none any longer.
  template <class Fn>
  void EachJoin(Fn&& keep) {
    std::erase_if(joins_, [&](SubscriberId id) { return !keep(id); });
  }
  // The message has come for which `place` was kept.
  void Fill(Session& session, const MessageJoin::Unfilled& place, const MessagePtr& message);
  // Records of the other node that are applied now because their messages have come, since the last
  // call.
  std::vector<PeerOrigin> TakeJoined() { return std::exchange(joined_, {}); }

 private:
  bool Keep(Session& session, RoutedMessage& message, const Form& form);
  bool KeepForOwner(Session& session, RoutedMessage& message, const Form& form);
  bool PutInPlace(Session& session, RoutedMessage& message);
  bool MayGo(const Session& session, const OutboundMessage& next);
  void Push(Session& session, OutboundMessage&& message);
  bool MakeRoom(Session& session, const MessageFields& fields, std::size_t bytes, bool stored);
  bool MakeRoomInFull(Session& session, std::size_t bytes);
  void CountDropped(metrics::DropReason reason, const OutboundMessage& message);
  void SendQueued(Session& session, Client& client);
  bool SendNext(Session& session, Client& client, OutboundMessage& next);

  ShardContext& context_;
  const PeerStream& peer_;
  SessionTeller& teller_;
  Congestion& congestion_;
  PublishSender sender_;
  bool reaches_owners_ = false;
  BlockVector<QueuePlace>* arriving_ = nullptr;
  std::vector<SubscriberId> waiting_;
  std::vector<ConnectionId> paused_receivers_;
  std::vector<PeerOrigin> joined_;
  std::vector<SubscriberId> joins_;
  std::vector<Unfit> unfit_;
};

}  // namespace tandem::broker
