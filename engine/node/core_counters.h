// All that one core counts, in one place.
#pragma once

#include <string>
#include <vector>

#include "engine/metrics/broker_metrics.h"
#include "engine/metrics/core_metrics.h"
#include "engine/metrics/net_metrics.h"

namespace tandem::node {

struct CoreCounters {
  CoreCounters(unsigned cpu, const std::vector<std::string>& listener_names)
      : core(cpu), net(listener_names) {}
  metrics::BrokerMetrics broker;
  metrics::CoreMetrics core;
  metrics::NetMetrics net;
};

}  // namespace tandem::node
