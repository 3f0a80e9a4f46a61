// What the demo shows, without how it is shown.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tools/tandem-demo/clock.h"
#include "tools/tandem-demo/ledger.h"
#include "tools/tandem-demo/node_watch.h"
#include "tools/tandem-demo/routes.h"

namespace tandem::demo {

struct StepView {
  enum class State { kWaiting, kRunning, kDone, kFailed };
  std::string text;
  State state = State::kWaiting;
  Duration took{};   // done or failed: how long it took; running: so far
  std::string note;  // what came out of it
};

struct NodeView {
  std::string name;
  std::string state;     // "serving", "killed", ...
  bool serving = false;  // takes clients
  int pid = -1;          // -1: no process
  NodeStatus status;
  std::uint64_t published_via = 0;
};

// How one message entered the cluster.
struct EntryView {
  std::optional<NodeIndex> node;  // nothing: not known (yet)
  bool repeated = false;
};

struct View {
  Duration elapsed{};
  std::string address;  // of the balancer
  std::vector<StepView> steps;
  std::array<NodeView, kNodes> nodes;
  std::vector<EntryView> entries;  // of the last messages, oldest first
  std::string subscriber;          // "connected, on alpha"
  Tally tally;
};

}  // namespace tandem::demo
