// The metrics of a node: every struct that counts, gathered for a scrape.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "engine/metrics/exposition.h"

namespace tandem::metrics {

// One per node. Sources are added while the node starts, before their cores run; Scrape may be
// called from any thread at any time. The mutex is between those two only: counting never touches
// the registry.
class Registry {
 public:
  // Adds something with `void Collect(Exposition&) const`; `source` must outlive the registry.
  template <class Source>
  void Add(const Source& source) {
    AddCallback([&source](Exposition& out) { source.Collect(out); });
  }
  // Adds values computed at each scrape, on the scraping thread.
  void AddCallback(std::function<void(Exposition&)> collect);

  // Prometheus text of everything, in the order of adding.
  std::string Scrape() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::function<void(Exposition&)>> sources_;  // under mutex_
};

}  // namespace tandem::metrics
