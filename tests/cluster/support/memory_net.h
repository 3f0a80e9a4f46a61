// A network in memory for the link: StreamPorts of several cores and nodes, in one thread, in
// virtual time. Bytes arrive in pieces of random size; connections can be cut, hosts killed,
// networks partitioned.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/byte_buffer.h"
#include "engine/base/check.h"
#include "engine/reactor/stream_port.h"

namespace tandem::cluster::testing {

class MemoryPort;

// One end of a connection. The two ends are linked while both live.
struct MemoryEnd {
  MemoryPort* port = nullptr;
  ConnectionId id{};
  reactor::StreamHandler* handler = nullptr;
  std::string host;  // of the owner
  MemoryEnd* peer = nullptr;
  std::string
      unheard;  // the host of a peer that closed behind a partition: whoever sends finds out
  ByteBuffer inbox;
  MutableBytes receive;  // empty: none waiting
  bool connected = false;
  bool connecting = false;
  std::string dial;  // "host:port" while connecting
  bool send_pending = false;
  bool fin = false;  // the peer has closed in good order
  bool closed_here = false;
  bool accepted_unattached = false;
  std::optional<reactor::CloseReason> closing;  // OnClosed is due
};

class MemoryNet {
 public:
  explicit MemoryNet(std::uint64_t seed) : random_(seed) {}

  struct Listener {
    MemoryPort* port;
    reactor::ListenerId id;
    reactor::AcceptHandler* handler;
  };
  std::map<std::string, Listener> listeners;  // by "host:port"
  std::set<std::pair<std::string, std::string>>
      blocked;  // bytes from first to second host do not arrive

  std::set<std::string> blocked_listeners;  // "host:port" that swallow connects

  bool splits = true;  // what is sent arrives in pieces of random size

  // What becomes of bytes on their way, if set.
  std::function<void(MutableBytes)> tamper;

  // Rises with whatever a poll of any port might notice.
  std::uint64_t activity = 0;

  bool Blocked(const std::string& from, const std::string& to) const {
    return blocked.contains({from, to});
  }
  std::uint64_t Random(std::uint64_t below) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_ % below;
  }
  void Reset(MemoryEnd& end, reactor::CloseReason reason) {
    ++activity;
    if (!end.closing) end.closing = reason;
    if (end.peer != nullptr) {
      // Across a partition nobody hears of a reset.
      if (Blocked(end.host, end.peer->host)) {
        end.peer->unheard = end.host;
      } else if (!end.peer->closing) {
        end.peer->closing = reactor::CloseReason::kPeerReset;
      }
      end.peer->peer = nullptr;
      end.peer = nullptr;
    }
  }

 private:
  std::uint64_t random_;
};

class MemoryPort final : public reactor::StreamPort {
 public:
  MemoryPort(MemoryNet& net, std::string host) : net_(net), host_(std::move(host)) {}
  ~MemoryPort() override { Kill(); }

  // The process dies: its connections are reset, its listeners gone.
  void Kill() {
    for (auto& [id, end] : ends_) net_.Reset(*end, reactor::CloseReason::kLocal);
    ends_.clear();
    std::erase_if(net_.listeners, [this](const auto& each) { return each.second.port == this; });
  }
  // Cuts every connection of this port, as a switch that reboots would.
  std::size_t CutAll() {
    return CutIf([](const MemoryEnd&) { return true; });
  }
  std::size_t CutIf(const std::function<bool(const MemoryEnd&)>& wanted) {
    std::size_t count = 0;
    for (auto& [id, end] : ends_) {
      if (!end->connected || end->closing || !wanted(*end)) continue;
      net_.Reset(*end, reactor::CloseReason::kPeerReset);
      ++count;
    }
    return count;
  }

  // The same, and the other ends never hear of it: what they send vanishes.
  std::size_t ForgetAll() {
    std::size_t count = 0;
    for (auto& [id, end] : ends_) {
      if (!end->connected || end->closing) continue;
      if (end->peer != nullptr) end->peer->peer = nullptr;
      end->peer = nullptr;
      net_.Reset(*end, reactor::CloseReason::kPeerReset);
      ++count;
    }
    return count;
  }

  // Open connections that were dialed from here to `remote`, "host:port".
  std::size_t DialedTo(const std::string& remote) const {
    return static_cast<std::size_t>(
        std::count_if(ends_.begin(), ends_.end(), [&](const auto& each) {
          return each.second->connected && !each.second->closing && each.second->dial == remote;
        }));
  }

