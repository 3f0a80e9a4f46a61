#include "tools/tandem-bench/modes.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/strings.h"

namespace tandem::bench {
namespace {

constexpr std::array kModes = {
    Mode{"pair", "-c publishers with a subscriber and a topic each", PlanPairs},
    Mode{"fan-out", "one publisher, -c subscribers", PlanFanOut},
    Mode{"fan-in", "-c publishers, one subscriber", PlanFanIn},
    Mode{"conn", "opens -c connections and holds them", PlanConnections},
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
