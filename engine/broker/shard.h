// One core's share of the broker: the sessions whose client ids have their home here, their
// connections, subscriptions and messages. Takes events, returns effects; owns no socket, no
// thread, no clock and no random source, so the same class runs in production (engine/node executes
// the effects) and in a simulated world.
//
// How it is driven: SetTime, then any events, then the effects in outbox() are executed and it is
// cleared, any number of times; EndTurn once per turn of the core's loop, and its effects executed
// too. Views passed to an event must stay valid until its effects have been executed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/inlined_vector.h"
#include "engine/base/strings.h"
#include "engine/broker/brakes.h"
#include "engine/broker/commit_gate.h"
#include "engine/broker/congestion.h"
#include "engine/broker/core_message.h"
#include "engine/broker/delivery.h"
#include "engine/broker/exposure.h"
#include "engine/broker/frontier.h"
#include "engine/broker/lent_messages.h"
#include "engine/broker/memory_use.h"
#include "engine/broker/peer_stream.h"
#include "engine/broker/replicator.h"
#include "engine/broker/retained_budget.h"
#include "engine/broker/retained_fetcher.h"
#include "engine/broker/retained_store.h"
#include "engine/broker/router.h"
#include "engine/broker/session_table.h"
#include "engine/broker/session_teller.h"
#include "engine/broker/shard_context.h"
#include "engine/broker/subscription_trie.h"
#include "engine/broker/system_topics.h"
#include "engine/broker/takeover_guard.h"
#include "proto/mqtt/decoder.h"

namespace tandem::broker {

struct ShardOptions {
  CoreId core{};
  std::uint16_t cores = 1;
  tandem::NodeId node{};
  Incarnation incarnation{};
  bool has_partner = false;  // configured; whether it is there or not
  // Client ids that the broker assigns start with this; different on both nodes and in each run
  // (3.1.3.1).
  std::string assigned_id_prefix = "auto-";
  // Of all cores of the node; without, the core is alone with what the configuration allows.
  std::shared_ptr<RetainedBudget> retained_budget;
};

class Shard final : public ReplicatorEvents {
 public:
  Shard(const ShardOptions& options, const BrokerConfig& config, metrics::BrokerMetrics& metrics);
  ~Shard() override;

  void SetTime(const Now& now) noexcept { context_.now = now; }
  Outbox& outbox() noexcept { return context_.outbox; }

  // Whether clients are served: while not, CONNECT is answered with 0x88 Server unavailable.
  void SetServing(bool serving) noexcept { serving_ = serving; }
  // While another core is slow to take what this one routes to it (kMailBytesMax), whoever
  // publishes is read no more (O5).
  void SetMailFull(bool full);

  // Clients. `OnOpened` for each connection that this core reads; if its CONNECT turns out to be
  // another core's
  // (`HomeOf`), the node moves it there: OnDetached here, OnOpened there.
  void OnOpened(ConnectionId id, std::uint32_t listener, Admission admission = Admission::kGranted);
  void OnDetached(ConnectionId id);
  // `block`: if set, the whole packet stands in it, and messages may hold it.
  void OnPacket(ConnectionId id, const mqtt::Packet& packet, Buffer* block = nullptr);
  void OnMalformed(ConnectionId id, const mqtt::DecodeResult& result);
  // The kernel took `bytes` of what was sent to it.
  void OnSent(ConnectionId id, std::size_t bytes);
  // The connection is gone; `reason` says how, unless the shard closed it itself.
  void OnClosed(ConnectionId id, metrics::CloseReason reason);
  // Ends all connections of clients: 0x8B for MQTT 5, a plain close for the others. While the other
  // node has copies of the sessions, their wills wait there for the clients to come back (P8).
  void DisconnectAll(mqtt::ReasonCode code, metrics::CloseReason reason, std::string_view why = {});
  // Maintenance (O2): while draining, CONNECT is answered with 0x9C Use another server, and
  // MoveAway sends clients to the other node in the same words.
  void SetDraining(bool draining) noexcept { draining_ = draining; }
  // Begins to move `count` more clients and ends those that are owed nothing any more: what they
  // had sent is acknowledged, and no packet is cut. Wills wait for the clients as when a node dies.
  // True if some stay. Call again as acknowledgements come in.
  bool MoveAway(std::size_t count);

