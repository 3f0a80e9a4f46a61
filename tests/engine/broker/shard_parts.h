// What the parts of a shard need in their tests: a context, its configuration and its metrics.
#pragma once

#include <string_view>

#include "engine/broker/shard_context.h"

namespace tandem::broker {

struct ShardParts {
  explicit ShardParts(std::uint16_t cores = 1)
      : context{.config = config,
                .metrics = metrics,
                .core = {},
                .cores = cores,
                .node = {},
                .incarnation = {},
                .now = {},
                .clock = {},
                .timers = reactor::TimerWheel(),
                .outbox = {}} {}

  BrokerConfig config;
  metrics::BrokerMetrics metrics;
  ShardContext context;
};

inline MessagePtr MessageOn(std::string_view topic, std::string_view payload, Hlc hlc = 0,
                            MessageId id = {}) {
  return Message::Create(
      {.topic = topic, .payload = AsBytes(payload), .retain = true, .hlc = hlc, .id = id});
}

}  // namespace tandem::broker
