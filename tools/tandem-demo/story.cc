#include "tools/tandem-demo/story.h"

#include <poll.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status.h"

namespace tandem::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kReadyTimeout{20};
constexpr seconds kTrafficTimeout{10};
constexpr seconds kSettleTimeout{5};
constexpr milliseconds kWake{100};  // for the clock on the display
constexpr int kActs = 7;
constexpr std::uint64_t kMessagesToBelieve = 5;

std::string InSeconds(Duration duration) { return absl::StrFormat("%.1f s", Seconds(duration)); }

std::vector<StepView> Steps() {
  return {{.text = "start two nodes"},
          {.text = "they find each other and are in step"},
          {.text = "HAProxy in front, round robin"},
          {.text = "subscribe"},
          {.text = "publish, each message over a new connection"},
          {.text = "kill -9 the node without the subscriber"},
          {.text = "the clients go on"},
          {.text = "start the dead node again"},
          {.text = "both serve again"},
          {.text = "kill -9 the node with the subscriber"},
          {.text = "the clients go on"},
          {.text = "start the dead node again"},
          {.text = "cut the link between the nodes"},
          {.text = "both serve, apart"},
          {.text = "mend the link"},
          {.text = "drain and stop the node with the subscriber (SIGTERM)"},
          {.text = "start it again"},
          {.text = "stop publishing, wait for the last message"}};
}

}  // namespace

Story::Story(StoryOptions options, Cluster& cluster, Display& display, Interrupt& interrupt)
    : options_(options),
      cluster_(cluster),
      display_(display),
      interrupt_(interrupt),
      steps_(Steps()) {
  for (NodeIndex i = 0; i < kNodes; ++i) figures_.names[i] = Cluster::name(i);
}

absl::Status Story::Play() {
  TANDEM_RETURN_IF_ERROR(Step(kStart, &Story::StartNodes));
  TANDEM_RETURN_IF_ERROR(Step(kPair, &Story::WaitForPair));
  TANDEM_RETURN_IF_ERROR(Step(kBalance, &Story::StartBalancer));
  TANDEM_RETURN_IF_ERROR(Step(kSubscribe, &Story::Subscribe));
  TANDEM_RETURN_IF_ERROR(Step(kPublish, &Story::PublishThroughBoth));
  TANDEM_RETURN_IF_ERROR(Step(kKillOther, &Story::KillOther));
  TANDEM_RETURN_IF_ERROR(Step(kSurviveOther, &Story::GoOnAlone));
  TANDEM_RETURN_IF_ERROR(Step(kReturnOther, &Story::BringBack));
  TANDEM_RETURN_IF_ERROR(Step(kTogether, &Story::ServeTogether));
  TANDEM_RETURN_IF_ERROR(Step(kKillOwn, &Story::KillOwn));
  TANDEM_RETURN_IF_ERROR(Step(kSurviveOwn, &Story::GoOnAlone));
  TANDEM_RETURN_IF_ERROR(Step(kReturnOwn, &Story::BringBackAndServeTogether));
  TANDEM_RETURN_IF_ERROR(Step(kCut, &Story::CutLink));
  TANDEM_RETURN_IF_ERROR(Step(kApart, &Story::ServeApart));
  TANDEM_RETURN_IF_ERROR(Step(kMend, &Story::MendLink));
  TANDEM_RETURN_IF_ERROR(Step(kDrain, &Story::Drain));
  TANDEM_RETURN_IF_ERROR(Step(kReturnDrained, &Story::BringBackAndServeTogether));
  return Step(kSettle, &Story::Settle);
}

absl::Status Story::Step(StepIndex index, StepResult (Story::*act)()) {
  steps_[index].state = StepView::State::kRunning;
  step_begun_ = Clock::now();
  display_.ShowNow(CurrentView(), Clock::now());
  const StepResult result = (this->*act)();

  StepView& step = steps_[index];
  step.took = Clock::now() - *step_begun_;
  if (absl::IsCancelled(result.status())) return result.status();
  step.state = result.ok() ? StepView::State::kDone : StepView::State::kFailed;
  if (result.ok()) step.note = *result;
  display_.ShowNow(CurrentView(), Clock::now());
  if (result.ok()) return absl::OkStatus();
  return absl::Status(result.status().code(),
                      absl::StrCat("step '", step.text, "': ", result.status().message()));
}

Story::StepResult Story::StartNodes() {
  TANDEM_RETURN_IF_ERROR(cluster_.WriteFiles());
  TANDEM_RETURN_IF_ERROR(cluster_.StartCable());
  for (NodeIndex i = 0; i < kNodes; ++i) {
    TANDEM_RETURN_IF_ERROR(cluster_.StartNode(i));
    watches_[i] =
        std::make_unique<NodeWatch>(i, cluster_.admin_port(i), cluster_.access_log(i), traffic_);
  }
  return absl::StrCat("pids ", cluster_.pid(0), " and ", cluster_.pid(1));
}

