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
  ++session.fetches;
  fetches_.emplace(next_fetch_, std::move(fetch));
  return next_fetch_++;
}

void RetainedFetcher::Begin(std::uint64_t number) {
  const auto it = fetches_.find(number);
  if (it == fetches_.end()) return;
  it->second.begun = true;
  Ask(number, it->second);
}

bool RetainedFetcher::HasRoom(const Session& session) const noexcept {
  return session.client != nullptr &&
         session.client->unsent_bytes < context_.config.unsent_bytes_soft &&
         session.queue.waiting_messages() + kPageMessagesMax <=
             context_.config.queue_messages_max / 2 &&
         session.queue.waiting_bytes() + kPageBytesMax <= context_.config.queue_bytes_max / 2;
}

// Asks every source that owes a page, as long as the session has room. Pages of this core come at
// once.
void RetainedFetcher::Ask(std::uint64_t number, Fetch& fetch) {
  Session* const session = sessions_.Get(fetch.session);
  for (Source& source : fetch.sources) {
    while (!source.done && !source.asked) {
      // A queue too small for whole pages still gets its messages, one page at a time when it is
      // empty.
      if (!HasRoom(*session) && !session->queue.empty()) return;
      const RetainedQuery query{.fetch = number, .filter = fetch.filter, .after = source.last};
      if (source.core == context_.core) {
        RetainedPage page = Answer(query);
        source.last = page.last;
        source.done = page.done;
        Take(fetch, *session, page);
        if (!page.messages.empty() && !HasRoom(*session)) break;
      } else {
        source.asked = true;
        context_.outbox.cores.push_back({source.core, query});
      }
    }
  }
  const bool done = std::all_of(fetch.sources.begin(), fetch.sources.end(),
                                [](const Source& s) { return s.done; });
  if (done) End(fetches_.find(number), *session);
}

RetainedPage RetainedFetcher::Answer(const RetainedQuery& query) const {
  RetainedStore::Page found = store_.Find(query.filter, query.after, context_.now.mono_ns,
                                          kPageVisitsMax, kPageMessagesMax, kPageBytesMax);
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
  for (Source& source : fetch.sources) {
    if (source.core != from) continue;
    source.asked = false;
    source.done = page.done;
    source.last = page.last;
  }
  Take(fetch, *session, page);
  Ask(page.fetch, fetch);
}

void RetainedFetcher::Take(Fetch& fetch, Session& session, const RetainedPage& page) {
  delivery_.BeginRouting();
  const std::uint32_t identifier = fetch.subscription.identifier;
  for (const MessagePtr& message : page.messages) {
    // The subscriber has seen a newer value of this topic already; the old one must not come last.
    if (session.newer_topics.contains(ToAbsl(message->topic()))) continue;
    RoutedMessage routed(message);
    delivery_.Deliver(
        session, routed,
        {.qos = std::min(message->qos(), fetch.subscription.options.qos),
         .retain = true,
         .identifiers = {&identifier, identifier != 0 ? std::size_t{1} : std::size_t{0}}});
  }
}

void RetainedFetcher::End(Fetches::iterator it, Session& session) {
  fetches_.erase(it);
  if (--session.fetches == 0) session.newer_topics.clear();
}

void RetainedFetcher::Cancel(Session& session) {
  if (session.fetches == 0) return;
  std::erase_if(fetches_, [&](const auto& item) { return item.second.session == session.id; });
  session.fetches = 0;
  session.newer_topics.clear();
}

void RetainedFetcher::Continue(Session& session) {
  if (session.fetches == 0 || !HasRoom(session)) return;
  // Ask() may end the fetch and so take it out of the map.
  std::vector<std::uint64_t> waiting;
  for (const auto& [number, fetch] : fetches_) {
    if (fetch.session == session.id && fetch.begun) waiting.push_back(number);
  }
  for (const std::uint64_t number : waiting) {
    if (const auto it = fetches_.find(number); it != fetches_.end()) Ask(number, it->second);
  }
}

}  // namespace tandem::broker
