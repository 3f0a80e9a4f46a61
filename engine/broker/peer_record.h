// What one core of a node tells the other node: the records of its stream. Each has a number, 1 and
// up without gaps within an epoch; the other node applies them in order, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/block_cache.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/message.h"
#include "engine/broker/will.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// A shared group.
struct SharedTarget {
  std::string filter;
  std::string share_name;
  friend bool operator==(const SharedTarget&, const SharedTarget&) = default;
  friend auto operator<=>(const SharedTarget&, const SharedTarget&) = default;
};

// What a publish does to its publisher's session, in the same step: both happen on the other node
// or neither (P5, P8).
struct PublisherStep {
  std::string client_id;
  std::uint16_t packet_id = 0;  // QoS 2: the id is in use until PUBREL; 0: the message was the will
  friend bool operator==(const PublisherStep&, const PublisherStep&) = default;
};

// A member of a shared group gives the message up, in the same step in which another one gets it.
struct GivenBack {
  std::string client_id;     // its copy drops its place; empty: it has none
  std::uint64_t number = 0;  // the place
  std::uint16_t spare = 0;  // the receiver's core that keeps a spare for the groups below, which is
                            // done with, plus one; 0: none
  friend bool operator==(const GivenBack&, const GivenBack&) = default;
};

// What a message got in the queue of one of the sender's sessions.
struct QueuePlace {
  BlockString client_id;
  std::uint64_t number = 0;
  mqtt::QoS qos{};
  bool retain = false;
  std::vector<std::uint32_t> subscription_ids;
  std::optional<SharedTarget> group;  // chosen as a member: the message is the spare that
  CoreId keeper{};                    // this core of the receiver keeps
  friend bool operator==(const QueuePlace&, const QueuePlace&) = default;
};

// A message from a client of the sending node.
//
// Of a message for a shared group each node has it once (P10): the member that one node chose, and
// the other node a spare, kept by one of its cores, until the member's copy there has its place or
// the member is done with it. Should the member's node die first, the spare goes to another member.
struct PublishRecord {
  MessagePtr message;
  bool route =
      true;  // somebody there may want it: match it (without the shared groups not named below)
  bool unasked = false;  // nobody may want it: the sender has not heard yet of all that is wanted
                         // there, and its copies may not have been told what to take, or not be
                         // known to all cores: each of them looks
  bool update_retained = false;      // it sets or clears the retained message of its topic (P9)
  std::vector<SharedTarget> groups;  // one member of each there gets it; the spare is the sender's
  std::uint8_t hops = 0;  // times it was handed on because the chosen node had no member left
  std::optional<PublisherStep> step;
  // Groups of which a member on the sender's side gets it: the receiving core keeps the spare.
  std::vector<SharedTarget> spares;
  std::optional<GivenBack> given_back;
  // As a SessionOrderRecord behind this one would tell them.
  BlockVector<QueuePlace> places;
};

// A value of the retained set, sent to bring a returning node in step; nothing is routed. An empty
// payload is a deletion.
struct RetainedRecord {
  MessagePtr message;
};

// The sending core has a first subscriber for `filter`, or no longer any. Mirrored sessions count.
struct InterestRecord {
  std::string filter;
  bool wanted = false;
  friend bool operator==(const InterestRecord&, const InterestRecord&) = default;
};

// How many members of a shared group live on the sending core, and how many copies of members.
struct GroupInterestRecord {
  std::string filter;
  std::string share_name;
  std::uint32_t online = 0;
  std::uint32_t total = 0;
  std::uint32_t copies = 0;
  friend bool operator==(const GroupInterestRecord&, const GroupInterestRecord&) = default;
};

