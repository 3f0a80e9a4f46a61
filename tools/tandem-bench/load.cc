#include "tools/tandem-bench/load.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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
// What a publisher may have unwritten: a broker that stops reading must not fill our memory.
constexpr std::size_t kUnwrittenMax = std::size_t{1} << 20;
constexpr std::uint32_t kFiltersPerPacketMax = 500;

std::string TimeOf(MonoNs elapsed, MonoNs whole) {
  return absl::StrFormat("%.0f/%.0f s", static_cast<double>(elapsed) / 1e9,
                         static_cast<double>(whole) / 1e9);
}

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
  interval_ns_ = options_.rate_per_s > 0
                     ? std::llround(1e9 * plan_.publishers / options_.rate_per_s)
                     : options_.interval_ns;
  clients_.reserve(plan_.clients.size());
  publisher_of_.assign(plan_.clients.size(), kNoPublisher);
  if (plan_.is_shared) shared_flows_.resize(plan_.publishers);
  for (std::uint32_t i = 0; i < plan_.clients.size(); ++i) AddMember(i);
  Enter(Phase::kConnecting, kConnectQuietNs);
}

void Load::AddMember(std::uint32_t index) {
  const ClientPlan& wanted = plan_.clients[index];
  Member& member = clients_.emplace_back();
  member.client = std::make_unique<Client>(ClientSettings{
      index, wanted.client_id, options_.version, options_.keep_alive_s, options_.user_name,
      options_.password, wanted.subscriber ? options_.session_expiry_s : 0});
  if (wanted.subscriber && plan_.is_shared) {
    member.shared_next.resize(wanted.subscriber->publishers);
  } else if (wanted.subscriber) {
    member.flows.resize(wanted.subscriber->publishers);
  }
  if (!wanted.publisher) return;
  member.client->PreparePublish(wanted.publisher->topic, options_.qos, options_.payload_bytes);
  publisher_of_[index] = static_cast<std::uint32_t>(publishers_.size());
  publishers_.push_back({.index = index, .pacer = Pacer::Closed(1, 1, false)});
}

void Load::OnOpening(std::uint32_t index, MonoNs now) {
  clients_[index].opened_at = now;
  if (plan_.reconnects) ++current_.published;
}

void Load::OnConnected(std::uint32_t index, MonoNs now) {
  now_ = now;
  clients_[index].is_connected = true;
  if (phase_ != Phase::kDone) client(index).Connect();
  MarkDirty(index);
}

void Load::OnReceived(std::uint32_t index, Bytes bytes, MonoNs now) {
  now_ = now;
  if (!client(index).Receive(bytes, *this) || !client(index).output().empty()) MarkDirty(index);
}

void Load::OnWritten(std::uint32_t index, MonoNs now) {
  now_ = now;
  const std::uint32_t number = publisher_of_[index];
  if (number == kNoPublisher) return;
  publishers_[number].pacer.OnWritten();
  if (publishers_[number].is_blocked || plan_.copies == 0) Wake(number);
}

bool Load::IsWriteAwaited(std::uint32_t index) const {
  if (phase_ == Phase::kDone || IsLeaving(index)) return true;
  const std::uint32_t number = publisher_of_[index];
  return number != kNoPublisher && (publishers_[number].is_blocked || plan_.copies == 0);
}

void Load::OnClosed(std::uint32_t index, std::string_view why, MonoNs now) {
  now_ = now;
  clients_[index].is_connected = false;
  if (std::exchange(clients_[index].is_leaving, false)) {
    client(index).StartAgain();
    if (IsPublishing()) reopening_.push_back(index);
    return;
  }
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
  if (plan_.reconnects) {
    MarkReady(client.index());
    if (!IsPublishing()) return;
    ++current_.received;
    current_.latency.Record(now_ - clients_[client.index()].opened_at);
    Leave(client.index());
    return;
  }
  if (options_.keep_alive_s > 0) {
    Schedule(Timer::kPing, client.index(),
             now_ + options_.keep_alive_s * kNanosecondsPerSecond * 3 / 4);
  }
  if (plan_.clients[client.index()].subscriber) {
    SubscribeMore(client.index());
  } else {
    MarkReady(client.index());
  }
}

void Load::SubscribeMore(std::uint32_t index) {
  const SubscriberPlan& wanted = *plan_.clients[index].subscriber;
  Member& member = clients_[index];
  std::vector<std::string_view> filters;
  if (member.subscribed == 0) filters.push_back(wanted.filter);
  // What is subscribed to already is the filter, then idle ones from the first on.
  std::size_t next = member.subscribed == 0 ? 0 : member.subscribed - 1u;
  while (next < wanted.idle_filters.size() && filters.size() < kFiltersPerPacketMax) {
    filters.push_back(wanted.idle_filters[next++]);
  }
  member.subscribed += static_cast<std::uint32_t>(filters.size());
  member.client->Subscribe(filters, options_.qos);
  MarkDirty(index);
}

