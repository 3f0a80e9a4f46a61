#include "engine/broker/system_topics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/strings.h"

namespace tandem::broker {
namespace {

struct Named {
  const char* name;
  Figure figure;
};

// Added up over both nodes.
constexpr Named kSums[] = {
    {"bytes/received", Figure::kBytesReceived},
    {"bytes/sent", Figure::kBytesSent},
    {"clients/active", Figure::kClientsConnected},
    {"clients/connected", Figure::kClientsConnected},
    {"clients/expired", Figure::kSessionsExpired},
    {"clients/total", Figure::kSessions},
    {"heap/current", Figure::kMemoryBytes},
    {"messages/inflight", Figure::kInflight},
    {"messages/received", Figure::kPacketsReceived},
    {"messages/sent", Figure::kPacketsSent},
    {"publish/bytes/received", Figure::kPublishBytesReceived},
    {"publish/bytes/sent", Figure::kPublishBytesSent},
    {"publish/messages/dropped", Figure::kPublishDropped},
    {"publish/messages/received", Figure::kPublishReceived},
    {"publish/messages/sent", Figure::kPublishSent},
    {"shared_subscriptions/count", Figure::kSharedSubscriptions},
    {"subscriptions/count", Figure::kSubscriptions},
};

constexpr Named kLoads[] = {
    {"load/bytes/received", Figure::kBytesReceived},
    {"load/bytes/sent", Figure::kBytesSent},
    {"load/connections", Figure::kConnectsReceived},
    {"load/messages/received", Figure::kPacketsReceived},
    {"load/messages/sent", Figure::kPacketsSent},
    {"load/publish/dropped", Figure::kPublishDropped},
    {"load/publish/received", Figure::kPublishReceived},
    {"load/publish/sent", Figure::kPublishSent},
    {"load/sockets", Figure::kConnectionsOpened},
};
struct Window {
  const char* name;
  double minutes;
};
constexpr Window kWindows[] = {{"1min", 1}, {"5min", 5}, {"15min", 15}};

std::int64_t Sum(const SystemView& view, Figure figure) {
  return view.here[figure] + (view.there ? (*view.there)[figure] : 0);
}

// What was counted since `before`. A node that was not seen then, or has started anew, tells
// nothing of that time.
std::int64_t Increase(const SystemView& before, const SystemView& now, Figure figure) {
  std::int64_t increase = now.here[figure] - before.here[figure];
  if (before.there && now.there)
    increase += std::max<std::int64_t>((*now.there)[figure] - (*before.there)[figure], 0);
  return increase;
}

}  // namespace

std::vector<SystemTopic> SystemTopics::Update(const SystemView& view) {
  const auto raise = [&view](std::int64_t& maximum, Figure now, Figure seen_there) {
    maximum = std::max(maximum, Sum(view, now));
    if (view.there) maximum = std::max(maximum, (*view.there)[seen_there]);
  };
  raise(clients_maximum_, Figure::kClientsConnected, Figure::kClientsMaximum);
  raise(memory_maximum_, Figure::kMemoryBytes, Figure::kMemoryMaximum);
  Tell("version", absl::StrCat("tandem version ", ToAbsl(view.version)));
  TellSums(view);
  TellLoads(view);
  for (const auto& [node, state] : view.states)
    Tell(absl::StrCat("cluster/", ToAbsl(node), "/state"), std::string(state));
  before_ = {.now = view.now, .version = {}, .here = view.here, .there = view.there, .states = {}};
  return std::exchange(changed_, {});
}

void SystemTopics::Tell(std::string name, std::string value) {
  std::string& known = values_[name];
  if (known == value) return;
  known = value;
  changed_.push_back({"$SYS/broker/" + std::move(name), std::move(value)});
}

void SystemTopics::TellSums(const SystemView& view) {
  const auto tell = [this](const char* name, std::int64_t value) {
    Tell(name, std::to_string(value));
  };
  for (const auto& [name, figure] : kSums) tell(name, Sum(view, figure));
  const std::int64_t away = Sum(view, Figure::kSessions) - Sum(view, Figure::kClientsConnected);
  tell("clients/disconnected", away);
  tell("clients/inactive", away);
  tell("clients/maximum", clients_maximum_);
  tell("heap/maximum", memory_maximum_);
  // Both nodes hold the same retained messages: they count once.
  const std::int64_t retained = view.here[Figure::kRetainedMessages];
  tell("retained messages/count", retained);
  tell("messages/stored", retained + Sum(view, Figure::kQueuedMessages));
  tell("store/messages/count", retained + Sum(view, Figure::kQueuedMessages));
  tell("store/messages/bytes", view.here[Figure::kRetainedBytes] + Sum(view, Figure::kQueuedBytes));
  const std::int64_t uptime_s =
      std::max(view.here[Figure::kUptimeS], view.there ? (*view.there)[Figure::kUptimeS] : 0);
  Tell("uptime", absl::StrCat(uptime_s, " seconds"));
}

void SystemTopics::TellLoads(const SystemView& view) {
  const double minutes =
      before_ ? static_cast<double>(view.now - before_->now) / 60 / kNanosecondsPerSecond : 0;
  for (const auto& [name, figure] : kLoads) {
    Load& load = loads_[static_cast<std::size_t>(figure)];
    for (std::size_t i = 0; i < load.size(); ++i) {
      if (minutes > 0) {
        const double per_minute = static_cast<double>(Increase(*before_, view, figure)) / minutes;
        load[i] = per_minute + std::exp(-minutes / kWindows[i].minutes) * (load[i] - per_minute);
      }
      Tell(absl::StrCat(name, "/", kWindows[i].name), absl::StrFormat("%.2f", load[i]));
    }
  }
}

}  // namespace tandem::broker
