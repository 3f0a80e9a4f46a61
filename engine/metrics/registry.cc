#include "engine/metrics/registry.h"

#include <utility>

namespace tandem::metrics {

void Registry::AddCallback(std::function<void(Exposition&)> collect) {
  const std::lock_guard lock(mutex_);
  sources_.push_back(std::move(collect));
}

std::string Registry::Scrape() const {
  Exposition exposition;
  const std::lock_guard lock(mutex_);
  for (const auto& collect : sources_) collect(exposition);
  return exposition.Text();
}

}  // namespace tandem::metrics