  // Connections that there have been.
  std::uint64_t opened() const noexcept { return next_id_ - 1; }

  // How many events there were.
  std::size_t Poll() {
    events_ = 0;
    for (const auto& [key, listener] : std::map(net_.listeners)) {
      if (listener.port != this) continue;
      while (!backlog_[key].empty()) {
        MemoryEnd* const end = backlog_[key].front();
        backlog_[key].pop_front();
        end->accepted_unattached = true;
        ++events_;
        listener.handler->OnAccepted(end->id, {.host = "127.0.0.1", .port = 1});
      }
    }
    std::vector<ConnectionId> ids;
    for (const auto& [id, end] : ends_) ids.push_back(id);
    for (const ConnectionId id : ids) PollEnd(id);
    return events_;
  }

  absl::StatusOr<reactor::ListenerId> Listen(const reactor::ListenOptions& options,
                                             reactor::AcceptHandler& handler) override {
    const std::string key = reactor::ToString(options.endpoint);
    if (net_.listeners.contains(key)) return absl::AlreadyExistsError("Address already in use");
    const reactor::ListenerId id{next_listener_++};
    net_.listeners[key] = {this, id, &handler};
    listening_[id] = options.endpoint;
    return id;
  }
  void StopListening(reactor::ListenerId listener) override {
    net_.listeners.erase(reactor::ToString(listening_[listener]));
  }
  reactor::Endpoint LocalEndpoint(reactor::ListenerId listener) override {
    return listening_[listener];
  }

  absl::StatusOr<ConnectionId> Connect(const reactor::ConnectOptions& options,
                                       reactor::StreamHandler& handler) override {
    ++net_.activity;
    MemoryEnd& end = NewEnd(options.local_host.empty() ? host_ : options.local_host);
    end.handler = &handler;
    end.connecting = true;
    end.dial = reactor::ToString(options.remote);
    remote_host_[end.id] = options.remote.host;
    return end.id;
  }
  void Attach(ConnectionId accepted, reactor::StreamHandler& handler) override {
    ++net_.activity;
    ends_.at(accepted)->handler = &handler;
  }
  void Send(ConnectionId id, std::span<const reactor::Fragment> fragments) override {
    MemoryEnd* const end = Find(id);
    if (end == nullptr || end->closed_here) return;
    ++net_.activity;
    TANDEM_CHECK(!end->send_pending && end->connected && !fragments.empty() &&
                 fragments.size() <= reactor::kFragmentsMax);
    end->send_pending = true;
    for (const reactor::Fragment& fragment : fragments) {
      TANDEM_CHECK(fragment.size != 0);
      if (end->peer != nullptr) end->peer->inbox.Append({fragment.data, fragment.size});
    }
  }
  void Receive(ConnectionId id, MutableBytes memory) override {
    MemoryEnd* const end = Find(id);
    if (end == nullptr || end->closed_here) return;
    ++net_.activity;
    TANDEM_CHECK(end->receive.empty() && !memory.empty());
    end->receive = memory;
  }
  void Release(const reactor::ReceivedSlice&) override {}
  void Close(ConnectionId id, reactor::CloseMode mode) override {
    MemoryEnd* const end = Find(id);
    if (end == nullptr || end->closed_here) return;
    ++net_.activity;
    end->closed_here = true;
    if (mode == reactor::CloseMode::kGraceful && end->peer != nullptr) {
      end->peer->fin = true;
      end->peer->peer = nullptr;
      end->peer = nullptr;
      end->closing = reactor::CloseReason::kLocal;
    } else {
      net_.Reset(*end, reactor::CloseReason::kLocal);
    }
    if (end->accepted_unattached && end->handler == nullptr) ends_.erase(id);
  }
  void Detach(ConnectionId id) override {
    MemoryEnd* const end = Find(id);
    if (end == nullptr) return;
    ++net_.activity;
    TANDEM_CHECK(!end->send_pending && end->receive.empty());
    detaching_.insert(id);
  }
  ConnectionId Adopt(std::unique_ptr<reactor::Handoff> handoff,
                     reactor::StreamHandler& handler) override {
    auto end = std::move(static_cast<MemoryHandoff*>(handoff.get())->end);
    ++net_.activity;
    const ConnectionId id{next_id_++};
    end->port = this;
    end->id = id;
    end->handler = &handler;
    ends_[id] = std::move(end);
    return id;
  }