  // The value of a topic below $SYS is another one: each core of the node is told.
  void PublishSystem(const SystemTopic& system);

  // Other cores of this node.
  void OnCoreMessage(CoreId from, CoreMessage message);

  // The other node.
  void OnPeerUp(const PeerEpoch& epoch) override;
  void OnPeerDown() override;
  void OnPeerHeld() override { held_ = true; }
  void OnClientsTaken(bool taken) override;
  void OnClientsWait(bool wait) override { clients_wait_ = wait; }
  bool clients_wait() const noexcept { return clients_wait_; }
  void OnPeerRecord(CoreId stream, std::uint64_t number, PeerRecord&& record) override;
  void OnPeerApplied(std::uint64_t number) override;

  void Tick();  // fires what is due at the time set
  MonoNs NextDeadline() const noexcept {
    return clients_wait_ ? kNever : context_.timers.NextDeadline();
  }
  void EndTurn();
  // What EndTurn would tell the other node of messages that are done; earlier, so that it has
  // company.
  void TellProgress() { teller_.FlushProgress(); }
  // There is more to do at once (a snapshot, retained messages to look through, publishers that may
  // go on): do not sleep.
  bool busy() const noexcept {
    return (snapshot_.active && !snapshot_.told && peer_.backlog_bytes() < kSnapshotWindowBytes) ||
           fetcher_.busy() || congestion_.busy();
  }

  // The core of a node with `cores` cores where the session of `client_id` lives.
  static CoreId HomeOf(std::string_view client_id, std::uint16_t cores) noexcept;

  MemoryUse memory() const;
  // What the shard had written by now is with the kernel.
  void NoteFlushed(MonoNs now) { context_.written.Flush(now, context_.metrics); }

  // For metrics and tests.
  const SubscriptionTrie& trie() const noexcept { return trie_; }
  const RetainedStore& retained() const noexcept { return retained_; }
  const SessionTable& sessions() const noexcept { return sessions_; }
  const Exposure& exposure() const noexcept { return exposure_; }
  // What has come of the last merge on this core, once.
  std::optional<MergeReport> TakeMerge() { return context_.merge.Take(); }
  // Copies that were found to differ, some of them if there are many; once.
  std::vector<CopyMismatch> TakeCopyMismatches() { return std::exchange(mismatches_, {}); }
  std::size_t connections() const noexcept { return connections_; }

 private:
  static constexpr std::size_t kSnapshotWindowBytes = 256 * 1024;

  // What becomes of the will when its client's connection ends.
  enum class WillRule : std::uint8_t {
    kDrop,  // the client said so
    kDue,   // after its delay
    kWait,  // we ended the connection: after its delay, but not before the grace of a client that
            // moves
  };

  // A packet that waits in the commit gate. A CONNACK stands for the whole rest of a connect and
  // has no bytes yet.
  struct HeldPacket {
    ConnectionId connection{};
    mqtt::PacketType type{};
    std::uint8_t ack_qos = 0;  // 1, 2: the PUBACK or PUBREC of a publish that came at `since`
    bool ends_flow = false;    // the client's publish is done with: its quota comes back
    MonoNs since = 0;
    absl::InlinedVector<std::uint8_t, 16> bytes;
    std::vector<std::uint64_t> fetches;  // SUBACK: retained messages to begin with
  };
  // A publisher whose brake is on (Client::slowed).
  struct Slowed {
    MonoNs since = 0;
    // PUBACKs and PUBRECs whose positions are reached; at most what the client may have
    // unacknowledged.
    std::vector<HeldPacket> withheld;
  };
  // A core that handed a message to a member of a shared group here, and waits until it is safe.
  struct HeldAnswer {
    CoreId core{};
    std::uint64_t number = 0;
  };

  // What a client's absence makes due waits: it can't come back just now, or has had no time to.
  bool AbsenceWaits() const noexcept {
    return held_ || clients_wait_ || !takes_clients_ || context_.now.mono_ns < absence_waits_until_;
  }

