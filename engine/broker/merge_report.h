// What came of it when two nodes met again that had both served.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"

namespace tandem::broker {

// What is counted. As one node sees it: of a session, only the node where it goes on.
enum class MergeCount : std::uint8_t {
  kAcceptedHere,  // messages acknowledged since they lost sight of each other
  kAcceptedThere,
  kSessionsOfBoth,         // that both nodes owned when they met
  kSessionsWonHere,        // of these, clients were on both sides: the last CONNECT was here,
  kSessionsWonThere,       // or there
  kSubscriptionsAdded,     // from the other side
  kSubscriptionsReplaced,  // by newer options of the other side
  kSubscriptionsDropped,   // or not added, because an UNSUBSCRIBE was later
  kMessagesUnited,         // queued here, from the other side's queue
  kDuplicatesSuppressed,   // were here already, or are done with
  kMessagesDoneThere,      // out of the queue: the other side had delivered or dropped them
  kQos2Completed,          // of these, the ones of QoS 2
  kRetainedWonHere,        // topics that both sides wrote
  kRetainedWonThere,
  kRetainedTaken,  // topics that only the other side wrote
  kWillsDone,      // that one side had published or dropped while the other one held them
};
inline constexpr std::array<std::string_view, 16> kMergeCountNames = {
    "accepted_here",          "accepted_there",
    "sessions_of_both",       "sessions_won_here",
    "sessions_won_there",     "subscriptions_added",
    "subscriptions_replaced", "subscriptions_dropped",
    "messages_united",        "duplicates_suppressed",
    "messages_done_there",    "qos2_completed",
    "retained_won_here",      "retained_won_there",
    "retained_taken",         "wills_done"};
static_assert(kMergeCountNames.size() == static_cast<std::size_t>(MergeCount::kWillsDone) + 1);

// Both nodes had changed the same thing. A conflict of subscriptions is decided by the node whose
// session goes on; the others on both nodes alike.
struct MergeConflict {
  enum class Kind : std::uint8_t { kSession, kSubscription, kRetained, kWill };
  static constexpr std::array<std::string_view, 4> kNames = {"session", "subscription", "retained",
                                                             "will"};
  Kind kind{};
  std::string key;     // client id; retained: the topic
  std::string filter;  // subscription
  bool won_here = false;
  WallMs here_at = 0;   // when this node's side of it was changed,
  WallMs there_at = 0;  // and the other node's, each by its own clock; 0: not known
};

// Of one core, or of all cores of a node.
struct MergeReport {
  using Count = MergeCount;
  static constexpr std::size_t kCounts = kMergeCountNames.size();

  std::uint64_t epoch = 0;  // that began when they met
  WallMs parted_at = 0;     // 0: they had not met before
  WallMs met_at = 0;
  bool partner_lived = false;  // the partner is the process that it was before
  bool whole = true;           // false: they lost each other again before all was told
  std::array<std::uint64_t, kCounts> counts{};
  std::vector<MergeConflict> conflicts;   // the last ones
  std::uint64_t conflicts_forgotten = 0;  // further ones

  std::uint64_t& operator[](Count count) noexcept {
    return counts[static_cast<std::size_t>(count)];
  }
  std::uint64_t operator[](Count count) const noexcept {
    return counts[static_cast<std::size_t>(count)];
  }
  void Add(MergeConflict conflict);
  // Another core's part of the same merge.
  void Add(MergeReport part);
  // Whether both nodes had served: one that has just started, and is empty, has nothing to merge.
  bool both_served() const noexcept;
};

}  // namespace tandem::broker
