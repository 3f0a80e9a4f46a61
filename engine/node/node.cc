#include "engine/node/node.h"

#include <mutex>
#include <utility>

#include "engine/base/event.h"
#include "engine/base/log.h"
#include "engine/base/strings.h"
#include "engine/reactor/affinity.h"
#include "engine/reactor/checked_transport.h"

namespace tandem::node {

namespace {

// In debug builds the rules of the seam are watched on both sides.
#ifdef NDEBUG
using Seam = reactor::UringTransport;
Seam& SeamOf(reactor::UringTransport& transport) { return transport; }
#else
using Seam = reactor::CheckedTransport<reactor::UringTransport>;
Seam SeamOf(reactor::UringTransport& transport) { return Seam(transport); }
#endif
using NodeCore = Core<Seam>;

constexpr metrics::Family kExposedMessages = {
    "tandem_cluster_exposed_messages", metrics::Kind::kGauge, metrics::Unit::kPlain,
    "Messages acknowledged with QoS 1 or 2 while this node was the only one to have them."};
constexpr metrics::Family kExposure = {
    "tandem_cluster_exposure_seconds", metrics::Kind::kGauge, metrics::Unit::kNanoseconds,
    "Age of the first of them; 0 while both nodes have everything."};

}  // namespace

// One engine thread and what belongs to it. The core and its transport live on the thread; the rest
// outlives it.
struct Node::Worker {
  Worker(CoreId id, unsigned cpu_number, const std::vector<std::string>& listener_names)
      : core_id(id), cpu(cpu_number), counters(cpu_number, listener_names) {}

  CoreId core_id;
  unsigned cpu;
  CoreCounters counters;
  Inbox inbox;
  std::mutex waker_mutex;
  reactor::Waker* waker =
      nullptr;               // under waker_mutex; null again when the transport is about to go
  NodeCore* core = nullptr;  // for tasks that run on the thread
  absl::Status status;       // of starting; read after `ready`
  Event ready;               // transport made, or failed
  Event started;             // listeners open, or failed
  Event may_start;           // all cores are ready (or one failed: `give_up`)
  Event stopped;             // everything ended in order
  bool give_up = false;
  bool abandon = false;  // patience is over; touched on the thread only
  std::vector<reactor::Endpoint> endpoints;
  std::string features;
  std::thread thread;
};

Node::Node(NodeOptions options)
    : options_(std::move(options)),
      mail_(static_cast<std::uint16_t>(options_.cpus.size())),
      merges_(mail_.cores()) {
  options_.connection_limits.resize(options_.listeners.size());
  for (const ConnectionLimitOptions& limits : options_.connection_limits)
    limits_.push_back(std::make_unique<ConnectionLimits>(limits));
  options_.shard.retained_budget = std::make_shared<broker::RetainedBudget>(
      options_.broker.retained_messages_max, options_.broker.retained_bytes_max);
  for (std::size_t i = 0; i < options_.cpus.size(); ++i) {
    workers_.push_back(std::make_unique<Worker>(static_cast<CoreId>(i), options_.cpus[i],
                                                options_.listener_names));
  }
}

absl::StatusOr<std::unique_ptr<Node>> Node::Start(NodeOptions options) {
  std::unique_ptr<Node> node(new Node(std::move(options)));
  for (const auto& worker : node->workers_) {
    worker->thread = std::thread([&node = *node, &worker = *worker] { node.Run(worker); });
  }
  // No core takes a turn before every core can be woken.
  bool all_ready = true;
  for (const auto& worker : node->workers_) {
    worker->ready.Wait();
    all_ready &= worker->status.ok();
  }
  for (const auto& worker : node->workers_) {
    worker->give_up = !all_ready;
    worker->may_start.Notify();
  }
  absl::Status status;
  for (const auto& worker : node->workers_) {
    worker->started.Wait();
    status.Update(worker->status);
  }
  if (!status.ok()) {
    node->Stop(kNanosecondsPerSecond);
    return status;
  }
  node->endpoints_ = node->workers_.front()->endpoints;
  node->features_ = node->workers_.front()->features;
  return node;
}

Node::~Node() { Stop(5 * kNanosecondsPerSecond); }

void Node::Run(Worker& worker) {
  reactor::NameThread("core-" + std::to_string(Index(worker.core_id)));
  if (options_.pin) worker.status = reactor::PinThread(worker.cpu);
  std::unique_ptr<reactor::UringTransport> transport;
  if (worker.status.ok()) {
    auto made = reactor::UringTransport::Create(options_.uring);
    worker.status = made.status();
    if (made.ok()) transport = *std::move(made);
  }
  if (transport) {
    worker.features = transport->features().ToTable();
    mail_.SetWaker(worker.core_id, transport->waker());
    const std::lock_guard lock(worker.waker_mutex);
    worker.waker = &transport->waker();
  }
  worker.ready.Notify();
  worker.may_start.Wait();
  if (!transport || worker.give_up) {
    worker.started.Notify();
    worker.stopped.Notify();
    return;
  }

  CoreOptions options{.core = worker.core_id,
                      .cores = cores(),
                      .listeners = options_.listeners,
                      .limits = {},
                      .shard = options_.shard,
                      .broker = options_.broker,
                      .merges = &merges_,
                      .spin_ns = options_.spin_ns};
  for (const auto& limits : limits_) options.limits.push_back(limits.get());
  if (worker.core_id != CoreId{0}) {
    // The first core opens the listeners first: where the configuration says port 0, the others
    // follow it.
    workers_.front()->started.Wait();
    const std::vector<reactor::Endpoint>& endpoints = workers_.front()->endpoints;
    for (std::size_t i = 0; i < endpoints.size(); ++i)
      options.listeners[i].endpoint.port = endpoints[i].port;
  }
  options.shard.core = worker.core_id;
  options.shard.cores = cores();
  options.shard.has_partner = static_cast<bool>(options_.make_link);
  options.shard.assigned_id_prefix += std::to_string(Index(worker.core_id)) + "-";
  auto&& seam = SeamOf(*transport);
  NodeCore core(options, seam, mail_, worker.inbox, worker.counters,
                options_.make_link ? options_.make_link(worker.core_id) : nullptr);
  worker.core = &core;
  core.shard().SetServing(options_.serving);
  worker.status = core.Start();
  if (worker.status.ok()) {
    for (const reactor::ListenerId listener : core.listeners()) {
      worker.endpoints.push_back(transport->LocalEndpoint(listener));
    }
  }
  worker.started.Notify();
  while (!core.stopped() && !worker.abandon) core.Turn();
  worker.stopped.Notify();
  // Other cores may still wake this one until they have ended too.
  for (const auto& other : workers_) other->stopped.Wait();
  const std::lock_guard lock(worker.waker_mutex);
  worker.waker = nullptr;
}

void Node::PostToAll(const std::function<void(Worker&)>& task) {
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->waker_mutex);
    if (worker->waker == nullptr) continue;
    worker->inbox.Post([task, w = worker.get()] { task(*w); });
    worker->waker->Wake();
  }
}

