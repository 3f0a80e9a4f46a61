// The transport that Tandem runs on: kernel TCP through one io_uring per core.
//
// What it costs: a turn is one system call (io_uring_enter) for all its sends, receives and
// accepts; an idle connection about 100 bytes here and 4.5 KiB in the kernel, and no buffer. Needs
// Linux 5.11, wants 6.1; each newer feature is tried at start and has a fallback (UringFeatures).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/clock.h"
#include "engine/reactor/pinned_memory.h"
#include "engine/reactor/stream_socket.h"
#include "engine/reactor/timer_wheel.h"
#include "engine/reactor/transport.h"
#include "engine/reactor/uring_features.h"
#include "engine/reactor/uring_waker.h"

namespace tandem::reactor {

class BufferGroup;
class UringRing;
enum class UringTag : std::uint8_t;
struct UringCompletion;
struct UringMark;

struct UringOptions {
  std::uint32_t queue = 4096;  // requests per turn; completions have 16 times the room
  // Receive buffers for everyone, and larger ones for connections seen filling several in a row.
  // Counts are powers of two.
  std::uint32_t small_buffer_bytes = 4 * 1024;
  std::uint32_t small_buffers = 2048;
  std::uint32_t large_buffer_bytes = 64 * 1024;
  std::uint32_t large_buffers = 64;
  HugePages huge_pages = HugePages::kTry;
  StreamSocketOptions sockets;
  // One Poll() ends after so many events or so long, so that timers, mailboxes and sends get their
  // turn.
  std::uint32_t poll_events_max = 4096;
  MonoNs poll_budget_ns = 500'000;
  // CloseMode::kGraceful: how long a send in flight may still take, and how long we then wait for
  // the peer's FIN (closing earlier may answer the peer's last bytes with RST, which destroys what
  // it has not read yet).
  MonoNs flush_timeout_ns = 10 * kNanosecondsPerSecond;
  MonoNs linger_timeout_ns = kNanosecondsPerSecond;
  // Descriptors below RLIMIT_NOFILE that accepting leaves to the journal, links and admin.
  std::uint32_t descriptor_reserve = 64;
  MonoNs accept_retry_ns =
      100 * kNanosecondsPerMillisecond;  // pause after running out of descriptors or memory
  UringFeatures allowed = UringFeatures::All();
};

// One core's counts since start, and levels (`_now`). Read them on that core.
struct UringCounters {
  std::uint64_t enters = 0;
  std::uint64_t waits = 0;
  std::uint64_t submissions = 0;
  std::uint64_t completions = 0;
  std::uint64_t overflows = 0;
  std::uint64_t early_submits = 0;
  std::uint64_t accepted = 0;
  std::uint64_t accept_failures = 0;  // includes those refused for the descriptor reserve
  std::uint64_t connects = 0;
  std::uint64_t closed = 0;
  std::uint64_t receives = 0;  // completions with data
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_arms = 0;
  std::uint64_t starvations = 0;     // receives that ended for want of a buffer
  std::uint64_t group_switches = 0;  // connections that moved between small and large buffers
  std::uint64_t sends = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t gathered_sends = 0;  // of sends: those of several pieces
  std::uint64_t short_sends = 0;     // of sends: those that the kernel left unfinished
  std::uint64_t doorbells_sent = 0;
  std::uint64_t wake_ups = 0;  // doorbells that reached us
  std::uint64_t connections_now = 0;
  std::uint64_t connection_bytes_now = 0;  // of their records, free ones included
  std::uint64_t requests_now = 0;          // in the kernel
  std::uint64_t small_buffers_free_now = 0;
  std::uint64_t large_buffers_free_now = 0;
  std::uint64_t starved_now = 0;
};

// Satisfies Transport. Created, used and destroyed on one thread. Destruction closes all
// connections, without events.
//
// Life of a connection: kConnecting or accepted -> kOpen -> {kDetaching -> kDetached | [kFlushing
// ->] kLingering ->} kEnding -> kEnded. In kEnding its requests are cancelled and we wait for the
// last completion; only then the descriptor is closed and OnClosed is queued. A request's memory is
// the kernel's until its completion, and a stale completion is told by its generation.
class UringTransport final : private UringDoorbellSender {
 public:
  // Errors of the ring with cause and remedy (UringRing::Create), of memory (PinnedMemory::Map).
  static absl::StatusOr<std::unique_ptr<UringTransport>> Create(const UringOptions& options);
  UringTransport(const UringTransport&) = delete;
  UringTransport& operator=(const UringTransport&) = delete;
  ~UringTransport();

  absl::StatusOr<ListenerId> Listen(const ListenOptions& options);
  void StopListening(ListenerId listener);
  Endpoint LocalEndpoint(ListenerId listener);
  absl::StatusOr<ConnectionId> Connect(const ConnectOptions& options);
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
  void Wait(MonoNs now, MonoNs deadline);
  Waker& waker() noexcept { return *waker_; }

  UringCounters counters() const;
  const UringFeatures& features() const noexcept;

 private:
  struct Connection;
  struct SendRecord;
  struct Listener;
  enum class State : std::uint8_t;

