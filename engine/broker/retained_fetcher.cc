#include "engine/broker/retained_fetcher.h"

#include <algorithm>
#include <utility>

#include "engine/base/hash.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

// One page is one step of work for a core: small enough not to be felt by others.
constexpr std::size_t kPageVisitsMax = 2'000;
constexpr std::size_t kPageMessagesMax = 200;
constexpr std::size_t kPageBytesMax = 256 * 1024;
// Own pages that a core looks through in one turn.
constexpr std::size_t kStepsPerTurnMax = 8;

}  // namespace

std::uint64_t RetainedFetcher::Prepare(Session& session, std::string_view filter,
                                       const SubscriptionState& subscription) {
  Fetch fetch{.session = session.id, .filter = std::string(filter), .subscription = subscription};
  if (mqtt::HasWildcard(filter)) {
    for (std::uint16_t core = 0; core < context_.cores; ++core)
      fetch.sources.push_back({.core = CoreId{core}});
  } else {
    fetch.sources.push_back({.core = static_cast<CoreId>(StableHash(filter) % context_.cores)});
  }
  session.fetches.push_back(next_fetch_);
  fetches_.emplace(next_fetch_, std::move(fetch));
  return next_fetch_++;
}

void RetainedFetcher::Begin(std::uint64_t number) {
  const auto it = fetches_.find(number);
  if (it == fetches_.end()) return;
  it->second.begun = true;
  Ask(number, it->second);
}

// Retained messages fill at most half of a queue; the other half is for live ones. An empty queue
// has room for one, however small it is.
RetainedFetcher::Room RetainedFetcher::RoomOf(const Session& session) const noexcept {
  const BrokerConfig& config = context_.config;
  if (session.client == nullptr || session.client->unsent_bytes >= config.unsent_bytes_soft)
    return {};
  const auto left = [&](std::size_t bound, std::size_t taken, std::size_t page_max) {
    const std::size_t half = std::max<std::size_t>(bound / 2, 1);
    return std::min(half > taken ? half - taken : 0, page_max);
  };
  return {left(config.queue_messages_max, session.queue.waiting_messages(), kPageMessagesMax),
          left(config.queue_bytes_max, session.queue.waiting_bytes(), kPageBytesMax)};
}

// Asks the next source that is not done for a page, if the session has room for one. A page of this
// core comes at once; the next one in a later step.
void RetainedFetcher::Ask(std::uint64_t number, Fetch& fetch) {
  if (fetch.goes_on) return;
  Session* const session = sessions_.Get(fetch.session);
  for (Source& source : fetch.sources) {
    if (source.done) continue;
    const Room room = RoomOf(*session);
    if (session->page_asked || room.messages == 0 || room.bytes == 0) return;
    const RetainedQuery query{.fetch = number,
                              .filter = fetch.filter,
                              .after = source.last,
                              .messages_max = room.messages,
                              .bytes_max = room.bytes};
    if (source.core != context_.core) {
      session->page_asked = true;
      context_.outbox.cores.push_back({source.core, query});
      return;
    }
    RetainedPage page = Answer(query);
    source.last = std::move(page.last);
    source.done = page.done;
    Take(fetch, *session, page);
    if (!source.done) {
      fetch.goes_on = true;
      unfinished_.push_back(number);
      return;
    }
  }
  End(number, *session);
}

void RetainedFetcher::AskUnfinished() {
  std::vector<std::uint64_t> now = std::exchange(unfinished_, {});
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (i == kStepsPerTurnMax) {
      unfinished_.insert(unfinished_.end(), now.begin() + kStepsPerTurnMax, now.end());
      return;
    }
    const auto it = fetches_.find(now[i]);
    if (it == fetches_.end()) continue;
    it->second.goes_on = false;
    Ask(now[i], it->second);
  }
}

RetainedPage RetainedFetcher::Answer(const RetainedQuery& query) const {
  RetainedStore::Page found = store_.Find(query.filter, query.after, context_.now.mono_ns,
                                          kPageVisitsMax, query.messages_max, query.bytes_max);
  return {.fetch = query.fetch,
          .messages = std::move(found.messages),
          .last = std::move(found.last),
          .done = found.done};
}

void RetainedFetcher::OnQuery(CoreId from, const RetainedQuery& query) {
  RetainedPage page = Answer(query);
  for (const MessagePtr& message : page.messages) message->MarkShared();
  context_.outbox.cores.push_back({from, std::move(page)});
}

void RetainedFetcher::OnPage(CoreId from, RetainedPage page) {
  const auto it = fetches_.find(page.fetch);
  if (it == fetches_.end()) return;  // cancelled meanwhile
  Fetch& fetch = it->second;
  Session* const session = sessions_.Get(fetch.session);
  session->page_asked = false;
  for (Source& source : fetch.sources) {
    if (source.core != from) continue;
    source.done = page.done;
    source.last = std::move(page.last);
  }
  Take(fetch, *session, page);
  Ask(page.fetch, fetch);
  Continue(*session);  // its other fetches have waited for this page
}

void RetainedFetcher::Take(Fetch& fetch, Session& session, const RetainedPage& page) {
  delivery_.BeginRouting(false);
  const SubscriptionState& subscription = fetch.subscription;
  for (const MessagePtr& message : page.messages) {
    // Whoever answers it with a retained message must write the later one (P9).
    context_.clock.Observe(message->hlc(), context_.now.wall_ms);
    // The subscriber has seen a newer value of this topic already; the old one must not come last.
    if (session.newer_topics.contains(ToAbsl(message->topic()))) continue;
    if (subscription.options.no_local && message->publisher() == session.client_hash) continue;
    RoutedMessage routed(message);
    delivery_.Deliver(session, routed,
                      {.qos = std::min(message->qos(), subscription.options.qos),
                       .retain = true,
                       .stored = true,
                       .identifiers = {&subscription.identifier,
                                       subscription.identifier != 0 ? std::size_t{1} : 0}});
  }
}

void RetainedFetcher::End(std::uint64_t number, Session& session) {
  fetches_.erase(number);
  std::erase(session.fetches, number);
  if (session.fetches.empty()) session.newer_topics.clear();
}

void RetainedFetcher::Cancel(Session& session) {
  for (const std::uint64_t number : session.fetches) fetches_.erase(number);
  session.fetches.clear();
  session.page_asked = false;
  session.newer_topics.clear();
}

void RetainedFetcher::AskAgain(Session& session) {
  // Ask() may end a fetch and so take it out of the list.
  const std::vector<std::uint64_t> numbers = session.fetches;
  for (const std::uint64_t number : numbers) {
    const auto it = fetches_.find(number);
    if (it != fetches_.end() && it->second.begun) Ask(number, it->second);
  }
}

}  // namespace tandem::broker
