#include "tools/tandem-bench/modes.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/strings.h"

namespace tandem::bench {
namespace {

constexpr std::array kModes = {
    Mode{"pair", "-c publishers with a subscriber and a topic each", PlanPairs},
    Mode{"fan-out", "one publisher, -c subscribers", PlanFanOut},
    Mode{"fan-in", "-c publishers, one subscriber", PlanFanIn},
    Mode{"shared", "-c publishers, --members subscribers that share the work", PlanShared},
    Mode{"wildcard", "-c publishers, 22 matching subscribers each, --filters filters in all",
         PlanWildcards},
    Mode{"pub", "-c publishers, no subscriber", PlanPublishers, false},
    Mode{"sub", "-c subscribers of what others publish", PlanSubscribers, false},
    Mode{"conn", "opens -c connections and holds them", PlanConnections, false},
    Mode{"reconnect", "-c clients that connect and disconnect all the time", PlanReconnects, false},
};

}  // namespace

std::span<const Mode> Modes() { return kModes; }

const Mode* FindMode(std::string_view name) {
  for (const Mode& mode : kModes) {
    if (mode.name == name) return &mode;
  }
  return nullptr;
}

std::string DescribeModes() {
  std::string text;
  for (const Mode& mode : kModes) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", ToAbsl(mode.name), ": ", ToAbsl(mode.help));
  }
  return text;
}

std::string NumberedTopic(std::string_view topic, std::uint32_t number) {
  return absl::StrReplaceAll(ToAbsl(topic), {{"%i", absl::StrCat(number)}});
}

ClientPlan& LoadPlan::Add(const Options& options, std::string_view role, std::size_t host) {
  const std::size_t number = clients.size();
  clients.push_back({.client_id = absl::StrCat(options.client_prefix, "-", ToAbsl(role), number),
                     .host = options.round_robin ? number % options.hosts.size() : host});
  return clients.back();
}

void LoadPlan::AddSubscriber(const Options& options, SubscriberPlan subscriber) {
  Add(options, "s", options.hosts.size() - 1).subscriber = std::move(subscriber);
}

void LoadPlan::AddPublisher(const Options& options, std::string topic) {
  Add(options, "p", 0).publisher = PublisherPlan{std::move(topic), publishers++};
}

void LoadPlan::AddIdle(const Options& options) {
  Add(options, "c", clients.size() % options.hosts.size());
}

}  // namespace tandem::bench
