// What one core of a node tells the other node: the records of its stream (guarantees.md calls the
// same thing so). Each has a number, 1 and up without gaps within an epoch; the other node applies
// them in order, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/message.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// A shared group for which the sender chose the other node: one of its members there gets the
// message (P10).
struct SharedTarget {
  std::string filter;
  std::string share_name;
};

// A message from a client of the sending node.
struct PublishRecord {
  MessagePtr message;
  bool route =
      true;  // somebody there may want it: match it (without the shared groups not named below)
  bool update_retained = false;  // it sets or clears the retained message of its topic (P9)
  std::vector<SharedTarget> groups;
  std::uint8_t hops = 0;  // times it was handed on because the chosen node had no member left
};

// A value of the retained set, sent to bring a returning node in step; nothing is routed. An empty
// payload is a deletion.
struct RetainedRecord {
  MessagePtr message;
};

// The sending core has a first subscriber for `filter`, or no longer any.
struct InterestRecord {
  std::string filter;
  bool wanted = false;
};

// How many members of a shared group live on the sending core.
struct GroupInterestRecord {
  std::string filter;
  std::string share_name;
  std::uint32_t online = 0;
  std::uint32_t total = 0;
};

// A client connected (P7). The other node ends its own connection of that id, if that is older, and
// answers with ClaimReplyRecord, after the session if it holds one and `clean_start` is false.
struct ClaimRecord {
  std::string client_id;
  Hlc connected_at = 0;
  bool clean_start = false;
  bool answer = true;  // false: a note of who is connected, for a node that comes back
};

// The state of a session that moves, in this order: one SessionRecord, its subscriptions, its
// messages, its received ids.
struct SessionRecord {
  std::string client_id;
  std::uint32_t expiry_s = 0;
  std::uint64_t next_number = 0;   // the queue number that the next message will get
  std::uint64_t first_number = 0;  // of the oldest message still in the queue
};
struct SessionSubscriptionRecord {
  std::string client_id;
  std::string filter;  // as subscribed, $share included
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;
};
struct SessionMessageRecord {
  std::string client_id;
  std::uint64_t number = 0;  // place in the queue; fixes the packet id
  std::uint8_t state = 0;    // OutboundState (session queue)
  mqtt::QoS qos{};
  bool retain = false;
  std::vector<std::uint32_t> subscription_ids;
  std::optional<SharedTarget> group;  // the shared group that it was for
  MessagePtr message;                 // null when only the id is left (PUBREC received)
};
struct SessionReceivedIdRecord {
  std::string client_id;
  std::uint16_t packet_id = 0;  // QoS 2 from the client, waiting for PUBREL
};
struct ClaimReplyRecord {
  std::string client_id;
  Hlc connected_at = 0;  // as in the claim
  bool granted = false;  // false: a newer connection lives here
  bool session_present = false;
};

// The sender has told all it had when the epoch began: interest, groups, retained messages,
// connected clients.
struct SnapshotEndRecord {};

using PeerRecord =
    std::variant<PublishRecord, RetainedRecord, InterestRecord, GroupInterestRecord, ClaimRecord,
                 SessionRecord, SessionSubscriptionRecord, SessionMessageRecord,
                 SessionReceivedIdRecord, ClaimReplyRecord, SnapshotEndRecord>;

// What the record adds to the backlog of a stream: its texts, and its message's bytes.
std::size_t BacklogBytes(const PeerRecord& record) noexcept;

}  // namespace tandem::broker
