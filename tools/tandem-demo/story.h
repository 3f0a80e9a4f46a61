// The story: two nodes serve; one is killed and comes back, then the other, the one that the
// subscriber is on; the link between them is cut and mended; one is drained and comes back.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "tools/tandem-demo/cluster.h"
#include "tools/tandem-demo/display.h"
#include "tools/tandem-demo/interrupt.h"
#include "tools/tandem-demo/node_watch.h"
#include "tools/tandem-demo/publisher.h"
#include "tools/tandem-demo/subscriber.h"
#include "tools/tandem-demo/traffic.h"
#include "tools/tandem-demo/verdict.h"

namespace tandem::demo {

struct StoryOptions {
  std::chrono::seconds length{24};  // of the acts with traffic together
  unsigned messages_per_second = 50;
};

// Plays once. Runs on the main thread; the clients and watchers have threads of their own.
class Story {
 public:
  Story(StoryOptions options, Cluster& cluster, Display& display, Interrupt& interrupt);

  // An error says which step failed and why; Cancelled: the user interrupted. The cluster is left
  // as it is then.
  absl::Status Play();
  // After Play() was ok.
  Verdict verdict() const { return Judge(figures_); }

 private:
  enum StepIndex : std::size_t {
    kStart,
    kPair,
    kBalance,
    kSubscribe,
    kPublish,
    kKillOther,
    kSurviveOther,
    kReturnOther,
    kTogether,
    kKillOwn,
    kSurviveOwn,
    kReturnOwn,
    kCut,
    kApart,
    kMend,
    kDrain,
    kReturnDrained,
    kSettle,
    kSteps
  };
  using Condition = std::function<bool()>;
  // The note of a step that is done, or why it failed.
  using StepResult = absl::StatusOr<std::string>;

  absl::Status Step(StepIndex index, StepResult (Story::*act)());
  StepResult StartNodes();
  StepResult WaitForPair();
  StepResult StartBalancer();
  StepResult Subscribe();
  StepResult PublishThroughBoth();
  StepResult KillOther();  // than the subscriber's
  StepResult KillOwn();    // the subscriber's
  StepResult GoOnAlone();
  StepResult BringBack();
  StepResult ServeTogether();
  StepResult BringBackAndServeTogether();
  StepResult CutLink();
  StepResult ServeApart();
  StepResult MendLink();
  StepResult Drain();
  StepResult Settle();

  // Waits until `condition` holds, for at most `timeout`, keeping the display fresh.
  // DeadlineExceeded says `what` did not happen; Cancelled and Aborted if the user interrupts or a
  // process ends that should run.
  absl::Status Until(std::chrono::milliseconds timeout, const std::string& what,
                     const Condition& condition);
  StepResult Kill(NodeIndex node);
  // Lets the traffic run for one of the acts.
  absl::Status RunAct();
  bool Ready(NodeIndex node, TimePoint since) const;
  // Both nodes took at least kMessagesToBelieve messages that were begun after the counts `before`.
  bool TakesMessages(NodeIndex node, std::uint64_t before) const;
  // Whether both nodes said since then that they are in step, or that they are not.
  bool BothSay(bool in_step, TimePoint since) const;
  NodeIndex SubscriberNode() const;
  std::array<std::uint64_t, kNodes> Entered() const;
  Tally CurrentTally() const;
  const std::string& VictimName() const { return Cluster::name(victim_); }
  const std::string& SurvivorName() const { return Cluster::name(1 - victim_); }
  View CurrentView() const;
  std::string NodeStateText(NodeIndex node) const;
  std::string NodesText() const;  // "alpha serving, beta no answer and not in step"

  StoryOptions options_;
  Cluster& cluster_;
  Display& display_;
  Interrupt& interrupt_;
  TimePoint begun_ = Clock::now();
  Pulse pulse_;
  Traffic traffic_{pulse_};
  std::array<std::unique_ptr<NodeWatch>, kNodes> watches_;
  std::unique_ptr<Subscriber> subscriber_;
  std::unique_ptr<Publisher> publisher_;
  std::vector<StepView> steps_;
  std::optional<TimePoint> step_begun_;
  NodeIndex victim_ = 0;                    // the node that is down, or was last
  std::array<const char*, kNodes> down_{};  // why a node is; nullptr: it is not
  Figures figures_;
};

}  // namespace tandem::demo
