// What the operator, the metrics and the health check see of the pair.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/hello.h"
#include "cluster/pair.h"
#include "cluster/standing.h"
#include "engine/base/clock.h"

namespace tandem::cluster {

struct LinkStatus {
  std::string address;  // of the partner
  bool up = false;
  MonoNs rtt_ns = 0;  // of the last heartbeat
};

// A snapshot; the sums over cores are not taken at one instant.
struct ClusterStatus {
  Pair::State state = Pair::State::kAlone;
  bool suspect = false;  // paired, but the partner has not been seen just now
  bool in_step = false;  // both nodes have applied what the other one had
  bool ready = false;    // this node may serve clients as far as the cluster is concerned
  Standing::State standing = Standing::State::kStarting;
  std::string not_ready_because;  // for an operator; "" while nothing is amiss
  bool start_anew = false;        // what this node holds is void: it is to stop and to start again
  std::uint64_t epoch = 0;        // 0: alone
  std::uint64_t epoch_max = 0;
  std::string peer;  // empty: not known yet
  std::string peer_release;
  bool peer_ready = false;  // as it says itself
  bool peer_draining = false;
  std::vector<std::int64_t> peer_figures;  // as Cluster::SetFigures there was given them
  std::vector<LinkStatus> links;
  std::size_t lanes_up = 0;
  std::size_t lanes = 0;

  std::uint64_t backlog_records = 0;  // appended, not yet applied there
  std::uint64_t backlog_bytes = 0;
  std::uint64_t records_out = 0;
  std::uint64_t records_in = 0;
  std::uint64_t publishes_out = 0;
  std::uint64_t publishes_in = 0;
  std::uint64_t records_resent = 0;
  std::uint64_t bytes_copied_out = 0;    // of records, into batches
  std::uint64_t bytes_gathered_out = 0;  // of payloads, sent without a copy

  std::uint64_t failovers = 0;  // epochs that ended because the partner was gone or gave up
  std::array<std::uint64_t, kDownReasons> downs{};  // epochs ended, by DownReason
  MonoNs catch_up_ns = 0;  // from the beginning of the last epoch until in step
  std::optional<DownReason> last_down;
  std::uint64_t refused = 0;    // handshakes that failed for a reason of substance
  std::uint64_t strangers = 0;  // connections to the cluster port that were no links at all
  std::string last_error;

  bool has_witness = false;
  std::optional<bool> witness_reached;  // nothing before its first answer
  std::string witness_error;            // of the last question
  std::array<std::uint64_t, Standing::kDecisions> decisions{};
};

}  // namespace tandem::cluster