  // Finding things.
  Client* FindClient(ConnectionId id) const noexcept;
  Client* ConnectedClient(ConnectionId id) const noexcept;
  // Beyond what the operator allows (mqtt.max_topic_levels).
  bool HasTooManyLevels(std::string_view topic) const noexcept;

  // shard_connect.cc: CONNECT, claims, takeover, sessions' beginnings and ends
  void OnConnect(Client& client, const mqtt::ConnectView& connect);
  bool CheckConnect(Client& client, const mqtt::ConnectView& connect);
  void TakeConnect(Client& client, const mqtt::ConnectView& connect);
  void Claim(Client& client);
  void CompleteWhenRouted(Client& client, bool moved);
  void CompleteConnect(Client& client);
  void SendConnack(Client& client, const PendingConnect& pending, bool session_present);
  void Refuse(Client& client, mqtt::ReasonCode code, metrics::RefuseReason reason,
              std::string_view why);
  void SupersedeLocal(std::string_view client_id, const Client* newer);
  void SupersedeClient(Session& session, metrics::TakeoverFrom from);
  bool ForgetOver(std::string_view client_id, bool clean_start);
  void Detach(Client& client, WillRule rule);
  void BeginLeaving(Client& client);
  void EndSession(Session& session, bool publish_will);
  void StartAwayTimers(Session& session);
  void SetMembersOnline(Session& session, bool online);
  void GiveBackGroupMessages(Session& session, bool also_sent);
  void LeaveGroups(Session& session);
  void PublishWill(Session& session);
  void OnDisconnect(Client& client, const mqtt::DisconnectView& disconnect);

  // shard_publish.cc
  void OnPublish(Client& client, const mqtt::PublishView& publish, Buffer* block);
  bool ResolveTopic(Client& client, const mqtt::PublishView& publish, std::string_view& topic);
  bool CheckPublish(Client& client, const mqtt::PublishView& publish, std::string_view topic);
  bool IsRepeated(const Client& client, const mqtt::PublishView& publish) const;
  MessageFields FieldsOf(const Client& client, const mqtt::PublishView& publish,
                         std::string_view topic, Buffer* block);
  void AcceptPublish(Client& client, MessageFields fields, mqtt::PacketId packet_id,
                     const Retaining& retaining);
  void DenyPublish(Client& client, const mqtt::PublishView& publish);
  void Acknowledge(Client& client, mqtt::PacketType type, mqtt::PacketId id, mqtt::ReasonCode code,
                   const CommitPosition& position, std::uint8_t ack_qos, bool ends_flow);
  void OnAck(Client& client, const mqtt::AckView& ack);
  void OnPubrel(Client& client, const mqtt::AckView& ack);
  void CloseOverflowed();
  void CloseOverflowed(SubscriberId id);

  // shard_flow.cc: publishers that are made to wait
  void UpdateReading(Client& client);
  void Throttle(Client& client);
  void Unthrottle();
  void SlowDown(Client& client);
  void WriteUnlessBraked(Client& client, HeldPacket packet);
  void GoOn(Client& client);
  void ForgetSlowed(Client& client);
  void ReleaseSlowed();
  void ForgetBrakesOfPeer();

  // shard_retain.cc
  struct Room {
    enum Answer : std::uint8_t { kYes, kNo, kAsk } answer = kNo;
    RetainedRoom held;  // kYes: taken out of the budget for it
  };
  Room RoomFor(const MessageFields& fields);
  void AskForRoom(Client& client, const MessageFields& fields, mqtt::PacketId packet_id);
  void OnRoomReply(const RoomReply& reply);
  void RefuseRetained(Client& client, const MessageFields& fields, mqtt::PacketId packet_id);
  void AnswerRefused(Client& client, mqtt::QoS qos, mqtt::PacketId packet_id,
                     mqtt::ReasonCode code);

