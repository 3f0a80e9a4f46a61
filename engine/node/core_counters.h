// All that one core counts, in one place.
#pragma once

#include <string>
#include <vector>

#include "engine/metrics/broker_metrics.h"
#include "engine/metrics/core_metrics.h"
#include "engine/metrics/counter.h"
#include "engine/metrics/net_metrics.h"

namespace tandem::node {

struct CoreCounters {
  CoreCounters(unsigned cpu, const std::vector<std::string>& listener_names)
      : core(cpu), net(listener_names) {}
  metrics::BrokerMetrics broker;
  metrics::CoreMetrics core;
  metrics::NetMetrics net;
  // On the monotonic clock, once a second: when this core last turned. How others see that it
  // hangs.
  metrics::Gauge turned_at_ns;
};

}  // namespace tandem::node
