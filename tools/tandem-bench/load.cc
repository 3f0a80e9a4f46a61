#include "tools/tandem-bench/load.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "proto/mqtt/reason_code.h"

namespace tandem::bench {
namespace {

constexpr std::uint32_t kNoPublisher = UINT32_MAX;
// Draining ends when nothing has arrived for this long.
constexpr MonoNs kDrainQuietNs = kNanosecondsPerSecond;
// Connecting has failed when no client got further for this long.
constexpr MonoNs kConnectQuietNs = 10 * kNanosecondsPerSecond;
constexpr MonoNs kDrainStepNs = 20 * kNanosecondsPerMillisecond;
// Messages of one publisher in one turn, so that a publisher that has fallen behind in the open
// loop leaves time to receive.
constexpr int kPublishesPerTurnMax = 1'000;

}  // namespace

void Measurement::Add(const Measurement& other) {
  published += other.published;
  received += other.received;
  latency.Add(other.latency);
  acknowledgement.Add(other.acknowledgement);
}

void Measurement::Clear() {
  published = 0;
  received = 0;
  latency.Clear();
  acknowledgement.Clear();
}

Load::Load(const Options& options, LoadPlan plan, MonoNs now)
    : options_(options), plan_(std::move(plan)), begin_(now), now_(now), wheel_(now) {
  clients_.reserve(plan_.clients.size());
  publisher_of_.assign(plan_.clients.size(), kNoPublisher);
  for (std::uint32_t i = 0; i < plan_.clients.size(); ++i) {
    const ClientPlan& wanted = plan_.clients[i];
    Member& member = clients_.emplace_back();
    member.client = std::make_unique<Client>(
        ClientSettings{i, wanted.client_id, options_.version, options_.keep_alive_s});
    if (wanted.subscriber) member.flows.resize(wanted.subscriber->publishers);
    if (wanted.publisher) {
      member.client->PreparePublish(wanted.publisher->topic, options_.qos, options_.payload_bytes);
      publisher_of_[i] = static_cast<std::uint32_t>(publishers_.size());
      publishers_.push_back({.index = i, .pacer = Pacer::Closed(1, 1, false)});
    }
  }
  Enter(Phase::kConnecting, kConnectQuietNs);
}

void Load::OnConnected(std::uint32_t index, MonoNs now) {
  now_ = now;
  client(index).Connect();
  MarkDirty(index);
}

void Load::OnReceived(std::uint32_t index, Bytes bytes, MonoNs now) {
  now_ = now;
  if (!client(index).Receive(bytes, *this) || !client(index).output().empty()) MarkDirty(index);
}

void Load::OnClosed(std::uint32_t index, std::string_view why, MonoNs now) {
  now_ = now;
  if (phase_ == Phase::kDone) {
    clients_[index].is_gone = true;
    return;
  }
  const std::string& error = client(index).error();
  LoseClient(index, error.empty() ? why : std::string_view(error));
}

void Load::LoseClient(std::uint32_t index, std::string_view why) {
  if (std::exchange(clients_[index].is_gone, true)) return;
  NoteError(errors_.clients_lost, absl::StrCat(client(index).client_id(), ": ", ToAbsl(why)));
  if (phase_ == Phase::kConnecting) Stop(now_);  // it would wait for this one for ever
}

void Load::OnConnack(Client& client, mqtt::ReasonCode reason) {
  if (mqtt::IsError(reason)) {
    LoseClient(client.index(), mqtt::Name(reason));
    return;
  }
  if (options_.keep_alive_s > 0) {
    Schedule(Timer::kPing, client.index(),
             now_ + options_.keep_alive_s * kNanosecondsPerSecond * 3 / 4);
  }
  const auto& subscriber = plan_.clients[client.index()].subscriber;
  if (subscriber) {
    client.Subscribe(subscriber->filter, options_.qos);
  } else {
    MarkReady(client.index());
  }
}

void Load::OnSuback(Client& client, mqtt::ReasonCode reason) {
  if (reason != static_cast<mqtt::ReasonCode>(options_.qos)) {
    LoseClient(client.index(), "the broker did not grant the subscription");
    return;
  }
  MarkReady(client.index());
}

void Load::OnMessage(Client& client, const mqtt::PublishView& message) {
  ++current_.received;
  const std::optional<Stamp> stamp = ReadStamp(message.payload);
  Member& member = clients_[client.index()];
  const auto& subscriber = plan_.clients[client.index()].subscriber;
  const std::uint64_t flow = stamp && subscriber
                                 ? std::uint64_t{stamp->publisher} - subscriber->first_publisher
                                 : member.flows.size();
  if (flow >= member.flows.size()) {
    NoteError(errors_.foreign_messages,
              absl::StrCat(client.client_id(), ": a message that this load has not sent there"));
    return;
  }
  current_.latency.Record(now_ - stamp->planned_ns);
  if (!member.flows[flow].Observe(stamp->sequence, message.qos, message.dup)) return;
  ++delivered_;
  publishers_[stamp->publisher].pacer.OnDelivered();
  if (options_.interval_ns == 0) Wake(stamp->publisher);
}

void Load::OnAcknowledged(Client& client, MonoNs planned_ns, mqtt::ReasonCode reason) {
  const std::uint32_t number = publisher_of_[client.index()];
  ++acknowledged_;
  current_.acknowledgement.Record(now_ - planned_ns);
  publishers_[number].pacer.OnAcknowledged();
  if (options_.interval_ns == 0 || publishers_[number].is_blocked) Wake(number);
  if (mqtt::IsError(reason)) {
    NoteError(errors_.publishes_refused,
              absl::StrCat(client.client_id(), ": publish refused: ", ToAbsl(mqtt::Name(reason))));
  }
}

void Load::Tick(MonoNs now) {
  now_ = now;
  wheel_.Advance(now, [this](std::uint64_t cookie) { OnTimer(cookie); });
  if (!IsPublishing()) return;
  for (; !due_.empty() && due_.top().first <= now_; due_.pop()) Wake(due_.top().second);
  waked_now_.swap(waked_);
  for (const std::uint32_t number : waked_now_) {
    publishers_[number].is_waked = false;
    PublishDue(publishers_[number]);
  }
  waked_now_.clear();
}

MonoNs Load::NextDeadline() const noexcept {
  const MonoNs timer = wheel_.NextDeadline();
  if (!IsPublishing()) return timer;
  if (!waked_.empty()) return now_;
  return due_.empty() ? timer : std::min(timer, due_.top().first);
}

void Load::OnTimer(std::uint64_t cookie) {
  const auto index = static_cast<std::uint32_t>(cookie);
  switch (static_cast<Timer>(cookie >> 32)) {
    case Timer::kPhase:
      NextPhase();
      break;
    case Timer::kPing:
      if (clients_[index].is_gone || phase_ == Phase::kDone) break;
      client(index).Ping();
      MarkDirty(index);
      Schedule(Timer::kPing, index, now_ + options_.keep_alive_s * kNanosecondsPerSecond * 3 / 4);
      break;
    case Timer::kStall:
      GiveUpStalled();
      break;
  }
}

reactor::TimerId Load::Schedule(Timer timer, std::uint32_t index, MonoNs deadline) {
  return wheel_.Schedule(deadline, std::uint64_t{static_cast<std::uint32_t>(timer)} << 32 | index);
}

void Load::MarkReady(std::uint32_t index) {
  Member& member = clients_[index];
  if (std::exchange(member.is_ready, true)) return;
  if (++ready_count_ < clients_.size()) return;
  connect_time_ns_ = now_ - begin_;
  Enter(Phase::kSettling, publishers_.empty() ? 0 : options_.settle_ns);
}

void Load::MarkDirty(std::uint32_t index) {
  if (std::exchange(clients_[index].is_dirty, true)) return;
  dirty_.push_back(index);
}

void Load::TakeDirty(std::vector<std::uint32_t>& out) {
  out.clear();
  out.swap(dirty_);
  for (const std::uint32_t index : out) clients_[index].is_dirty = false;
}

void Load::NoteError(std::uint64_t& counter, std::string text) {
  if (errors_.first.empty()) errors_.first = std::move(text);
  ++counter;
}

void Load::Enter(Phase phase, MonoNs duration_ns) {
  phase_ = phase;
  wheel_.Cancel(phase_timer_);
  phase_timer_ = Schedule(Timer::kPhase, 0, now_ + duration_ns);
}

void Load::NextPhase() {
  switch (phase_) {
    case Phase::kConnecting:
      CheckConnecting();
      break;
    case Phase::kDone:
      break;
    case Phase::kSettling:
      Enter(Phase::kWarmingUp, publishers_.empty() ? 0 : options_.warmup_ns);
      StartPublishing();
      break;
    case Phase::kWarmingUp:
      Enter(Phase::kMeasuring, options_.duration_ns);
      measured_begin_ = now_;
      current_.Clear();
      break;
    case Phase::kMeasuring:
      Stop(now_);
      break;
    case Phase::kDraining:
      CheckDrain();
      break;
  }
}

void Load::CheckConnecting() {
  if (ready_count_ == ready_seen_) {
    NoteError(errors_.clients_lost,
              absl::StrCat(clients_.size() - ready_count_, " clients did not get ready"));
    Stop(now_);
    return;
  }
  ready_seen_ = ready_count_;
  Enter(Phase::kConnecting, kConnectQuietNs);
}

void Load::Stop(MonoNs now) {
  now_ = now;
  if (phase_ >= Phase::kDraining) return;
  if (phase_ == Phase::kMeasuring) {
    measured_.Add(current_);
    current_.Clear();
    measured_end_ = now_;
  }
  drain_quiet_until_ = now_ + kDrainQuietNs;
  Enter(Phase::kDraining, 0);
}

void Load::StartPublishing() {
  const auto count = static_cast<MonoNs>(publishers_.size());
  for (std::uint32_t i = 0; i < publishers_.size(); ++i) {
    // Spread over the interval: real devices do not send in the same millisecond.
    publishers_[i].pacer =
        options_.interval_ns > 0
            ? Pacer::Open(now_ + options_.interval_ns * MonoNs{i} / count, options_.interval_ns)
            : Pacer::Closed(options_.window, plan_.copies, options_.qos != mqtt::QoS::kAtMostOnce);
    Wake(i);
  }
  if (!publishers_.empty()) Schedule(Timer::kStall, 0, now_ + kNanosecondsPerSecond);
}

void Load::Wake(std::uint32_t publisher) {
  if (!std::exchange(publishers_[publisher].is_waked, true)) waked_.push_back(publisher);
}

void Load::PublishDue(Publisher& publisher) {
  Member& member = clients_[publisher.index];
  if (member.is_gone) return;
  const std::uint32_t number = publisher_of_[publisher.index];
  MonoNs planned;
  int budget = kPublishesPerTurnMax;
  publisher.is_blocked = false;
  while (publisher.pacer.IsDue(now_, planned)) {
    publisher.is_blocked = !member.client->CanPublish();
    if (publisher.is_blocked) break;
    if (budget-- == 0) {
      Wake(number);
      break;
    }
    member.client->Publish({number, publisher.sequence++, planned});
    publisher.pacer.OnPublished();
    ++current_.published;
    ++sent_;
  }
  if (!member.client->output().empty()) MarkDirty(publisher.index);
  const MonoNs deadline = publisher.pacer.NextDeadline();
  if (deadline > now_ && deadline != kNever) due_.emplace(deadline, number);
}

void Load::GiveUpStalled() {
  if (!IsPublishing()) return;
  for (std::uint32_t i = 0; i < publishers_.size(); ++i) {
    const std::uint64_t copies = publishers_[i].pacer.GiveUpStalled();
    if (copies == 0) continue;
    if (errors_.first.empty()) errors_.first = "messages did not come back for a second";
    errors_.copies_given_up += copies;
    Wake(i);
  }
  Schedule(Timer::kStall, 0, now_ + kNanosecondsPerSecond);
}

bool Load::IsDrained() const {
  if (delivered_ < sent_ * plan_.copies) return false;
  return options_.qos == mqtt::QoS::kAtMostOnce || acknowledged_ >= sent_;
}

void Load::CheckDrain() {
  const std::uint64_t progress = delivered_ + acknowledged_;
  if (progress != progress_seen_) drain_quiet_until_ = now_ + kDrainQuietNs;
  progress_seen_ = progress;
  if (!IsDrained() && now_ < drain_quiet_until_) {
    Enter(Phase::kDraining, kDrainStepNs);
    return;
  }
  phase_ = Phase::kDone;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].is_gone || !clients_[i].is_ready) continue;
    client(i).Disconnect();
    MarkDirty(i);
  }
}

const Measurement& Load::TakeRecent() {
  if (phase_ == Phase::kMeasuring) measured_.Add(current_);
  recent_.Clear();
  recent_.Add(current_);
  current_.Clear();
  return recent_;
}

FlowCounts Load::Flows() const {
  FlowCounts total;
  for (const Member& member : clients_) {
    for (const FlowChecker& flow : member.flows) total += flow.counts();
  }
  return total;
}

std::uint64_t Load::Lost() const {
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    for (std::size_t k = 0; k < clients_[i].flows.size(); ++k) {
      const std::uint64_t sent =
          publishers_[plan_.clients[i].subscriber->first_publisher + k].sequence;
      lost += clients_[i].flows[k].Lost(sent);
    }
  }
  return lost;
}

}  // namespace tandem::bench