  // shard_subscribe.cc
  void OnSubscribe(Client& client, const mqtt::SubscribeView& subscribe);
  bool ClosesOnInvalidFilter(const Client& client) const noexcept;
  mqtt::ReasonCode CheckFilter(const mqtt::SubscribeEntry& entry) const;
  void Subscribe(Session& session, std::string_view filter, const SubscriptionState& state);
  bool Unsubscribe(Session& session, std::string_view filter, Hlc at = 0);
  void RememberUnsubscribed(Session& session, std::string_view filter, Hlc at);
  void ForgetUnsubscribed();
  void OnUnsubscribe(Client& client, const mqtt::UnsubscribeView& unsubscribe);
  void AnnounceInterest(std::string_view filter, bool wanted);
  void AnnounceGroup(std::string_view filter, std::string_view share_name,
                     const MemberCounts& counts);

  // shard_peer.cc
  void ApplyRecord(PeerRecord&& record, const PeerOrigin& origin);
  void ApplyOrder(const SessionOrderRecord& order, const PeerOrigin& origin);
  void RelayToAll(const PeerRecord& record, const PeerOrigin& origin);
  void RelayOrApply(std::string_view client_id, PeerRecord&& record, const PeerOrigin& origin);
  void ApplyAtHome(PeerRecord&& record, const PeerOrigin& origin);
  void OnClaim(const ClaimRecord& claim);
  void EndOlder(const ClaimRecord& note);
  void RetryClaims();
  bool IsNewerHere(const ClaimRecord& claim, Hlc connected_at) const noexcept;
  bool LosesTo(const ClaimRecord& claim) const;
  void OnClaimReply(const ClaimReplyRecord& reply);
  void WithdrawClaim(std::string_view client_id);
  void NoteRelay(CoreId from, const PeerOrigin& origin, std::uint32_t parts);
  void AnswerRelays();
  void LetGo(const PeerOrigin& origin);
  void ConfirmMirrored();
  void MirroredReached(CoreId stream, std::uint64_t number);
  void ReleaseAnswers();
  void ResumeWaiting();
  void BeginEpoch(const PeerEpoch& epoch);
  bool HaveAllBegun() const noexcept;
  void NoteBegun(CoreId core);
  void ReachPeerDown(std::uint64_t epoch, PeerDownStep step);
  void ForgetSparesThere();
  void WindUpEpoch();
  void TakeSessionsOver();
  void FinishPeerDown();
  void PumpSnapshot();
  void EndSnapshot();
  void NoteCovered();
  void SnapshotSession(SubscriberId id);
  void Tell(Session& session);

  // shard_mirror.cc: the copies of sessions that the other node owns
  Session& CreateMirror(std::string_view client_id);
  void Follow(const SessionRecord& record);
  void GiveWay(Session& session);
  void FinishGivingWay();
  void StopGivingWay(Session& session);
  void TellWayGiven(Session& session);
  void FollowHead(Session& session, const SessionRecord& record);
  void Follow(const SessionSubscriptionRecord& record, CoreId stream);
  void ConfirmFollowed();
  void FollowUnsubscribe(Session& session, std::string_view filter);
  void Follow(SessionMessageRecord record);
  void Follow(const SessionOrderRecord& record, const PeerOrigin& origin);
  void FollowPlace(Session& session, const MessageId& id, const QueuePlace& place,
                   const PeerOrigin& origin);
  void OnSpareWanted(CoreId from, SpareWanted wanted);
  void GiveSpare(LentMessages::Place place, MessagePtr message);
  void OnSpareGiven(const SpareGiven& given);
  void KeepSpares(const PublishRecord& record, const PeerOrigin& origin);
  void ReturnSpare(CoreId keeper, LentReturned returned);
  void Follow(const SessionMissingRecord& record);
  void Follow(const SessionProgressRecord& record);
  void Follow(const SessionReceivedIdRecord& record);
  void Follow(const SessionAwayRecord& record);
  void FollowWillDone(std::string_view client_id);
  void FollowEnd(std::string_view client_id);
  bool MergeSession(Session& session, const SessionRecord& record);
  void BeginAnew(Session& session, Hlc started_at);
  void MergeSubscription(Session& session, const SessionSubscriptionRecord& record);
  void MergeMessage(Session& session, SessionMessageRecord record);
  void MergeProgress(Session& session, const SessionProgressRecord& record);
  void DiscardUnfilled(Session& session);
  void Promote(Session& session, bool owner_lives);
  void Demote(Session& session);
  static void Fork(Session& session);
  static void Unfork(Session& session);
  void FreeForkedIds(Session& session);
  void ForgetContent(Session& session);
  void LetPlacesGo(MessageJoin& join);
  void CountOwned(const Session& session, std::int64_t sign);
  void HoldBack(const PeerOrigin& origin);
  void NoteHandedOver(Session& session, const std::vector<std::uint64_t>& routed);
  void RepairJoins();
  void RepairJoin(Session& session);