  enum class EventKind : std::uint8_t {
    kAccepted,
    kAcceptFailed,
    kConnected,
    kReceived,
    kReceivedDirect,
    kSent,
    kDetached,
    kClosed,
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
  // An event that comes from no completion of its own.
  struct QueuedEvent {
    EventKind kind{};
    ConnectionId id = kNoConnection;
    int error = 0;
  };

  UringTransport(const UringOptions& options, std::unique_ptr<UringRing> ring);

  // uring_transport.cc: the turn.
  void BeginPoll(MonoNs now);
  bool NextEvent(Event& event);
  bool TakeQueued(Event& event);
  bool Complete(const UringCompletion& completion, Event& event);
  void PrepareSubmit();
  void ArmWake();
  void OnTimer(std::uint64_t cookie);
  void SendDoorbell(std::shared_ptr<UringWaker> to) override;
  void CompleteDoorbell(const UringCompletion& completion);
  void CloseEverything();

  // uring_connections.cc: the table of connections, and how they end.
  ConnectionId IdOf(const Connection& connection) const noexcept;
  Connection& At(std::uint32_t slot) noexcept;
  Connection* Find(ConnectionId id) noexcept;
  Connection* FindMarked(const UringMark& mark) noexcept;
  Connection& Allocate(OwnedFd fd, ReceiveMode mode);
  void Free(Connection& connection);
  void Cancel(const Connection& connection, UringTag tag);
  void CancelRequests(Connection& connection);
  void End(Connection& connection, CloseReason reason);
  void FinishIfQuiet(Connection& connection);
  void BeginLinger(Connection& connection);
  void ShutDownLingering();
  void SetTimer(Connection& connection, MonoNs delay_ns);
  void OnConnectionTimer(Connection& connection);
  void FinishDetach(Connection& connection);

  // uring_accept.cc: how they begin.
  void ArmAccept(Listener& listener);
  void PauseAccept(Listener& listener);
  void ResumeAccept(std::uint32_t index);
  bool CompleteAccept(const UringCompletion& completion, Event& event);
  bool AcceptConnection(Listener& listener, OwnedFd fd, Event& event);
  bool ReportAcceptFailure(Listener& listener, absl::Status status, Event& event);
  bool CompleteConnect(const UringCompletion& completion, Event& event);

  // uring_receive.cc
  void ArmReceive(Connection& connection);
  void ArmDirect(Connection& connection);
  void CancelReceive(Connection& connection);
  void Starve(Connection& connection);
  void RearmStarved();
  void NoteFill(Connection& connection, std::size_t size);
  BufferGroup& GroupOf(const Connection& connection) noexcept;
  bool CompletePoll(const UringCompletion& completion, Event& event);
  bool CompleteReceive(const UringCompletion& completion, Event& event);
  bool TakeData(Connection& connection, const UringCompletion& completion, Event& event);
  void AfterReceive(Connection& connection, int result);
  void ContinueReceive(Connection& connection, int result);
  static CloseReason ReasonOfEnd(const Connection& connection);

  // uring_send.cc
  void ArmSend(Connection& connection, SentNotice notice = SentNotice::kSoon);
  void NoteSubmitted();
  bool TakeQuietSend(UringCompletion& completion);
  void Advance(Connection& connection, std::size_t sent);
  bool CompleteSend(const UringCompletion& completion, Event& event);
  void FailSend(Connection& connection, int error);
  void DropSend(Connection& connection);

  UringOptions options_;
  int descriptor_limit_;
  std::unique_ptr<UringRing> ring_;
  std::unique_ptr<BufferGroup> small_;
  std::unique_ptr<BufferGroup> large_;
  std::shared_ptr<UringWaker> waker_;
  std::uint64_t wake_value_ = 0;                        // the kernel reads the eventfd into it
  std::vector<std::shared_ptr<UringWaker>> doorbells_;  // under way; null where free

  std::vector<std::unique_ptr<Connection[]>> chunks_;
  std::uint32_t free_first_;
  std::uint32_t free_last_;
  std::vector<std::unique_ptr<Listener>> listeners_;  // by id; never shrinks
  std::vector<std::unique_ptr<SendRecord>> spare_records_;
  // Quiet sends in the order of their submission. Those before `quiet_submitted_` have succeeded if
  // they are not among the first `quiet_settled_at_` completions.
  std::vector<UringMark> quiet_sends_;
  std::size_t quiet_submitted_ = 0;
  std::uint64_t quiet_settled_at_ = 0;
  std::size_t quiet_next_ = 0;

  TimerWheel wheel_;
  MonoNs now_;  // at the last Poll() or Wait()
  std::uint32_t poll_left_ = 0;
  std::deque<QueuedEvent> queued_;
  std::deque<ConnectionId> starved_;
  std::vector<ConnectionId> to_shut_down_;
  bool is_closing_down_ = false;
  UringCounters counters_;
};

template <TransportHandler Handler>
std::size_t UringTransport::Poll(MonoNs now, Handler& handler) {
  BeginPoll(now);
  std::size_t handled = 0;
  for (Event event; NextEvent(event); ++handled) {
    switch (event.kind) {
      case EventKind::kAccepted:
        handler.OnAccepted(event.listener, event.id, event.peer);
        break;
      case EventKind::kAcceptFailed:
        handler.OnAcceptFailed(event.listener, event.status);
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

static_assert(Transport<UringTransport>);

}  // namespace tandem::reactor