Story::StepResult Story::WaitForPair() {
  TANDEM_RETURN_IF_ERROR(Until(kReadyTimeout, "the nodes did not become ready and in step", [this] {
    for (NodeIndex i = 0; i < kNodes; ++i)
      if (!Ready(i, begun_) || !watches_[i]->status().in_step.value_or(false)) return false;
    return true;
  }));
  return "both say so at /health/ready and /metrics";
}

Story::StepResult Story::StartBalancer() {
  TANDEM_RETURN_IF_ERROR(cluster_.StartBalancer());
  return absl::StrCat("127.0.0.1:", cluster_.balancer_port());
}

Story::StepResult Story::Subscribe() {
  subscriber_ = std::make_unique<Subscriber>(cluster_.balancer_port(), traffic_);
  TANDEM_RETURN_IF_ERROR(
      Until(kTrafficTimeout, "the subscriber got no SUBACK, or no access log names it", [this] {
        return traffic_.Look(
            [](const TrafficState& state) { return state.subscribed && state.subscriber_place; });
      }));
  return absl::StrCat("the subscriber is on ", Cluster::name(SubscriberNode()));
}

Story::StepResult Story::PublishThroughBoth() {
  publisher_ =
      std::make_unique<Publisher>(cluster_.balancer_port(), options_.messages_per_second, traffic_);
  TANDEM_RETURN_IF_ERROR(Until(kTrafficTimeout, "messages did not enter at both nodes",
                               [this] { return TakesMessages(0, 0) && TakesMessages(1, 0); }));
  TANDEM_RETURN_IF_ERROR(RunAct());
  const auto entered = Entered();
  return absl::StrCat(entered[0], " at alpha, ", entered[1], " at beta");
}

Story::StepResult Story::Kill(NodeIndex node) {
  victim_ = node;
  const pid_t pid = cluster_.pid(node);
  down_[node] = "killed";
  TANDEM_RETURN_IF_ERROR(cluster_.KillNode(node));
  return absl::StrCat(VictimName(), ", pid ", pid);
}

Story::StepResult Story::KillOther() { return Kill(1 - SubscriberNode()); }

Story::StepResult Story::KillOwn() { return Kill(SubscriberNode()); }

Story::StepResult Story::GoOnAlone() {
  const Tally before = CurrentTally();
  const TimePoint killed = *step_begun_;
  TANDEM_RETURN_IF_ERROR(
      Until(kTrafficTimeout, absl::StrCat(SurvivorName(), " did not serve on"), [&] {
        const Tally now = CurrentTally();
        return now.acknowledged >= before.acknowledged + kMessagesToBelieve &&
               now.received >= before.received + kMessagesToBelieve && SubscriberNode() != victim_;
      }));
  const Duration after = Clock::now() - killed;
  TANDEM_RETURN_IF_ERROR(RunAct());
  const Tally now = CurrentTally();
  return absl::StrCat(now.acknowledged - before.acknowledged, " messages through ", SurvivorName(),
                      ", ", kMessagesToBelieve, " within ", InSeconds(after), "; ", SoFar(now));
}

Story::StepResult Story::BringBack() {
  const TimePoint started = Clock::now();
  down_[victim_] = nullptr;
  TANDEM_RETURN_IF_ERROR(cluster_.StartNode(victim_));
  TANDEM_RETURN_IF_ERROR(
      Until(kReadyTimeout, absl::StrCat(VictimName(), " did not become ready and in step"), [&] {
        return Ready(victim_, started) && watches_[victim_]->status().in_step.value_or(false);
      }));
  const Duration took = Clock::now() - started;
  if (took > figures_.back_after) {
    figures_.victim = victim_;
    figures_.back_after = took;
  }
  return absl::StrCat(VictimName(), " is in step");
}

Story::StepResult Story::ServeTogether() {
  const auto before = Entered();
  TANDEM_RETURN_IF_ERROR(Until(kTrafficTimeout, "messages did not enter at both nodes again", [&] {
    return TakesMessages(0, before[0]) && TakesMessages(1, before[1]);
  }));
  TANDEM_RETURN_IF_ERROR(RunAct());
  const auto entered = Entered();
  return absl::StrCat(entered[0] - before[0], " at alpha, ", entered[1] - before[1], " at beta; ",
                      SoFar(CurrentTally()));
}

Story::StepResult Story::BringBackAndServeTogether() {
  TANDEM_ASSIGN_OR_RETURN(const std::string back, BringBack());
  TANDEM_ASSIGN_OR_RETURN(const std::string together, ServeTogether());
  return absl::StrCat(back, ", ", together);
}

Story::StepResult Story::CutLink() {
  traffic_.Change([](TrafficState& state) { state.ledger.SetApart(true); });
  cluster_.CutCable();
  TANDEM_RETURN_IF_ERROR(Until(kTrafficTimeout, "the nodes did not notice",
                               [this] { return BothSay(false, *step_begun_); }));
  return "both have noticed and serve alone";
}

