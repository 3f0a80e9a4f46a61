// The Prometheus text of one metrics struct.
#pragma once

#include <string>

#include "engine/metrics/exposition.h"

namespace tandem::metrics {

template <class Metrics>
std::string TextOf(const Metrics& metrics) {
  Exposition out;
  metrics.Collect(out);
  return out.Text();
}

}  // namespace tandem::metrics
