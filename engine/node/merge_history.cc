#include "engine/node/merge_history.h"

#include <algorithm>
#include <utility>

#include "engine/base/log.h"

namespace tandem::node {
namespace {

using Count = broker::MergeReport::Count;

constexpr std::size_t kMergesKept = 8;

constexpr metrics::Family kMerges = {"tandem_cluster_merges_total", metrics::Kind::kCounter,
                                     metrics::Unit::kPlain,
                                     "Times that the nodes met after both had served alone."};
constexpr metrics::Family kResults = {
    "tandem_cluster_merge_results_total", metrics::Kind::kCounter, metrics::Unit::kPlain,
    "What became of things when they met, as this node saw it: it is here."};

void LogMerge(const broker::MergeReport& merge) {
  Log(LogLevel::kWarn, "both nodes had served: merged",
      {{"epoch", merge.epoch},
       {"apart_ms", merge.parted_at == 0 ? 0 : merge.met_at - merge.parted_at},
       {"whole", merge.whole},
       {"accepted_here", merge[Count::kAcceptedHere]},
       {"accepted_there", merge[Count::kAcceptedThere]},
       {"sessions_of_both", merge[Count::kSessionsOfBoth]},
       {"sessions_won_here", merge[Count::kSessionsWonHere]},
       {"sessions_won_there", merge[Count::kSessionsWonThere]},
       {"subscriptions_added", merge[Count::kSubscriptionsAdded]},
       {"subscriptions_replaced", merge[Count::kSubscriptionsReplaced]},
       {"subscriptions_dropped", merge[Count::kSubscriptionsDropped]},
       {"messages_united", merge[Count::kMessagesUnited]},
       {"duplicates_suppressed", merge[Count::kDuplicatesSuppressed]},
       {"messages_done_there", merge[Count::kMessagesDoneThere]},
       {"qos2_completed", merge[Count::kQos2Completed]},
       {"retained_won_here", merge[Count::kRetainedWonHere]},
       {"retained_won_there", merge[Count::kRetainedWonThere]},
       {"retained_taken", merge[Count::kRetainedTaken]},
       {"wills_done", merge[Count::kWillsDone]}});
}

}  // namespace

void MergeHistory::Add(broker::MergeReport part) {
  const std::lock_guard lock(mutex_);
  if (parts_ != 0 && part.epoch < pending_.epoch) return;
  if (parts_ != 0 && part.epoch > pending_.epoch) {
    pending_.whole = false;
    Finish();
  }
  pending_.Add(std::move(part));
  if (++parts_ == cores_) Finish();
}

void MergeHistory::Finish() {
  parts_ = 0;
  broker::MergeReport merge = std::exchange(pending_, {});
  if (!merge.both_served()) return;
  ++merges_;
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += merge.counts[i];
  LogMerge(merge);
  last_.insert(last_.begin(), std::move(merge));
  last_.resize(std::min(last_.size(), kMergesKept));
}

std::vector<broker::MergeReport> MergeHistory::Last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void MergeHistory::Collect(metrics::Exposition& out) const {
  const std::lock_guard lock(mutex_);
  out.Add(kMerges, {}, static_cast<std::int64_t>(merges_));
  for (std::size_t i = 0; i < counts_.size(); ++i)
    out.Add(kResults, {{"what", broker::kMergeCountNames[i]}},
            static_cast<std::int64_t>(counts_[i]));
}

}  // namespace tandem::node