  // shard_copies.cc: whether the copies are like what they are copies of
  void CheckCopies();
  void PlanChecks(MonoNs delay);
  std::size_t CheckCopy(const CopyChecks::Check& check);
  bool IsClaimed(const std::string& client_id) const;
  void TellAgain(Session& session);
  void Follow(const SessionHashRecord& record);
  void NoteMismatch(CopyMismatch mismatch);
  void AskAgain(const std::string& client_id, bool missing);
  void Follow(const SessionAgainRecord& record);
  void BeginRepair(Session& session, const SessionRecord& record);
  void FinishRepair(Session& session);

  // shard.cc
  void OnTimer(std::uint64_t cookie);
  bool WaitsForClaim(const Session& session, reactor::TimerId& timer, std::uint64_t cookie);
  void OnClientTimer(Client& client);
  // Sends DISCONNECT (MQTT 5, if `code` is one) and closes; the session lives on by its own rules.
  void Disconnect(Client& client, mqtt::ReasonCode code, metrics::CloseReason reason,
                  std::string_view why, WillRule rule = WillRule::kDue);
  void Close(Client& client, metrics::CloseReason reason, bool reset = false);
  // Sends now, or when `position` is reached and everything held before it has gone out.
  bool MayGoAtOnce(const Client& client, const CommitPosition& position) const;
  void NoteWritten(Client& client, const HeldPacket& packet);
  void SendGated(Client& client, const CommitPosition& position, HeldPacket packet);
  void ReleaseHeld();
  void Write(Client& client, const HeldPacket& packet);
  void FindFittingMembers();
  void CountRetained();
  void LogAccess(AccessEvent event);

  ShardContext context_;
  bool has_partner_;
  bool serving_ = true;
  bool draining_ = false;
  bool held_ = false;          // from OnPeerHeld to OnPeerDown
  bool takes_clients_ = true;  // OnClientsTaken
  bool clients_wait_ = false;  // OnClientsWait
  MonoNs absence_waits_until_ = 0;
  std::string assigned_id_prefix_;
  std::uint64_t assigned_ids_ = 0;
  bool mail_full_ = false;
  std::uint64_t messages_ =
      0;  // numbers the identities of messages taken from clients of this core

  SubscriptionTrie trie_;
  SessionTable sessions_;
  std::shared_ptr<RetainedBudget> retained_budget_;
  RetainedStore retained_;
  TakeoverGuard takeovers_;
  PeerStream peer_;
  SessionTeller teller_;
  LentMessages lent_;
  Brakes brakes_;
  Congestion congestion_;
  Delivery delivery_;
  Router router_;
  RetainedFetcher fetcher_;

  std::vector<std::unique_ptr<Client>> clients_;  // by the slot of the ConnectionId
  std::size_t connections_ = 0;
  StringMap<ConnectionId> claiming_;  // client ids of connections in stage kClaiming
  // Of sessions that the other node had, too, and has not told to the end: then they may be taken
  // from here.
  std::vector<ClaimRecord> postponed_claims_;
  std::vector<std::string> giving_way_;  // client ids of sessions that do (GivingWay)
  StringMap<Hlc> unanswered_;            // the last claims that the other node has not answered
  std::vector<ConnectionId> throttled_;  // paused until the backlog to the other node is smaller
  absl::btree_map<ConnectionId, Slowed> slowed_;
  ByteBuffer scratch_;                   // properties of the publish at hand
  std::vector<mqtt::ReasonCode> codes_;  // of the SUBACK at hand

