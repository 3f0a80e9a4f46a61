// How a Story looks at a moment.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/tandem-demo/story.h"

namespace tandem::demo {
namespace {

constexpr std::size_t kEntriesShown = 300;

std::string SubscriberText(const TrafficState& state) {
  if (state.subscriber_connections == 0) return "not connected yet";
  std::string text = state.subscribed ? "connected" : "not connected";
  if (state.subscriber_place)
    absl::StrAppend(&text, state.subscribed ? " to " : ", was on ",
                    Cluster::name(state.subscriber_place->node));
  if (state.subscriber_connections > 1)
    absl::StrAppend(&text, ", connection ", state.subscriber_connections);
  return text;
}

// The last messages that an access log could name by now.
std::vector<EntryView> LastEntries(const TrafficState& state) {
  std::vector<EntryView> entries;
  const Sequence last = state.routes.last();
  const Sequence first = last > kEntriesShown ? last - kEntriesShown + 1 : 1;
  for (Sequence i = first; i <= last; ++i)
    entries.push_back({state.routes.node(i), state.ledger.attempts(i) > 1});
  return entries;
}

}  // namespace

std::string Story::NodeStateText(NodeIndex node) const {
  if (down_[node] != nullptr) return down_[node];
  if (cluster_.pid(node) < 0 || watches_[node] == nullptr) return "not started";
  const NodeStatus status = watches_[node]->status();
  if (status.ready_code == 0) return "no answer";
  return status.state.value_or(status.ready_code == 200 ? "serving" : "not ready");
}

View Story::CurrentView() const {
  View view{.elapsed = Clock::now() - begun_,
            .address = absl::StrCat("127.0.0.1:", cluster_.balancer_port()),
            .steps = steps_,
            .nodes = {},
            .entries = {},
            .subscriber = {},
            .tally = {}};
  traffic_.Look([&view](const TrafficState& state) {
    view.tally = state.ledger.tally();
    view.entries = LastEntries(state);
    view.subscriber = SubscriberText(state);
    for (NodeIndex i = 0; i < kNodes; ++i) view.nodes[i].published_via = state.routes.count(i);
  });
  for (NodeIndex i = 0; i < kNodes; ++i) {
    NodeView& node = view.nodes[i];
    node.name = Cluster::name(i);
    node.pid = cluster_.pid(i);
    node.state = NodeStateText(i);
    if (watches_[i] == nullptr) continue;
    node.status = watches_[i]->status();
    node.serving = down_[i] == nullptr && node.status.ready_code == 200;
  }
  return view;
}

}  // namespace tandem::demo
