// A session (4.1) and the connection that may serve it, as one shard knows them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/admission.h"
#include "engine/broker/message.h"
#include "engine/broker/message_join.h"
#include "engine/broker/session_queue.h"
#include "engine/broker/subscription.h"
#include "engine/broker/will.h"
#include "engine/reactor/timer_wheel.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

struct Session;

// What CONNECT asked for, kept while the other node is asked about the client id.
struct PendingConnect {
  std::string client_id;
  bool client_id_assigned = false;
  bool clean_start = false;
  std::uint32_t session_expiry_s = 0;
  std::optional<std::uint32_t> session_expiry_told_s;  // when capped: CONNACK says so
  std::optional<std::uint16_t> keep_alive_told_s;
  std::unique_ptr<Will> will;
  bool copy_is_over = false;  // the other node was asked, and then told that the session has ended
  // For an earlier connection of the same client id the other node may have begun a copy.
  bool older_claim_granted = false;
  bool waits_for_routes = false;  // its own has been granted, in the present epoch
};

// A publish that waits until it is known whether there is room to retain it.
struct AskingPublish {
  MessagePtr message;
  mqtt::PacketId packet_id{};
};

// One client connection on its home core, from the transport's accept to its OnClosed.
struct Client {
  enum class Stage : std::uint8_t {
    kOpened,    // no CONNECT yet
    kClaiming,  // CONNECT read; the other node is asked for the client id
    kConnected,
    kClosing,  // Close() is on its way; whatever comes is ignored
  };

  ConnectionId id{};
  std::uint32_t listener = 0;
  Admission admission = Admission::kGranted;
  Stage stage = Stage::kOpened;
  mqtt::Version version = mqtt::Version::k311;
  bool problem_information = true;
  bool paused = false;     // reading stopped by us, for one of these reasons:
  bool throttled = false;  // ahead of the other node, a core, or what it may have unacknowledged
  bool slowed = false;     // its brake is on: acknowledgements wait, and mostly it is not read
  bool leaving = false;    // being moved to the other node: never read again
  Session* session = nullptr;  // while kConnected
  Hlc connected_at = 0;
  std::unique_ptr<PendingConnect> pending;
  std::unique_ptr<AskingPublish> asking;

  MonoNs last_packet_at = 0;
  MonoNs keep_alive_ns = 0;  // 1.5 times the interval; 0 = off
  reactor::TimerId timer = reactor::kNoTimer;

  std::uint32_t window = 0;  // Receive Maximum of the client, capped
  std::uint32_t packet_bytes_max = UINT32_MAX;
  std::uint32_t unacknowledged =
      0;  // QoS 1 and 2 publishes of the client that we have not answered finally
  std::size_t unsent_bytes = 0;      // handed to the core, not yet taken by the kernel
  std::vector<std::string> aliases;  // topic aliases of the client, by number - 1

  std::uint32_t held = 0;  // packets in the commit gate
};

struct SubscriptionState {
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;
  Hlc changed_at = 0;  // the SUBSCRIBE; 0: not known
};

// Which copy of a session this is: the one that serves the client and decides the order, or the one
// that follows on the other node.
enum class Role : std::uint8_t { kOwner, kMirror };

// How the queue of a connected session stands to its mark (congestion.h).
enum class CongestionState : std::uint8_t {
  kNone,
  kMoving,   // above it, or not yet well below: publishers wait
  kStalled,  // and its client does not move: nobody waits
};

// What its last owner, alive, had routed to a session when it handed the session over to this node.
// A message that it passed over (a subscription came, or went, just then) may cross later, and must
// not be delivered behind newer ones (P6).
struct HandedOver {
  tandem::NodeId node{};
  Incarnation incarnation{};
  std::vector<std::uint64_t> routed;  // by core: of its clients' messages, up to this number
  MonoNs since = 0;

  bool Covers(const MessageId& id) const noexcept {
    return id.node == node && id.incarnation == incarnation && Index(id.core) < routed.size() &&
           id.number <= routed[Index(id.core)];
  }
};

// A session that both nodes owned and that goes on there. Until all cores of both nodes know that
// the other one has what was subscribed to here, what this node takes may not cross: it is told
// along.
struct GivingWay {
  std::uint64_t told_as = 0;           // what the other node confirms then
  absl::btree_set<std::string> stale;  // subscriptions that it has not told back yet
  bool over = false;                   // it has heard that this is all
};

// A copy that turned out not to be like what it is a copy of. It stays until all that it should be
// has been told, so that at no time less is here than was.
struct CopyRepair {
  bool told = false;  // it is being told, in records that stand next to each other
  SessionQueue queue;
  absl::flat_hash_set<std::uint16_t> received_ids;
  absl::btree_set<std::string> stale;  // subscriptions that have not been told yet
};

