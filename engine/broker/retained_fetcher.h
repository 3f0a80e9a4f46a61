// Retained messages to new subscribers (3.8.4, 3.3.1.3), page by page, as fast as the subscriber
// takes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/broker/core_message.h"
#include "engine/broker/delivery.h"
#include "engine/broker/retained_store.h"
#include "engine/broker/session_table.h"
#include "engine/broker/shard_context.h"

namespace tandem::broker {

// One per shard. A fetch asks the home cores of the matching topics (all cores for a filter with
// wildcards, this one among them) one after another, page by page, as the session has room: one
// page is on its way to a session at any time, so that the room it was asked for is still there
// when it comes. Ends with the last page, or with the session's connection.
class RetainedFetcher {
 public:
  RetainedFetcher(ShardContext& context, SessionTable& sessions, Delivery& delivery,
                  RetainedStore& store)
      : context_(context), sessions_(sessions), delivery_(delivery), store_(store) {}

  // Prepares a fetch for a subscription (no shared one); nothing is asked before Begin. Yields its
  // number.
  std::uint64_t Prepare(Session& session, std::string_view filter,
                        const SubscriptionState& subscription);
  void Begin(std::uint64_t fetch);
  // The session lost its connection: what it did not get yet it will not get (retained messages
  // belong to SUBSCRIBE).
  void Cancel(Session& session);
  // The session has room again.
  void Continue(Session& session) {
    if (!session.fetches.empty() && !session.page_asked) AskAgain(session);
  }

  // Looks for more in this core's own retained messages, a bounded step; once per turn while busy.
  void GoOn() {
    if (!unfinished_.empty()) AskUnfinished();
  }
  bool busy() const noexcept { return !unfinished_.empty(); }

  void OnQuery(CoreId from, const RetainedQuery& query);
  void OnPage(CoreId from, RetainedPage page);

 private:
  struct Source {
    CoreId core{};
    bool done = false;
    std::string last;
  };
  struct Fetch {
    SubscriberId session{};
    std::string filter;
    SubscriptionState subscription;
    bool begun = false;
    bool goes_on = false;  // among unfinished_
    std::vector<Source> sources;
  };
  struct Room {
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };

  RetainedPage Answer(const RetainedQuery& query) const;
  Room RoomOf(const Session& session) const noexcept;
  void AskAgain(Session& session);
  void AskUnfinished();
  void Ask(std::uint64_t number, Fetch& fetch);
  void Take(Fetch& fetch, Session& session, const RetainedPage& page);
  void End(std::uint64_t number, Session& session);

  ShardContext& context_;
  SessionTable& sessions_;
  Delivery& delivery_;
  RetainedStore& store_;
  absl::flat_hash_map<std::uint64_t, Fetch> fetches_;  // never walked
  std::vector<std::uint64_t> unfinished_;              // stopped at the end of a step
  std::uint64_t next_fetch_ = 1;
};

}  // namespace tandem::broker
