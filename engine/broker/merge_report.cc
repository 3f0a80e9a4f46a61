#include "engine/broker/merge_report.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"

namespace tandem::broker {

// Mostly there are few, and those who have more lose the oldest a thousand at a time.
void MergeReport::Add(MergeConflict conflict) {
  conflicts.push_back(std::move(conflict));
  if (conflicts.size() < 2 * kMergeConflictsMax) return;
  conflicts.erase(conflicts.begin(), conflicts.end() - kMergeConflictsMax);
  conflicts_forgotten += kMergeConflictsMax;
}

void MergeReport::Add(MergeReport part) {
  // What the cores were told in the same instant they may have noted a millisecond apart.
  parted_at = parted_at == 0 ? part.parted_at : std::min(parted_at, part.parted_at);
  met_at = met_at == 0 ? part.met_at : std::min(met_at, part.met_at);
  epoch = part.epoch;
  partner_lived |= part.partner_lived;
  whole &= part.whole;
  for (std::size_t i = 0; i < kCounts; ++i) counts[i] += part.counts[i];
  conflicts_forgotten += part.conflicts_forgotten;
  for (MergeConflict& conflict : part.conflicts) Add(std::move(conflict));
}

bool MergeReport::both_served() const noexcept {
  const bool both_accepted =
      (*this)[Count::kAcceptedHere] != 0 && (*this)[Count::kAcceptedThere] != 0;
  return partner_lived || both_accepted || (*this)[Count::kSessionsOfBoth] != 0 ||
         !conflicts.empty();
}

}  // namespace tandem::broker