struct Session {
  SubscriberId id = kNoSubscriber;
  std::string client_id;
  std::uint64_t client_hash = 0;  // StableHash(client_id): the publisher mark of its messages
  Client* client = nullptr;       // null while away
  std::uint32_t expiry_s = 0;     // 0: ends with the connection; UINT32_MAX: never
  Hlc connected_at = 0;
  // The CONNECT with Clean Start that it began with, which names it among all sessions that the
  // client id has had; kNoCleanStart: it began without. 0: not known, an older partner has told it.
  Hlc started_at = 0;
  static constexpr Hlc kNoCleanStart = 1;
  MonoNs away_since = 0;  // when the connection ended

  // The other node's copy, or this node's copy of the other's (engine/README.md: owner, mirror).
  Role role = Role::kOwner;
  bool connected_there = false;  // mirror: the client is connected to the owner
  std::uint64_t told_epoch = 0;  // owner: the epoch in which the other node has a copy, 0 = none
  std::uint64_t told_as = 0;     // owner: what the other node confirms when all route to the copy
  // Owner: QoS 2 messages that cross and got their places before the other node was told of the
  // session. Null: none.
  struct Untold {
    std::uint64_t number = 0;
    MessageId message;
  };
  std::unique_ptr<std::vector<Untold>> untold;
  std::uint64_t unsent_number = 0;  // mirror: what the owner told last (SessionAwayRecord)
  std::uint64_t unused_there = 0;   // mirror: nobody has used this number or above, as far as known
  std::uint64_t fork_number =
      0;                // what was queued when this became the only copy, by number below it
  bool forked = false;  // it has a fork_number, which may be 0
  // Of those, the ones that this copy never had: whether they are done only the other node knows.
  std::unique_ptr<std::vector<std::uint64_t>> never_had;
  std::uint64_t merge_below = 0;  // while the other node tells its own of the same session: numbers
                                  // below it mean the same messages on both
  // How it was when this became the only copy. `connected_at` 0: it began later.
  struct Parted {
    Hlc connected_at = 0;
    bool connected_here = false;
    bool connected_there = false;
  };
  Parted parted;
  bool merging = false;        // it does, and has not given way yet
  bool cleaned_apart = false;  // began with a clean start after the one that the other node
                               // has under this client id, which is over
  bool borrows = false;        // some of its messages may have a lender
  std::unique_ptr<HandedOver> handed_over;  // owner: for as long as something may be on its way
  std::unique_ptr<MessageJoin> join;        // while messages or places wait for one another
  std::unique_ptr<GivingWay> giving_way;    // mirror: it was the owner, until lately
  std::unique_ptr<CopyRepair> repair;       // mirror: asked for, and not yet here

  // By filter as subscribed, $share included; ordered, because walking it has effects.
  absl::btree_map<std::string, SubscriptionState> subscriptions;
  // What the client has unsubscribed from, and when, while the other node could not hear it: should
  // that one have the subscription still, it must not come back. Null: nothing.
  using Unsubscribed = absl::btree_map<std::string, Hlc>;
  std::unique_ptr<Unsubscribed> unsubscribed;
  SessionQueue queue;
  CongestionState congestion = CongestionState::kNone;
  MonoNs moved_at = 0;  // unless kNone: when the client last made room
  absl::flat_hash_set<std::uint16_t>
      received_ids;  // QoS 2 of the client, waiting for PUBREL; never walked for effects

  // Of those, the ones from before this became the only copy: the other node may know better.
  std::unique_ptr<std::vector<std::uint16_t>> forked_ids;

  std::unique_ptr<Will> will;
  MonoNs will_not_before = 0;  // the grace of a client whose node died or sent it away; 0: none
  reactor::TimerId will_timer = reactor::kNoTimer;  // armed: the will is due
  reactor::TimerId expiry_timer = reactor::kNoTimer;

  // Retained messages being fetched, by the fetcher's numbers; whether a page is on its way from
  // another core; and the topics whose newer value was delivered live in the meantime.
  std::vector<std::uint64_t> fetches;
  bool page_asked = false;
  absl::flat_hash_set<std::string> newer_topics;

  // Scratch of one routing: this session's entry among the matches, valid when the stamp is the
  // routing's.
  std::uint64_t match_stamp = 0;
  std::uint32_t match_index = 0;

  bool persistent() const noexcept { return expiry_s != 0; }
  bool mirrored_here() const noexcept { return role == Role::kMirror; }
};

}  // namespace tandem::broker