 private:
  struct MemoryHandoff final : reactor::Handoff {
    MemoryNet* net;
    std::unique_ptr<MemoryEnd> end;
    ~MemoryHandoff() override {
      if (end) net->Reset(*end, reactor::CloseReason::kLocal);
    }
  };

  MemoryEnd& NewEnd(const std::string& host) {
    const ConnectionId id{next_id_++};
    auto end = std::make_unique<MemoryEnd>();
    end->port = this;
    end->id = id;
    end->host = host;
    return *(ends_[id] = std::move(end));
  }
  MemoryEnd* Find(ConnectionId id) {
    const auto it = ends_.find(id);
    return it == ends_.end() ? nullptr : it->second.get();
  }

  void PollEnd(ConnectionId id) {
    MemoryEnd* end = Find(id);
    if (end == nullptr || end->handler == nullptr) return;
    if (end->connecting && !end->closing) Establish(*end);
    if (detaching_.erase(id) != 0 && !end->closing) {
      auto handoff = std::make_unique<MemoryHandoff>();
      handoff->net = &net_;
      reactor::StreamHandler* const handler = end->handler;
      handoff->end = std::move(ends_.at(id));
      ends_.erase(id);
      ++events_;
      return handler->OnDetached(std::move(handoff));
    }
    if (end->send_pending && !end->unheard.empty()) AnswerForTheDead(*end);
    if (end->send_pending && (end->peer == nullptr || !net_.Blocked(end->host, end->peer->host)) &&
        end->unheard.empty() && !end->closing) {
      end->send_pending = false;
      ++events_;
      end->handler->OnSent();
    }
    const bool reachable = end->peer == nullptr || !net_.Blocked(end->peer->host, end->host);
    if (!end->receive.empty() && !end->inbox.empty() && reachable && !end->closed_here) {
      std::size_t size = std::min(end->receive.size(), end->inbox.size());
      if (net_.splits && net_.Random(2) == 0) size = 1 + net_.Random(size);
      std::copy_n(end->inbox.data(), size, end->receive.begin());
      if (net_.tamper) net_.tamper(end->receive.first(size));
      end->inbox.Consume(size);
      end->receive = {};
      ++events_;
      end->handler->OnReceivedDirect(size);
    }
    end = Find(id);
    if (end == nullptr) return;
    if (!end->closing && end->fin && end->inbox.empty())
      end->closing = reactor::CloseReason::kPeerClosed;
    if (end->closing) {
      reactor::StreamHandler* const handler = end->handler;
      const reactor::CloseReason reason = *end->closing;
      if (end->peer != nullptr) net_.Reset(*end, reason);
      ends_.erase(id);
      ++events_;
      handler->OnClosed(reason);
    }
  }

  // What is sent to a connection that is no more is answered with a reset, if it gets through.
  void AnswerForTheDead(MemoryEnd& end) {
    const bool gets_through =
        !net_.Blocked(end.host, end.unheard) && !net_.Blocked(end.unheard, end.host);
    if (gets_through && !end.closing) end.closing = reactor::CloseReason::kPeerReset;
  }

  void Establish(MemoryEnd& end) {
    const std::string remote = remote_host_[end.id];
    if (net_.Blocked(end.host, remote) || net_.Blocked(remote, end.host)) return;  // silence
    if (net_.blocked_listeners.contains(end.dial)) return;
    end.connecting = false;
    const auto listener = net_.listeners.find(end.dial);
    if (listener == net_.listeners.end()) {
      end.closing = reactor::CloseReason::kFailed;
      ++events_;
      return end.handler->OnConnected(absl::UnavailableError("connect: Connection refused"));
    }
    MemoryPort& other = *listener->second.port;
    ++net_.activity;
    MemoryEnd& far = other.NewEnd(remote);
    far.connected = end.connected = true;
    far.peer = &end;
    end.peer = &far;
    other.backlog_[end.dial].push_back(&far);
    ++events_;
    end.handler->OnConnected(absl::OkStatus());
  }

  MemoryNet& net_;
  const std::string host_;
  std::map<ConnectionId, std::unique_ptr<MemoryEnd>> ends_;
  std::map<ConnectionId, std::string> remote_host_;
  std::map<std::string, std::deque<MemoryEnd*>> backlog_;
  std::map<reactor::ListenerId, reactor::Endpoint> listening_;
  std::set<ConnectionId> detaching_;
  std::size_t events_ = 0;
  std::uint64_t next_id_ = 1;
  std::uint32_t next_listener_ = 1;
};

}  // namespace tandem::cluster::testing
