#include "engine/broker/copy_hash.h"

#include "absl/container/flat_hash_map.h"
#include "engine/base/hash.h"

namespace tandem::broker {
namespace {

// What a number that goes into the sum is about, so that no two things are taken for each other.
enum Kind : std::uint64_t { kRest = 1, kWill, kSubscription, kReceivedId, kPlace, kReleased };

std::uint64_t HashOf(const Will& will) {
  const std::uint64_t flags = static_cast<std::uint64_t>(will.qos) | std::uint64_t{will.retain}
                                                                         << 2;
  return StableHash({kWill, StableHash(will.topic), StableHash(Bytes(will.payload)),
                     StableHash(Bytes(will.properties)), flags, will.delay_s,
                     will.message_expiry_s.value_or(0)});
}

std::uint64_t HashOf(std::string_view filter, const SubscriptionState& state) {
  const mqtt::SubscriptionOptions& options = state.options;
  const std::uint64_t flags =
      static_cast<std::uint64_t>(options.qos) | std::uint64_t{options.no_local} << 2 |
      std::uint64_t{options.retain_as_published} << 3 | std::uint64_t{options.retain_handling} << 4;
  return StableHash({kSubscription, StableHash(filter), flags, state.identifier});
}

std::uint64_t HashOf(std::uint64_t number, const MessageId& id, const OutboundMessage& place) {
  const std::uint64_t flags = static_cast<std::uint64_t>(place.qos) |
                              std::uint64_t{place.retain} << 2 |
                              std::uint64_t{static_cast<bool>(place.group)} << 3;
  std::uint64_t identifiers = place.identifier;
  if (place.more_identifiers) {
    for (const std::uint32_t each : *place.more_identifiers)
      identifiers = StableHash({identifiers, each});
  }
  const std::uint64_t origin = static_cast<std::uint64_t>(id.node) | std::uint64_t{Index(id.core)}
                                                                         << 8;
  return StableHash({kPlace, number, flags, identifiers, origin,
                     static_cast<std::uint64_t>(id.incarnation), id.number});
}

std::uint64_t HashOfRest(const Session& session) {
  std::uint64_t sum = StableHash({kRest, session.expiry_s});
  if (session.will) sum += HashOf(*session.will);
  for (const auto& [filter, state] : session.subscriptions) sum += HashOf(filter, state);
  // order: a sum has none
  for (const std::uint16_t id : session.received_ids) sum += StableHash({kReceivedId, id});
  return sum;
}

}  // namespace

std::uint64_t CopyHash(const Session& session, std::uint64_t first, std::uint64_t last) {
  // A place whose message has not come is known by its name.
  absl::flat_hash_map<std::uint64_t, MessageId> awaited;
  if (session.join) {
    for (const MessageJoin::Unfilled& place : session.join->places()) {
      if (place.number >= first && place.number < last)
        awaited.emplace(place.number, place.message);
    }
  }
  std::uint64_t sum = first == 0 ? HashOfRest(session) : 0;
  session.queue.ForEachIn(first, last, [&](std::uint64_t number, const OutboundMessage& place) {
    if (place.state == OutboundState::kReleased) {
      sum += StableHash({kReleased, number});
      return;
    }
    const auto it = place.message ? awaited.end() : awaited.find(number);
    const MessageId id = place.message         ? place.message->id()
                         : it != awaited.end() ? it->second
                                               : MessageId();
    sum += HashOf(number, id, place);
  });
  return sum;
}

}  // namespace tandem::broker