Story::StepResult Story::ServeApart() {
  const auto before = Entered();
  TANDEM_RETURN_IF_ERROR(Until(kTrafficTimeout, "messages did not enter at both sides", [&] {
    return TakesMessages(0, before[0]) && TakesMessages(1, before[1]);
  }));
  TANDEM_RETURN_IF_ERROR(RunAct());
  const auto entered = Entered();
  return absl::StrCat(entered[0] - before[0], " at alpha, ", entered[1] - before[1], " at beta, ",
                      CurrentTally().held_back, " of them wait at the other side");
}

Story::StepResult Story::MendLink() {
  const std::uint64_t waiting = CurrentTally().held_back;
  cluster_.MendCable();
  TANDEM_RETURN_IF_ERROR(Until(kReadyTimeout, "the nodes did not become one again",
                               [this] { return BothSay(true, *step_begun_); }));
  // What does not come is the verdict's business.
  const absl::Status all =
      Until(kSettleTimeout, "", [this] { return CurrentTally().held_back == 0; });
  if (!all.ok() && !absl::IsDeadlineExceeded(all)) return all;
  traffic_.Change([](TrafficState& state) { state.ledger.SetApart(false); });
  const Tally now = CurrentTally();
  return absl::StrCat("in step; ", waiting, " waited, ", now.lost, " of them lost; ", SoFar(now));
}

Story::StepResult Story::Drain() {
  victim_ = SubscriberNode();
  cluster_.TerminateNode(victim_);
  std::optional<Exit> exit;
  TANDEM_RETURN_IF_ERROR(
      Until(kReadyTimeout, absl::StrCat(VictimName(), " did not drain and end"), [&] {
        if (!exit) exit = cluster_.Ended(victim_);
        return exit && SubscriberNode() != victim_;
      }));
  down_[victim_] = "stopped";
  if (exit->code != 0 || exit->signal != 0)
    return absl::InternalError(absl::StrCat(VictimName(), " ended with ", ToString(*exit)));
  return absl::StrCat("the subscriber went to ", SurvivorName(), "; ", SoFar(CurrentTally()));
}

Story::StepResult Story::Settle() {
  publisher_->Stop();
  // What does not come is the verdict's business.
  const absl::Status all =
      Until(kSettleTimeout, "", [this] { return CurrentTally().on_the_way == 0; });
  if (!all.ok() && !absl::IsDeadlineExceeded(all)) return all;
  subscriber_->Stop();
  figures_.tally = CurrentTally();
  figures_.published_via = Entered();
  return absl::StrCat(figures_.tally.received, " of ", figures_.tally.acknowledged, " received");
}

absl::Status Story::Until(milliseconds timeout, const std::string& what,
                          const Condition& condition) {
  const TimePoint deadline = Clock::now() + timeout;
  while (!condition()) {
    if (interrupt_.Came()) return absl::CancelledError("interrupted");
    TANDEM_RETURN_IF_ERROR(cluster_.Check());
    if (Clock::now() >= deadline)
      return absl::DeadlineExceededError(
          absl::StrCat(what, " within ", InSeconds(timeout), " (", NodesText(), ")"));
    display_.Show(CurrentView(), Clock::now());
    pollfd events[] = {{interrupt_.fd(), POLLIN, 0}, {pulse_.fd(), POLLIN, 0}};
    poll(events, std::size(events), static_cast<int>(kWake.count()));
    pulse_.Clear();
  }
  return absl::OkStatus();
}

std::string Story::NodesText() const {
  std::string text;
  for (NodeIndex i = 0; i < kNodes; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", Cluster::name(i), " ", NodeStateText(i));
    if (watches_[i] != nullptr && !watches_[i]->status().in_step.value_or(false))
      absl::StrAppend(&text, " and not in step");
  }
  return text;
}

absl::Status Story::RunAct() {
  const TimePoint end = Clock::now() + Duration(options_.length) / kActs;
  // The deadline lies behind the end: this wait is over when its time has come.
  return Until(options_.length + kTrafficTimeout, "", [end] { return Clock::now() >= end; });
}

bool Story::Ready(NodeIndex node, TimePoint since) const {
  const NodeStatus status = watches_[node]->status();
  return status.ready_code == 200 && status.asked_at >= since;
}

bool Story::TakesMessages(NodeIndex node, std::uint64_t before) const {
  return Entered()[node] >= before + kMessagesToBelieve;
}

bool Story::BothSay(bool in_step, TimePoint since) const {
  for (const auto& watch : watches_) {
    const NodeStatus status = watch->status();
    if (status.asked_at < since || status.in_step != in_step) return false;
  }
  return true;
}

NodeIndex Story::SubscriberNode() const {
  return traffic_.Look([](const TrafficState& state) { return state.subscriber_place->node; });
}

std::array<std::uint64_t, kNodes> Story::Entered() const {
  return traffic_.Look([](const TrafficState& state) {
    return std::array<std::uint64_t, kNodes>{state.routes.count(0), state.routes.count(1)};
  });
}

Tally Story::CurrentTally() const {
  return traffic_.Look([](const TrafficState& state) { return state.ledger.tally(); });
}

}  // namespace tandem::demo
