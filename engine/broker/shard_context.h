// What the parts of one shard share: who it is, what time it is, where effects go.
#pragma once

#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/broker_config.h"
#include "engine/broker/merge_log.h"
#include "engine/broker/outbox.h"
#include "engine/broker/session.h"
#include "engine/broker/written_log.h"
#include "engine/metrics/broker_metrics.h"
#include "engine/reactor/timer_wheel.h"

namespace tandem::broker {

struct ShardContext {
  const BrokerConfig& config;
  metrics::BrokerMetrics& metrics;
  CoreId core{};
  std::uint16_t cores = 1;
  tandem::NodeId node{};
  Incarnation incarnation{};
  Now now;  // set by each event
  HybridClock clock;
  reactor::TimerWheel timers;
  Outbox outbox;
  WrittenLog written;
  MergeLog merge;

  Hlc IssueTime() noexcept { return clock.Issue(now.wall_ms, now.wall_fraction); }
};

// What a timer is for; the cookie of TimerWheel is the kind in the top byte and the object's number
// below.
enum class TimerKind : std::uint8_t { kClient = 1, kSessionExpiry, kWill, kSweep, kCopies };
inline constexpr std::uint64_t TimerCookie(TimerKind kind, std::uint64_t object) noexcept {
  return static_cast<std::uint64_t>(kind) << 56 | object;
}

// Hands bytes [offset, end) of the outbox to `client`. What directly follows others of its bytes,
// as acknowledgements that were held do, makes one range with them.
inline void SendBytes(ShardContext& context, Client& client, std::size_t offset) {
  Outbox& out = context.outbox;
  const auto size = static_cast<std::uint32_t>(out.bytes.size() - offset);
  if (!out.sends.empty() && out.sends.back().IsFollowedBy(client.id, offset) &&
      out.connections.back().kind == ConnectionEffect::Kind::kSend) {
    out.sends.back().size += size;
    client.unsent_bytes += size;
    return;
  }
  out.connections.push_back({.kind = ConnectionEffect::Kind::kSend,
                             .send = static_cast<std::uint32_t>(out.sends.size()),
                             .connection = client.id});
  out.sends.push_back(
      {.connection = client.id, .offset = static_cast<std::uint32_t>(offset), .size = size});
  client.unsent_bytes += size;
}

}  // namespace tandem::broker
