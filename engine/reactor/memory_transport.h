// The transport for tests: streams of a MemoryNetwork behind the seam of transport.h.
//
// Stricter than the kernel where that finds bugs: nothing leaves before Submit(), lent memory is
// freed at Release() (so a sanitizer sees a late look), and data may come between Detach() and
// OnDetached.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/reactor/memory_network.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

struct MemoryTransportOptions {
  std::size_t buffer_bytes = 4096;
  std::size_t buffers = 64;  // lent at one time; with none left receives wait
  std::size_t poll_events_max = 256;
  MonoNs flush_timeout_ns = 10 * kNanosecondsPerSecond;
  MonoNs linger_timeout_ns = kNanosecondsPerSecond;
};

// Satisfies Transport. Destroying it closes its streams, without events.
class MemoryTransport {
 public:
  explicit MemoryTransport(MemoryNetwork& network, const MemoryTransportOptions& options = {});
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;
  ~MemoryTransport();

  absl::StatusOr<ListenerId> Listen(const ListenOptions& options);
  void StopListening(ListenerId listener);
  Endpoint LocalEndpoint(ListenerId listener);
  absl::StatusOr<ConnectionId> Connect(const ConnectOptions& options);
  // Every OnSent comes when it is known: `notice` is allowed to be late, not bound to be.
  void Send(ConnectionId id, std::span<const Fragment> fragments,
            SentNotice notice = SentNotice::kSoon);
  void Release(const ReceivedSlice& slice);
  void Receive(ConnectionId id, MutableBytes memory);
  void PauseReceive(ConnectionId id);
  void ResumeReceive(ConnectionId id);
  void Detach(ConnectionId id);
  ConnectionId Adopt(std::unique_ptr<Handoff> handoff);
  void Close(ConnectionId id, CloseMode mode);
  template <TransportHandler Handler>
  std::size_t Poll(MonoNs now, Handler& handler);
  void Submit();
  // The time is the network's. If nothing is ready, moves the network's time to its next event or
  // to `deadline`.
  void Wait(MonoNs now, MonoNs deadline);
  Waker& waker() noexcept { return waker_; }

  std::size_t lent() const noexcept { return leases_.size(); }

 private:
  enum class State : std::uint8_t { kConnecting, kOpen, kDetaching, kFlushing, kLingering, kEnded };
  enum class EventKind : std::uint8_t {
    kAccepted,
    kConnected,
    kReceived,
    kReceivedDirect,
    kSent,
    kDetached,
    kClosed
  };
  struct Connection;
  struct Listener {
    std::uint64_t key = 0;
    Endpoint endpoint;
    bool stopped = false;
  };
  struct Event {
    EventKind kind{};
    ConnectionId id = kNoConnection;
    ListenerId listener{};
    ReceivedSlice slice;
    std::size_t bytes = 0;
    CloseReason reason{};
    Endpoint peer;
    absl::Status status;
    std::unique_ptr<Handoff> handoff;
  };
  class FlagWaker final : public Waker {
   public:
    void Wake() noexcept override { woken = true; }
    bool woken = false;
  };

  std::shared_ptr<Connection> Allocate(ReceiveMode mode);
  void Free(Connection& connection);
  Connection* Find(ConnectionId id);
  void Accept(ListenerId listener, ReceiveMode mode, std::shared_ptr<MemoryEnd> end);
  void AttachEnd(Connection& connection, std::shared_ptr<MemoryEnd> end);
  void Look(Connection& connection);
  bool NextEvent(Event& event);
  bool Examine(Connection& connection, Event& event);
  bool ExamineSend(Connection& connection, Event& event);
  bool ExamineReceive(Connection& connection, Event& event);
  bool LendNext(Connection& connection, Event& event);
  bool IsOver(Connection& connection);
  void PushSend(Connection& connection);
  void BeginLinger(Connection& connection);
  void End(Connection& connection, CloseReason reason);
  void ExpireAfter(Connection& connection, MonoNs delay_ns);

  MemoryNetwork& network_;
  const MemoryTransportOptions options_;
  FlagWaker waker_;
  std::vector<Listener> listeners_;
  std::vector<std::shared_ptr<Connection>> slots_;  // null where free
  std::vector<std::uint32_t> generations_;
  std::deque<std::uint32_t> free_slots_;
  std::deque<ConnectionId> to_look_at_;
  std::vector<ConnectionId> to_send_;  // since the last Submit()
  std::map<std::uint32_t, std::unique_ptr<std::vector<std::uint8_t>>> leases_;
  std::vector<ConnectionId> starved_;  // wait for a Release()
  std::uint32_t next_lease_ = 0;
};

template <TransportHandler Handler>
std::size_t MemoryTransport::Poll(MonoNs, Handler& handler) {
  std::size_t handled = 0;
  for (Event event; handled < options_.poll_events_max && NextEvent(event); ++handled) {
    switch (event.kind) {
      case EventKind::kAccepted:
        handler.OnAccepted(event.listener, event.id, event.peer);
        break;
      case EventKind::kConnected:
        handler.OnConnected(event.id, event.status);
        break;
      case EventKind::kReceived:
        handler.OnReceived(event.id, event.slice);
        break;
      case EventKind::kReceivedDirect:
        handler.OnReceivedDirect(event.id, event.bytes);
        break;
      case EventKind::kSent:
        handler.OnSent(event.id);
        break;
      case EventKind::kDetached:
        handler.OnDetached(event.id, std::move(event.handoff));
        break;
      case EventKind::kClosed:
        handler.OnClosed(event.id, event.reason);
        break;
    }
  }
  return handled;
}

static_assert(Transport<MemoryTransport>);

}  // namespace tandem::reactor
