// One local subscription, as the trie keeps it and a match yields it.
#pragma once

#include <cstdint>

#include "proto/mqtt/packet.h"

namespace tandem::broker {

// Index of a session in the session table of the shard that owns the trie.
enum class SubscriberId : std::uint32_t {};
inline constexpr SubscriberId kNoSubscriber{UINT32_MAX};

struct Subscription {
  SubscriberId subscriber = kNoSubscriber;
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;  // Subscription Identifier (MQTT 5.0, 3.8.2.1.2); 0 = none
  friend bool operator==(const Subscription&, const Subscription&) = default;
};
// A fan-out scans these one after another: five and a third to a cache line.
static_assert(sizeof(Subscription) == 12);

}  // namespace tandem::broker