void Load::OnSuback(Client& client, std::span<const mqtt::ReasonCode> codes) {
  const auto wanted = static_cast<mqtt::ReasonCode>(options_.qos);
  if (codes.empty() || !std::all_of(codes.begin(), codes.end(),
                                    [&](mqtt::ReasonCode code) { return code == wanted; })) {
    LoseClient(client.index(), "the broker did not grant the subscription");
    return;
  }
  const std::uint32_t index = client.index();
  if (clients_[index].subscribed < 1 + plan_.clients[index].subscriber->idle_filters.size()) {
    SubscribeMore(index);
  } else {
    MarkReady(index);
  }
}

void Load::Leave(std::uint32_t index) {
  clients_[index].is_leaving = true;
  client(index).Disconnect();
  MarkDirty(index);
}

void Load::TakeReopening(std::vector<std::uint32_t>& out) {
  out.insert(out.end(), reopening_.begin(), reopening_.end());
  reopening_.clear();
}

void Load::OnMessage(Client& client, const mqtt::PublishView& message) {
  ++current_.received;
  ++received_;
  const std::optional<Stamp> stamp = ReadStamp(message.payload);
  if (plan_.is_foreign) {
    if (stamp) current_.latency.Record(now_ - stamp->planned_ns);
    return;
  }
  Member& member = clients_[client.index()];
  const auto& subscriber = plan_.clients[client.index()].subscriber;
  const std::uint64_t flow = stamp && subscriber
                                 ? std::uint64_t{stamp->publisher} - subscriber->first_publisher
                                 : UINT64_MAX;
  if (flow >= std::max(member.flows.size(), member.shared_next.size())) {
    NoteError(errors_.foreign_messages,
              absl::StrCat(client.client_id(), ": a message that this load has not sent there"));
    return;
  }
  current_.latency.Record(now_ - stamp->planned_ns);
  if (!Observe(member, static_cast<std::size_t>(flow), *stamp, message)) return;
  ++delivered_;
  publishers_[stamp->publisher].pacer.OnDelivered();
  if (interval_ns_ == 0) Wake(stamp->publisher);
}

bool Load::Observe(Member& member, std::size_t flow, const Stamp& stamp,
                   const mqtt::PublishView& message) {
  if (!plan_.is_shared) {
    return member.flows[flow].Observe(stamp.sequence, message.qos, message.dup);
  }
  // The members together get everything once; each of them gets what it gets in order.
  const bool is_new =
      shared_flows_[stamp.publisher].Observe(stamp.sequence, message.qos, message.dup);
  std::uint64_t& next = member.shared_next[flow];
  if (is_new && stamp.sequence < next) ++shared_reordered_;
  next = std::max(next, stamp.sequence + 1);
  return is_new;
}

void Load::OnAcknowledged(Client& client, MonoNs planned_ns, mqtt::ReasonCode reason) {
  const std::uint32_t number = publisher_of_[client.index()];
  ++acknowledged_;
  current_.acknowledgement.Record(now_ - planned_ns);
  publishers_[number].pacer.OnAcknowledged();
  if (interval_ns_ == 0 || publishers_[number].is_blocked) Wake(number);
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
  if (phase != phase_) phase_began_ = now_;
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
      Enter(Phase::kWarmingUp, publishers_.empty() && !plan_.reconnects ? 0 : options_.warmup_ns);
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
  if (plan_.reconnects) {
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
      if (!clients_[i].is_gone) Leave(i);
    }
    return;
  }
  const auto count = static_cast<MonoNs>(publishers_.size());
  for (std::uint32_t i = 0; i < publishers_.size(); ++i) {
    // Spread over the interval: real devices do not send in the same millisecond.
    publishers_[i].pacer = MakePacer(interval_ns_ * MonoNs{i} / count);
    Wake(i);
  }
  if (!publishers_.empty()) Schedule(Timer::kStall, 0, now_ + kNanosecondsPerSecond);
}

Pacer Load::MakePacer(MonoNs offset) const {
  if (interval_ns_ > 0) return Pacer::Open(now_ + offset, interval_ns_);
  const bool is_acknowledged = options_.qos != mqtt::QoS::kAtMostOnce;
  if (plan_.copies == 0 && !is_acknowledged) return Pacer::Unanswered(options_.window);
  return Pacer::Closed(options_.window, plan_.copies, is_acknowledged);
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
    publisher.is_blocked =
        !member.client->CanPublish() || member.client->output().size() >= kUnwrittenMax;
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
    const Member& member = clients_[i];
    if (member.is_gone || !member.is_ready || !member.is_connected || member.is_leaving) continue;
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

std::string Load::Progress(MonoNs now) const {
  switch (phase_) {
    case Phase::kConnecting:
      return absl::StrCat(ready_count_, "/", clients_.size());
    case Phase::kWarmingUp:
      return TimeOf(now - phase_began_, options_.warmup_ns);
    case Phase::kMeasuring:
      return TimeOf(now - phase_began_, options_.duration_ns);
    default:
      return "";
  }
}

FlowCounts Load::Flows() const {
  FlowCounts total;
  for (const FlowChecker& flow : shared_flows_) total += flow.counts();
  total.reordered = shared_reordered_;
  for (const Member& member : clients_) {
    for (const FlowChecker& flow : member.flows) total += flow.counts();
  }
  return total;
}

std::uint64_t Load::Lost() const {
  std::uint64_t lost = 0;
  for (std::size_t k = 0; k < shared_flows_.size(); ++k) {
    lost += shared_flows_[k].Lost(publishers_[k].sequence);
  }
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