// A client connects to the sending node, which will own its session (P7). The other node ends its
// own connection of that id, if that is older, tells the session if only it has it, and answers.
// From its answer on it mirrors the session, if that is persistent or has a will.
struct ClaimRecord {
  std::string client_id;
  Hlc connected_at = 0;
  bool clean_start = false;
  bool answer = true;          // false: a note of who is connected, for a node that comes back
  std::uint32_t expiry_s = 0;  // of the session from now on
  std::optional<Will> will;
  friend bool operator==(const ClaimRecord&, const ClaimRecord&) = default;
};
struct ClaimReplyRecord {
  std::string client_id;
  Hlc connected_at = 0;  // as in the claim
  bool granted = false;  // false: a newer connection lives here
  Hlc answered_at = 0;   // behind all that the client did there; what it does next is later (P9)
  bool session_present = false;  // there is a session, and the claimant's copy is whole by now
  // If there is: by core of the sender, up to which of its clients' messages it had routed to the
  // session what it wanted. Those up to here that have no place in the queue were passed over.
  std::vector<std::uint64_t> routed;
  friend bool operator==(const ClaimReplyRecord&, const ClaimReplyRecord&) = default;
};

// A session that the sender owns, told as it stands, in this order: one SessionRecord, its
// subscriptions, its messages, its received ids. What changes from then on follows as the records
// below.
struct SessionRecord {
  std::string client_id;
  Hlc connected_at = 0;    // of the last CONNECT
  Hlc started_at = 0;      // Session::started_at
  bool connected = false;  // its client is there now
  bool update = false;     // what stands here, and nothing follows: the rest is as it was
  std::uint32_t expiry_s = 0;
  std::uint32_t away_ms = 0;        // not connected for so long, when sent
  std::uint32_t will_in_ms = 0;     // its will waits for so long at least, whatever its delay
  std::uint64_t next_number = 0;    // the queue number that the next message will get
  std::uint64_t first_number = 0;   // of the oldest message still in the queue
  std::uint64_t unsent_number = 0;  // none of this number or above was ever sent
  std::uint64_t fork_number =
      0;  // below it the queue is that of the epoch before, less what is done
  std::optional<Will> will;
  friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};
struct SessionSubscriptionRecord {
  std::string client_id;
  std::string filter;      // as subscribed, $share included
  bool subscribed = true;  // false: UNSUBSCRIBE, the rest means nothing
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;
  std::uint64_t confirm = 0;  // not 0: answer with MirroredRecord of this number
  Hlc changed_at = 0;         // the SUBSCRIBE or UNSUBSCRIBE; 0: not known
  friend bool operator==(const SessionSubscriptionRecord&,
                         const SessionSubscriptionRecord&) = default;
};
// The sender has applied the subscription record that asked for it, and says so behind the interest
// that it had to announce for it.
struct MirroredRecord {
  CoreId core{};  // that asked
  std::uint64_t number = 0;
  friend bool operator==(const MirroredRecord&, const MirroredRecord&) = default;
};

// A message with its place in a session's queue, when the message itself has not crossed.
struct SessionMessageRecord {
  std::string client_id;
  std::uint64_t number = 0;  // place in the queue; fixes the packet id
  std::uint8_t state = 0;    // OutboundState (session queue)
  mqtt::QoS qos{};
  bool retain = false;
  std::vector<std::uint32_t> subscription_ids;
  std::optional<SharedTarget> group;  // the shared group that it was for
  bool also_routed = false;           // the message may come to the copy by routing as well
  MessagePtr message;                 // null when only the id is left (PUBREC received)
};

// The places that one message, which crosses or has crossed on its own, got in the queues of the
// sender's sessions.
struct SessionOrderRecord {
  MessageId message;
  BlockVector<QueuePlace> places;
  friend bool operator==(const SessionOrderRecord&, const SessionOrderRecord&) = default;
};

// The owner has not seen how a message came by its place, or its copy is late: asks for it. The
// answer is a SessionMessageRecord, or nothing if it is done meanwhile.
struct SessionMissingRecord {
  std::string client_id;
  std::uint64_t number = 0;
  friend bool operator==(const SessionMissingRecord&, const SessionMissingRecord&) = default;
};

