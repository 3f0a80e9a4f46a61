// Retained messages to new subscribers (3.8.4, 3.3.1.3), page by page, as fast as the subscriber
// takes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/broker/core_message.h"
#include "engine/broker/delivery.h"
#include "engine/broker/retained_store.h"
#include "engine/broker/session_table.h"
#include "engine/broker/shard_context.h"

namespace tandem::broker {

// One per shard. A fetch asks the home cores of the matching topics (all cores for a filter with
// wildcards, this one among them) for a page each, and for the next when the session has room. Ends
// with the last page, or with the session's connection.
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
  void Continue(Session& session);

  void OnQuery(CoreId from, const RetainedQuery& query);
  void OnPage(CoreId from, RetainedPage page);

 private:
  struct Source {
    CoreId core{};
    bool asked = false;
    bool done = false;
    std::string last;
  };
  struct Fetch {
    SubscriberId session{};
    std::string filter;
    SubscriptionState subscription;
    bool begun = false;
    std::vector<Source> sources;
  };
  using Fetches = std::map<std::uint64_t, Fetch>;

  RetainedPage Answer(const RetainedQuery& query) const;
  bool HasRoom(const Session& session) const noexcept;
  void Ask(std::uint64_t number, Fetch& fetch);
  void Take(Fetch& fetch, Session& session, const RetainedPage& page);
  void End(Fetches::iterator it, Session& session);

  ShardContext& context_;
  SessionTable& sessions_;
  Delivery& delivery_;
  RetainedStore& store_;
  Fetches fetches_;
  std::uint64_t next_fetch_ = 1;
};

}  // namespace tandem::broker
