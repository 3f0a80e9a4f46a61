// What one core's shard tells another core's shard of the same node, through their mailbox: in
// order per pair of cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_origin.h"
#include "engine/broker/peer_record.h"
#include "engine/broker/retained_budget.h"
#include "engine/broker/route_batch.h"
#include "engine/broker/subscription_trie.h"

namespace tandem::broker {

// A group as records name it, and as messages carry it.
inline SharedTarget TargetOf(const SharedKey& key) { return {key.filter(), key.share_name()}; }
inline IntrusivePtr<SharedKey> KeyOf(const SharedTarget& group) {
  return IntrusivePtr<SharedKey>(new SharedKey(group.filter, group.share_name));
}

// The spare of a shared group's message (PublishRecord) that a core of the other node keeps.
struct Spare {
  std::uint16_t keeper = 0;  // that core, plus one; 0: there is none
  std::uint64_t epoch = 0;   // in which it is kept
};
// A message that this core's subscribers, or one of its members of the groups, want. Small ones for
// subscribers alone come as a RouteBatch.
struct RouteMessage {
  MessagePtr message;
  RouteTerms terms;
  bool route = true;                            // match it against the plain subscriptions
  std::vector<IntrusivePtr<SharedKey>> groups;  // one member of each on this core
  Spare spare;                                  // for each of them
  std::uint64_t commit = 0;                     // not 0: answer with RouteCommitted when it is safe
  // For the groups: cores of this node without a member that takes so large a message (bit =
  // index), and how often it would have been handed on between the nodes, if it went to the other
  // one.
  std::uint64_t tried = 0;
  std::uint8_t hops = 0;
  // With a partner that keeps no spares: what the message did to its publisher's session, to be
  // told behind the member's place, because the sender tells nothing. Null: the sender tells it.
  std::unique_ptr<PublisherStep> step;
};
// The answer: all messages up to `number` are safe, also from the death of this node where it has
// a partner.
struct RouteCommitted {
  std::uint64_t number = 0;
};

// This core is the home of the message's topic among the retained ones.
struct RetainMessage {
  MessagePtr message;
  PeerOrigin origin;
  std::uint64_t epoch = 0;  // that the sending core was in: in it, the other node has the message
  bool if_room = false;     // neither node has it yet, nor shall, if there is no room for it
  RetainedRoom room;        // that the sending core holds for it
};

// Whether there is room for a retained message of so many bytes on a topic whose home is the
// receiving core. `connection` of the sender waits for the answer; the room is the sender's then,
// to give back with the message, or without one.
struct RoomQuery {
  ConnectionId connection{};
  std::string topic;
  std::size_t bytes = 0;
};
struct RoomReply {
  ConnectionId connection{};
  std::optional<RetainedRoom> room;  // nothing: refused
};

// The sending core has a first subscriber of `filter`, or none any longer. `number` counts the
// sender's changes.
struct CoreInterest {
  std::string filter;
  bool wanted = false;
  std::uint64_t number = 0;
};
// How many members of a shared group live on the sending core.
struct CoreGroupInterest {
  std::string filter;
  std::string share_name;
  MemberCounts counts;
  std::uint64_t number = 0;
};
// The answer to the two above: everything up to `number` has been applied here, and of the messages
// of this core's clients up to `routed` none will be routed to the receiver any more.
struct CoreInterestApplied {
  std::uint64_t number = 0;
  std::uint64_t routed = 0;
};

// A record of the other node's stream that concerns this core as well (interest: all cores; a claim
// and a session: the home core of the client id).
struct RelayedRecord {
  PeerRecord record;
  PeerOrigin origin;
};
// The answer to everything that has an origin: applied here are all records of that stream below
// `origin.number`, and `parts` messages of that one (it may have come in several).
struct RelayedApplied {
  PeerOrigin origin;
  std::uint32_t parts = 0;
};

// The other node's core `stream` follows this core's subscriptions up to `number`, and every core
// of this node knows its interest.
struct SubscriptionMirrored {
  CoreId stream{};
  std::uint64_t number = 0;
};
// The spare that this core keeps is done with.
struct LentReturned {
  MessageId message;
  SharedTarget group;
};
// A copy on the sending core has a place for the spare that this core keeps, or is about to get;
// and the answer.
struct SpareWanted {
  MessageId message;
  SharedTarget group;
  std::string client_id;
  std::uint64_t number = 0;
};
struct SpareGiven {
  MessagePtr message;
  std::string client_id;
  std::uint64_t number = 0;
};
// The sending core has begun the epoch. What it routed before, this message follows.
struct EpochBegun {
  std::uint64_t epoch = 0;
};
// The other node has copies of all sessions of the sending core, and every core of this node knows
// that it wants what they want: what the receiver routes to the sender from now on crosses on its
// own.
struct CopiesRouted {
  std::uint64_t epoch = 0;
};
// The other node has applied all that the sending core had to tell it when the epoch began.
struct CoreCovered {
  std::uint64_t epoch = 0;
};
// A publisher of the receiving core feeds a queue of the sending core that is above its mark, or no
// longer feeds any.
struct BrakeMessage {
  std::uint64_t publisher = 0;  // as in MessageFields
  bool on = false;
};
// Publishers wait for subscribers of the sending core, or no longer for any: it may have to brake
// whoever sends it something, and says so before it answers (RouteMessage::commit).
struct CoreCongested {
  bool on = false;
};
// How far a core has come with the end of an epoch. Each step rests on all cores having taken the
// one before it.
enum class PeerDownStep : std::uint8_t {
  kNone,
  kSeen,   // it knows that the partner is gone: nothing of it follows from there
  kAsked,  // it has asked for all spares that its copies have places for
  kGiven,  // it has given all spares that it was asked for
  kTaken,  // it owns the partner's sessions, and has told what members of groups it has
};
struct PeerDownSeen {
  std::uint64_t epoch = 0;
  PeerDownStep step{};
  Hlc seen_at = 0;  // behind all that the sender knows of the partner's clients
};

// A subscriber wants the retained messages for `filter`: asks the home cores, page by page.
struct RetainedQuery {
  std::uint64_t fetch = 0;  // the asker's own mark
  std::string filter;
  std::string after;             // topics up to this one were sent already; "" at first
  std::size_t messages_max = 0;  // what the subscriber has room for
  std::size_t bytes_max = 0;
};
struct RetainedPage {
  std::uint64_t fetch = 0;
  std::vector<MessagePtr> messages;
  std::string last;  // where to go on
  bool done = false;
};

using CoreMessage =
    std::variant<RouteMessage, RouteBatch, RetainMessage, CoreInterest, CoreGroupInterest,
                 CoreInterestApplied, RelayedRecord, RelayedApplied, RetainedQuery, RetainedPage,
                 RouteCommitted, SubscriptionMirrored, LentReturned, SpareWanted, SpareGiven,
                 CopiesRouted, PeerDownSeen, EpochBegun, RoomQuery, RoomReply, BrakeMessage,
                 CoreCovered, CoreCongested, EmptiedBatches>;

}  // namespace tandem::broker
