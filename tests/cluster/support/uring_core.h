// Cores with real threads, rings and TCP under the links of a Cluster: what engine/node does,
// reduced to what the link needs.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "cluster/cluster.h"
#include "engine/base/check.h"
#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/uring_transport.h"

namespace tandem::cluster::testing {

// A StreamPort over one core's UringTransport.
class UringPort final : public reactor::StreamPort {
 public:
  explicit UringPort(reactor::UringTransport& transport) : transport_(transport) {}

  void Poll() { transport_.Poll(reactor::MonotonicNow(), *this); }

  absl::StatusOr<reactor::ListenerId> Listen(const reactor::ListenOptions& options,
                                             reactor::AcceptHandler& handler) override {
    auto id = transport_.Listen(options);
    if (id.ok()) acceptors_[static_cast<std::uint32_t>(*id)] = &handler;
    return id;
  }
  void StopListening(reactor::ListenerId listener) override {
    transport_.StopListening(listener);
    acceptors_.erase(static_cast<std::uint32_t>(listener));
  }
  reactor::Endpoint LocalEndpoint(reactor::ListenerId listener) override {
    return transport_.LocalEndpoint(listener);
  }
  absl::StatusOr<ConnectionId> Connect(const reactor::ConnectOptions& options,
                                       reactor::StreamHandler& handler) override {
    auto id = transport_.Connect(options);
    if (id.ok()) Attach(*id, handler);
    return id;
  }
  void Attach(ConnectionId id, reactor::StreamHandler& handler) override {
    handlers_[Key(id)] = &handler;
  }
  void Send(ConnectionId id, std::span<const reactor::Fragment> fragments) override {
    if (!cut_.contains(Key(id))) transport_.Send(id, fragments);
  }
  void Receive(ConnectionId id, MutableBytes memory) override {
    if (!cut_.contains(Key(id))) transport_.Receive(id, memory);
  }
  void Release(const reactor::ReceivedSlice& slice) override { transport_.Release(slice); }
  void Close(ConnectionId id, reactor::CloseMode mode) override {
    if (!cut_.contains(Key(id))) transport_.Close(id, mode);
  }
  void Detach(ConnectionId id) override {
    if (!cut_.contains(Key(id))) transport_.Detach(id);
  }
  ConnectionId Adopt(std::unique_ptr<reactor::Handoff> handoff,
                     reactor::StreamHandler& handler) override {
    const ConnectionId id = transport_.Adopt(std::move(handoff));
    Attach(id, handler);
    return id;
  }
  // Breaks every connection behind the back of its owner, who learns it by OnClosed.
  void CutAll() {
    std::vector<ConnectionId> ids;
    for (const auto& [key, handler] : handlers_) ids.push_back(ConnectionId{key});
    for (const ConnectionId id : ids) {
      if (cut_.insert(Key(id)).second) transport_.Close(id, reactor::CloseMode::kReset);
    }
  }

  // reactor::TransportHandler
  void OnAccepted(reactor::ListenerId listener, ConnectionId id, const reactor::Endpoint& peer) {
    const auto it = acceptors_.find(static_cast<std::uint32_t>(listener));
    if (it == acceptors_.end()) return transport_.Close(id, reactor::CloseMode::kReset);
    it->second->OnAccepted(id, peer);
  }
  void OnAcceptFailed(reactor::ListenerId, const absl::Status&) {}
  void OnConnected(ConnectionId id, const absl::Status& status) {
    if (auto* handler = Find(id)) handler->OnConnected(status);
  }
  void OnReceived(ConnectionId id, reactor::ReceivedSlice slice) {
    if (auto* handler = Find(id)) return handler->OnReceived(slice);
    transport_.Release(slice);
  }
  void OnReceivedDirect(ConnectionId id, std::size_t bytes) {
    if (auto* handler = Find(id)) handler->OnReceivedDirect(bytes);
  }
  void OnSent(ConnectionId id) {
    if (auto* handler = Find(id)) handler->OnSent();
  }
  void OnDetached(ConnectionId id, std::unique_ptr<reactor::Handoff> handoff) {
    if (auto* handler = Take(id)) handler->OnDetached(std::move(handoff));
  }
  void OnClosed(ConnectionId id, reactor::CloseReason reason) {
    if (auto* handler = Take(id)) handler->OnClosed(reason);
  }

 private:
  static std::uint64_t Key(ConnectionId id) { return static_cast<std::uint64_t>(id); }
  reactor::StreamHandler* Find(ConnectionId id) {
    const auto it = handlers_.find(Key(id));
    return it == handlers_.end() ? nullptr : it->second;
  }
  reactor::StreamHandler* Take(ConnectionId id) {
    reactor::StreamHandler* const handler = Find(id);
    handlers_.erase(Key(id));
    cut_.erase(Key(id));
    return handler;
  }