  CommitGate<HeldPacket> gate_;
  CommitGate<HeldAnswer> answers_;
  CommitGate<MirroredRecord> mirroring_;  // of copies here, until all cores know what they want
  // Publishers of which another core is telling the other node a packet id (RouteMessage::step),
  // and what it answers then.
  std::vector<std::pair<std::string, std::uint64_t>> handed_steps_;
  CommitPosition interest_;  // the last interest change of this core: what a SUBACK waits for
  std::vector<std::uint64_t>
      interest_applied_;  // by core: how far it has applied this core's interest changes
  std::vector<std::uint64_t>
      interest_seen_;  // by core: the last interest change of its that we applied,
  std::vector<std::uint64_t> interest_answered_;  // and that we have told it so
  // By core: up to which of its clients' messages it has routed here what is wanted here.
  std::vector<std::uint64_t> routed_here_;
  std::vector<EmptiedBatches> emptied_;  // by core: batches of its that were read here
  Frontier mirrored_;  // by core of the other node: which subscriptions its copies follow
  // What another core has relayed here of one stream of the other node, and what of that it was
  // told to be applied: all below `number`, and so many messages of that one.
  struct RelayedProgress {
    std::uint64_t number = 0;
    std::uint32_t parts = 0;
    friend auto operator<=>(const RelayedProgress&, const RelayedProgress&) = default;
  };
  struct Relayed {
    CoreId from{};
    std::uint64_t epoch = 0;
    RelayedProgress seen;
    RelayedProgress answered;
    absl::btree_multiset<std::uint64_t> held_back;
  };
  std::vector<Relayed> relayed_;  // by stream
  // Streams of the other node that arrive here: answers to be given when everything before them is
  // applied on every core of this node.
  struct Confirmation {
    CoreId stream{};
    std::uint64_t number = 0;  // of the record that brought it
    MirroredRecord record;
  };
  std::vector<Confirmation> confirmations_;
  // The other node is gone, and other cores may still bring what it sent before.
  struct Leaving {
    bool active = false;
    std::uint64_t epoch = 0;
    PeerDownStep step{};            // that this core has taken, and waits for the others to take
    bool was_told = false;          // the other node had all that this core told at its beginning
    std::optional<PeerEpoch> next;  // that begins behind it
  };
  Leaving leaving_;
  std::vector<std::pair<std::uint64_t, PeerDownStep>> gone_;  // by core: the last that it said
  // Cores that have begun the present epoch, a bit each. What a core routed before may be for a
  // session that the other node turns into a copy, so nothing from there is applied before all
  // have.
  std::uint64_t begun_ = 0;
  // Of the next epoch, while the last one is being wound up, or of one that some core has not
  // begun.
  struct EarlyRecord {
    CoreId stream{};
    std::uint64_t number = 0;
    PeerRecord record;
  };
  std::vector<EarlyRecord> early_records_;
  // The same from cores that are ahead; in order, per core.
  std::vector<std::pair<CoreId, CoreMessage>> early_;

  struct Snapshot {
    bool active = false;
    std::size_t session_slot = 0;  // next session to tell
    std::string retained_after;
    bool told = false;           // all of it; waits until the copies are routed to
    std::uint64_t mirrored = 0;  // that the last copy follows (Frontier mirrored_)
    std::uint64_t cores = 0;     // bit: that core has said so of its own (CopiesRouted)
  };
  Snapshot snapshot_;
  MonoNs check_copies_at_ = 0;  // 0: not planned
  std::vector<CopyMismatch> mismatches_;
  std::uint64_t snapshot_end_ = 0;  // number of the record that ended it; 0: not yet, or applied
  Exposure exposure_;
  bool covered_ = false;  // the other node has applied all that this core had to tell
  // What sessions of this core have unsubscribed from, and the other node has not applied.
  struct Unheard {
    std::uint64_t number = 0;  // of the record that says so
    std::string client_id;
    std::string filter;
    Hlc at = 0;
  };
  RingQueue<Unheard> unheard_;
  std::int64_t retained_messages_counted_ = 0;  // as the metrics have them
  std::int64_t retained_bytes_counted_ = 0;
  std::uint64_t deletions_counted_ = 0;
};

}  // namespace tandem::broker