// A message is done with, or its payload is (PUBREC received).
struct SessionProgressRecord {
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };
  std::string client_id;
  std::vector<Range> done;              // acknowledged, dropped or expired
  std::uint64_t released = UINT64_MAX;  // PUBREC received for this one; UINT64_MAX: none
  friend bool operator==(const SessionProgressRecord&, const SessionProgressRecord&) = default;
};

// QoS 2 from the client: its packet id is waiting for PUBREL, or free again.
struct SessionReceivedIdRecord {
  std::string client_id;
  std::uint16_t packet_id = 0;
  bool held = true;
  friend bool operator==(const SessionReceivedIdRecord&, const SessionReceivedIdRecord&) = default;
};

// The client's connection has ended and its session goes on.
struct SessionAwayRecord {
  std::string client_id;
  std::uint32_t expiry_s = 0;
  bool will_waits = false;  // false: dropped, or published already
  std::uint64_t unsent_number = 0;
  friend bool operator==(const SessionAwayRecord&, const SessionAwayRecord&) = default;
};
// The will was published, and nobody on the receiving node wants it; or it was dropped.
struct SessionWillDoneRecord {
  std::string client_id;
  friend bool operator==(const SessionWillDoneRecord&, const SessionWillDoneRecord&) = default;
};
// The session is over, or gives way to the receiver's own.
struct SessionEndRecord {
  std::string client_id;
  friend bool operator==(const SessionEndRecord&, const SessionEndRecord&) = default;
};

// What the receiver's copy of the session must be like when it reads this (copy_hash.h): the places
// in the queue from `first` on and below `last`, and with `first` 0 all the rest.
struct SessionHashRecord {
  std::string client_id;
  std::uint64_t first = 0;
  std::uint64_t last = UINT64_MAX;
  std::uint64_t hash = 0;
  friend bool operator==(const SessionHashRecord&, const SessionHashRecord&) = default;
};
// The sender's copy was not like that. The answer is the whole session once more, and its hash.
struct SessionAgainRecord {
  std::string client_id;
  bool missing =
      false;  // there is no copy, which is no mistake if the receiver gives its session up
  friend bool operator==(const SessionAgainRecord&, const SessionAgainRecord&) = default;
};

// A shared group's message is done with: `core` of the receiver need not keep its spare any longer.
struct LentDoneRecord {
  CoreId core{};
  MessageId message;
  SharedTarget group;  // empty from an older node
  friend bool operator==(const LentDoneRecord&, const LentDoneRecord&) = default;
};

// A publisher of the receiver's core `core` feeds a queue of the sending core that is above its
// mark: its messages are to be slow until this is taken back.
struct BrakeRecord {
  CoreId core{};
  std::uint64_t publisher = 0;  // as in MessageFields
  bool on = false;
  friend bool operator==(const BrakeRecord&, const BrakeRecord&) = default;
};

// What the sending core has acknowledged since the nodes lost sight of each other.
struct ApartRecord {
  std::uint64_t accepted = 0;
  friend bool operator==(const ApartRecord&, const ApartRecord&) = default;
};

// The sender has told all it had when the epoch began: interest, groups, sessions, retained
// messages, connected clients.
struct SnapshotEndRecord {
  friend bool operator==(const SnapshotEndRecord&, const SnapshotEndRecord&) = default;
};

using PeerRecord =
    std::variant<PublishRecord, RetainedRecord, InterestRecord, GroupInterestRecord, ClaimRecord,
                 SessionRecord, SessionSubscriptionRecord, SessionMessageRecord,
                 SessionReceivedIdRecord, ClaimReplyRecord, SnapshotEndRecord, MirroredRecord,
                 SessionOrderRecord, SessionMissingRecord, SessionProgressRecord, SessionAwayRecord,
                 SessionWillDoneRecord, SessionEndRecord, LentDoneRecord, BrakeRecord, ApartRecord,
                 SessionHashRecord, SessionAgainRecord>;

// What the record adds to the backlog of a stream: its texts, and its message's bytes.
std::size_t BacklogBytes(const PeerRecord& record) noexcept;

}  // namespace tandem::broker
