// What a node tells its operator, as plain values. The node fills them in when asked; the admin
// server renders them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/node_state.h"

namespace tandem::admin {

struct NodeStatus {
  std::string name;
  std::string version;
  std::string revision;
  NodeState state = NodeState::kStarting;
  std::string not_ready_because;  // shown while state is not kServing; may be empty
  std::string
      not_alive_because;  // not empty: a part of the node hangs, a supervisor should start it anew
  bool safe_to_stop = false;   // stopping now loses and interrupts nothing
  std::string unsafe_because;  // shown while it is not safe
  std::int64_t uptime_ns = 0;
  std::uint64_t cores = 0;
  std::int64_t connections = 0;
  std::int64_t sessions_online = 0;
  std::int64_t sessions_offline = 0;
  std::int64_t subscriptions = 0;
  std::int64_t retained_messages = 0;
  std::int64_t queued_messages = 0;
  std::uint64_t publish_received = 0;   // since start
  std::uint64_t publish_delivered = 0;  // since start
  std::uint64_t publish_dropped = 0;    // since start
};

struct LinkStatus {
  std::string address;
  bool up = false;
  std::int64_t round_trip_ns = 0;  // of the last heartbeat; 0: none yet
};

struct PeerStatus {
  std::string name;
  bool up = false;
  bool in_step = false;
  std::optional<NodeState> state;  // as the peer said; nothing while it is not seen
  std::string version;             // as the peer said
  std::vector<LinkStatus> links;
  std::int64_t backlog_messages = 0;
  std::int64_t backlog_bytes = 0;
};

struct WitnessStatus {
  std::optional<bool> reachable;  // nothing before its first answer
  std::string error;              // while it is not
  std::uint64_t won = 0;          // decisions since start
  std::uint64_t lost = 0;
  std::uint64_t unreachable = 0;
};

struct ClusterStatus {
  std::string name;
  std::string role;  // "single" (no partner configured), "paired", "syncing", "alone"
  std::uint64_t epoch = 0;
  // Acknowledged while this node was the only one to have it, and for how long the first of it is.
  std::int64_t exposed_messages = 0;
  std::int64_t exposed_ns = 0;
  std::string standing;          // whether it may serve: "paired", "alone", "severed", ...
  std::string standing_because;  // "" while nothing is amiss
  std::optional<WitnessStatus> witness;
  std::optional<PeerStatus> peer;
};

// What came of it when both nodes had served and met again, as this node saw it.
struct MergeConflict {
  std::string_view kind;  // "session", "subscription", "retained", "will"; static
  std::string key;        // client id or topic
  std::string filter;     // of a subscription
  bool won_here = false;
  std::int64_t here_at_ms = 0;  // Unix time in milliseconds; 0: not known
  std::int64_t there_at_ms = 0;
};
struct MergeStatus {
  std::uint64_t epoch = 0;
  std::int64_t parted_at_ms = 0;  // Unix time in milliseconds; 0: they had not met before
  std::int64_t met_at_ms = 0;
  bool whole = false;  // they told each other everything
  std::vector<std::pair<std::string_view, std::uint64_t>> counts;
  std::vector<MergeConflict> conflicts;   // the last ones
  std::uint64_t conflicts_forgotten = 0;  // further ones
};
struct Merges {
  std::string node;
  std::string partner;
  std::vector<MergeStatus> merges;  // the newest first
};

// What became of an operator's wish: one line of words for him.
struct Outcome {
  bool done = false;
  std::string words;
};

// Called on the admin server's thread for each request: they must be thread-safe and quick, and
// must not throw.
struct Callbacks {
  std::function<std::string()> metrics;  // Prometheus text
  std::function<NodeStatus()> node;
  std::function<ClusterStatus()> cluster;
  // Moves the clients to the partner; asked again, tells how far it has come. `force`: also if
  // there is none that takes them.
  std::function<Outcome(bool force)> drain;
  std::function<Outcome()> resume;  // ends that: serves clients again
  std::function<Merges()> merges;
  // A node that may not serve without its partner serves with what it has.
  std::function<Outcome()> force_serve;
};

}  // namespace tandem::admin