  reactor::UringTransport& transport_;
  absl::flat_hash_map<std::uint64_t, reactor::StreamHandler*> handlers_;
  absl::flat_hash_map<std::uint32_t, reactor::AcceptHandler*> acceptors_;
  absl::flat_hash_set<std::uint64_t> cut_;
};

// One thread of one node. `Broker` is a ReplicatorEvents with `node::PartnerLink* link` and `void
// Work(const Now&)`, which runs once per turn on the thread.
template <class Broker>
class UringCore {
 public:
  UringCore(CoreId core, std::uint16_t cores, std::unique_ptr<node::PartnerLink> link,
            std::function<void(CoreId, absl::AnyInvocable<void()>)> post)
      : core_(core), cores_(cores), link_(std::move(link)), post_(std::move(post)) {
    broker.link = link_.get();
  }
  ~UringCore() { Kill(); }

  absl::Status Start() {
    std::promise<absl::Status> started;
    std::future<absl::Status> result = started.get_future();
    thread_ = std::thread([this, &started] { Run(started); });
    return result.get();
  }
  // Any thread.
  void Post(absl::AnyInvocable<void()> task) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
    if (waker_ != nullptr) waker_->Wake();
  }
  // Runs `task` on the core and waits for it.
  void Call(absl::AnyInvocable<void()> task) {
    std::promise<void> done;
    Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void Stop() {
    Post([this] { link_->Stop(TakeNow()); });
  }
  // Until the link has stopped.
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  // The thread ends where it stands; the transport closes its sockets as the kernel would.
  void Kill() {
    Post([this] { killed_ = true; });
    Join();
  }
  UringPort& port() { return *port_; }

  Broker broker;

 private:
  static Now TakeNow() {
    return {.mono_ns = reactor::MonotonicNow(),
            .wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count()};
  }

  void Run(std::promise<absl::Status>& started) {
    reactor::UringOptions options;
    options.queue = 256;
    options.small_buffers = 64;
    options.large_buffers = 8;
    options.huge_pages = reactor::HugePages::kOff;
    auto transport = reactor::UringTransport::Create(options);
    if (!transport.ok()) return started.set_value(transport.status());
    port_ = std::make_unique<UringPort>(**transport);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waker_ = &(*transport)->waker();
    }
    const absl::Status status = link_->Start(
        {.core = core_, .cores = cores_, .streams = port_.get(), .events = &broker, .post = post_},
        TakeNow());
    started.set_value(status);
    while (status.ok() && !link_->stopped() && !killed_) Turn(**transport);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waker_ = nullptr;
    }
    // As in a process that dies, the sockets go first.
    transport->reset();
    link_.reset();
    broker.link = nullptr;
    for (auto& task : TakeTasks()) task();  // nobody shall wait for a core that is gone
  }

  void Turn(reactor::UringTransport& transport) {
    const Now now = TakeNow();
    link_->BeginTurn(now);
    port_->Poll();
    for (auto& task : TakeTasks()) task();
    broker.Work(now);
    const bool more = link_->Turn(now);
    broker.Work(now);  // what has just been confirmed may make room for more
    if (more || killed_ || link_->NextDeadline() <= now.mono_ns) {
      transport.Submit();
    } else {
      transport.Wait(reactor::MonotonicNow(), link_->NextDeadline());
    }
  }

  std::vector<absl::AnyInvocable<void()>> TakeTasks() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(tasks_, {});
  }

  const CoreId core_;
  const std::uint16_t cores_;
  std::unique_ptr<node::PartnerLink> link_;
  std::function<void(CoreId, absl::AnyInvocable<void()>)> post_;
  std::unique_ptr<UringPort> port_;
  std::mutex mutex_;
  std::vector<absl::AnyInvocable<void()>> tasks_;
  reactor::Waker* waker_ = nullptr;
  bool killed_ = false;
  std::thread thread_;
};

// One node: a Cluster and its cores.
template <class Broker>
class UringNode {
 public:
  UringNode(ClusterOptions options, std::uint16_t core_count) {
    auto made = Cluster::Create(std::move(options));
    TANDEM_CHECK_MSG(made.ok(), made.status().ToString());
    cluster = *std::move(made);
    for (std::uint16_t i = 0; i < core_count; ++i) {
      cores.push_back(
          std::make_unique<UringCore<Broker>>(CoreId{i}, core_count, cluster->MakeLink(CoreId{i}),
                                              [this](CoreId to, absl::AnyInvocable<void()> task) {
                                                cores[Index(to)]->Post(std::move(task));
                                              }));
    }
  }
  absl::Status Start() {
    for (const auto& core : cores) {
      if (absl::Status status = core->Start(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  void Stop() {
    for (const auto& core : cores) core->Stop();
    for (const auto& core : cores) core->Join();
  }
  void Kill() {
    for (const auto& core : cores) core->Kill();
  }

  std::unique_ptr<Cluster> cluster;
  std::vector<std::unique_ptr<UringCore<Broker>>> cores;
};

}  // namespace tandem::cluster::testing
