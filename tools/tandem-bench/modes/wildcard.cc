#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/tandem-bench/modes.h"

namespace tandem::bench {
namespace {

constexpr std::uint32_t kMatches = 22;
// Levels below the publisher's own. Each form of a filter leaves some of them open: its bits.
constexpr int kLevels = 5;
static_assert(kMatches < 1u << kLevels, "each matching subscriber has a form of its own");

std::string Filter(std::string_view begin, std::uint32_t form, std::string_view last) {
  std::string filter(begin);
  for (int level = 0; level < kLevels; ++level) {
    const bool is_open = (form >> level & 1u) != 0;
    absl::StrAppend(&filter, "/", is_open ? "+" : std::string(1, static_cast<char>('a' + level)));
  }
  return filter.append("/").append(last);
}

}  // namespace

// Measures what matching costs: every publish goes through a trie full of filters that resemble the
// ones it matches.
LoadPlan PlanWildcards(const Options& options) {
  LoadPlan plan{.copies = kMatches};
  const std::uint32_t subscribers = options.count * kMatches;
  const std::uint32_t idle = std::max(options.filters, subscribers) - subscribers;
  for (std::uint32_t i = 0; i < subscribers; ++i) {
    const std::string begin = absl::StrCat(options.topic, "/", i / kMatches);
    const std::uint32_t form = i % kMatches + 1;
    SubscriberPlan subscriber{Filter(begin, form, "value"), i / kMatches, 1};
    const std::uint32_t share = idle / subscribers + (i < idle % subscribers ? 1 : 0);
    for (std::uint32_t k = 0; k < share; ++k) {
      subscriber.idle_filters.push_back(Filter(begin, form, absl::StrCat("other", k)));
    }
    plan.AddSubscriber(options, std::move(subscriber));
  }
  for (std::uint32_t i = 0; i < options.count; ++i) {
    plan.AddPublisher(options, Filter(absl::StrCat(options.topic, "/", i), 0, "value"));
  }
  return plan;
}

}  // namespace tandem::bench