void Node::SetServing(bool serving) {
  PostToAll([serving](Worker& worker) { worker.core->shard().SetServing(serving); });
}

void Node::BeginDrain(double clients_per_s) {
  const double of_a_core = clients_per_s / static_cast<double>(workers_.size());
  PostToAll([of_a_core](Worker& worker) { worker.core->BeginDrain(of_a_core); });
}

void Node::EndDrain() {
  PostToAll([](Worker& worker) { worker.core->EndDrain(); });
}

void Node::Stop(MonoNs patience_ns) {
  PostToAll([](Worker& worker) { worker.core->Stop(); });
  const MonoNs deadline = ReadClocks().mono_ns + patience_ns;
  bool patient = true;
  for (const auto& worker : workers_) {
    const MonoNs left = deadline - ReadClocks().mono_ns;
    patient &= worker->stopped.WaitFor(left > 0 ? left : 0);
  }
  if (!patient) {
    Log(LogLevel::kWarn, "stopping without waiting any longer", {});
    PostToAll([](Worker& worker) { worker.abandon = true; });
  }
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void Node::RegisterMetrics(metrics::Registry& registry) const {
  for (const auto& worker : workers_) {
    registry.Add(worker->counters.net);
    registry.Add(worker->counters.broker);
    registry.Add(worker->counters.core);
  }
  if (!options_.make_link) return;
  registry.AddCallback([this](metrics::Exposition& out) { CollectExposure(out); });
  registry.Add(merges_);
}

void Node::CollectExposure(metrics::Exposition& out) const {
  const NodeTotals sums = totals();
  out.Add(kExposedMessages, {}, sums.exposed_messages);
  out.Add(kExposure, {}, sums.ExposedFor(ReadClocks().mono_ns));
}

broker::Figures Node::figures() const {
  using broker::Figure;
  const NodeTotals sums = totals();
  broker::Figures figures;
  const auto add = [&figures](Figure figure, auto value) {
    figures[figure] += static_cast<std::int64_t>(value);
  };
  add(Figure::kClientsConnected, sums.sessions_online);
  add(Figure::kSessions, sums.sessions_online + sums.sessions_offline);
  add(Figure::kPublishReceived, sums.publish_received);
  add(Figure::kPublishSent, sums.publish_delivered);
  add(Figure::kPublishDropped, sums.publish_dropped);
  add(Figure::kSubscriptions, sums.subscriptions);
  add(Figure::kRetainedMessages, sums.retained_messages);
  add(Figure::kQueuedMessages, sums.queued_messages);
  for (const auto& worker : workers_) {
    const metrics::BrokerMetrics& broker = worker->counters.broker;
    const metrics::NetMetrics& net = worker->counters.net;
    const metrics::CoreMetrics& core = worker->counters.core;
    for (std::size_t part = 0; part < metrics::kLabelValues<metrics::MemoryPart>.size(); ++part)
      add(Figure::kMemoryBytes, core.memory(static_cast<metrics::MemoryPart>(part)));
    add(Figure::kPublishBytesReceived, broker.publish_received_bytes());
    add(Figure::kPublishBytesSent, broker.publish_delivered_bytes());
    add(Figure::kSharedSubscriptions, broker.shared_subscriptions());
    add(Figure::kSessionsExpired, broker.sessions_expired());
    add(Figure::kConnectionsOpened, net.connections_opened());
    add(Figure::kConnectsReceived,
        broker.packets_received(static_cast<metrics::PacketLabel>(mqtt::PacketType::kConnect)));
    add(Figure::kPacketsReceived, broker.packets_received());
    add(Figure::kPacketsSent, broker.packets_sent());
    add(Figure::kBytesReceived, net.received_bytes());
    add(Figure::kBytesSent, net.sent_bytes());
    add(Figure::kInflight, broker.inflight(metrics::Direction::kOut));
    add(Figure::kRetainedBytes, broker.retained_bytes());
    add(Figure::kQueuedBytes, broker.queued_bytes());
  }
  return figures;
}

void Node::PublishSystem(std::vector<broker::SystemTopic> topics) {
  const auto shared = std::make_shared<const std::vector<broker::SystemTopic>>(std::move(topics));
  PostToAll([shared](Worker& worker) {
    for (const broker::SystemTopic& topic : *shared) worker.core->shard().PublishSystem(topic);
  });
}

CoreSilence Node::longest_silence() const {
  CoreSilence longest;
  for (const auto& worker : workers_) {
    const MonoNs turned_at = worker->counters.turned_at_ns.value();
    if (turned_at == 0 || worker->stopped.WaitFor(0)) continue;
    const MonoNs silent_ns = ReadClocks().mono_ns - turned_at;
    if (silent_ns > longest.ns) longest = {worker->core_id, silent_ns};
  }
  return longest;
}

NodeTotals Node::totals() const {
  NodeTotals totals;
  for (const auto& worker : workers_) {
    const metrics::BrokerMetrics& broker = worker->counters.broker;
    totals.connections += worker->counters.net.connections();
    totals.sessions_online += broker.sessions(metrics::SessionState::kOnline);
    totals.sessions_offline += broker.sessions(metrics::SessionState::kOffline);
    totals.subscriptions += broker.subscriptions();
    totals.retained_messages += broker.retained_messages();
    totals.queued_messages += broker.queued_messages();
    totals.exposed_messages += broker.exposed_messages();
    if (const MonoNs since = broker.exposed_since_ns();
        since != 0 && (totals.exposed_since == 0 || since < totals.exposed_since))
      totals.exposed_since = since;
    for (std::uint8_t qos = 0; qos <= 2; ++qos) {
      totals.publish_received += broker.publish_received(qos);
      totals.publish_delivered += broker.publish_delivered(qos);
    }
    for (std::size_t reason = 0; reason < metrics::kLabelValues<metrics::DropReason>.size();
         ++reason) {
      totals.publish_dropped += broker.publish_dropped(static_cast<metrics::DropReason>(reason));
    }
  }
  return totals;
}

}  // namespace tandem::node
