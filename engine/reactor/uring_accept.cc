// How connections begin: accepted or made.
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/reactor/uring_connection.h"

namespace tandem::reactor {

absl::StatusOr<ListenerId> UringTransport::Listen(const ListenOptions& options) {
  TANDEM_ASSIGN_OR_RETURN(OwnedFd fd, OpenListener(options, options_.sockets));
  auto listener = std::make_unique<Listener>();
  listener->index = static_cast<std::uint32_t>(listeners_.size());
  listener->fd = std::move(fd);
  listener->receive_mode = options.receive_mode;
  ArmAccept(*listener);
  listeners_.push_back(std::move(listener));
  return ListenerId{listeners_.back()->index};
}

void UringTransport::StopListening(ListenerId id) {
  Listener& listener = *listeners_.at(static_cast<std::uint32_t>(id));
  if (listener.stopped) return;
  listener.stopped = true;
  if (listener.armed) {
    PauseAccept(listener);
  } else {
    listener.fd = OwnedFd();
  }
}

Endpoint UringTransport::LocalEndpoint(ListenerId id) {
  return LocalEndpointOf(listeners_.at(static_cast<std::uint32_t>(id))->fd.get());
}

void UringTransport::ArmAccept(Listener& listener) {
  io_uring_sqe* const request = ring_->Prepare();
  if (features().Has(UringFeature::kMultishotAccept)) {
    io_uring_prep_multishot_accept(request, listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
  } else {
    io_uring_prep_accept(request, listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
  }
  UringRing::Mark(request, {UringTag::kAccept, 0, listener.index});
  listener.armed = true;
  listener.cancelled = false;
  ++counters_.requests_now;
}

// Ends the armed accept, if there is one.
void UringTransport::PauseAccept(Listener& listener) {
  if (!listener.armed || listener.cancelled) return;
  listener.cancelled = true;
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_cancel64(request, UringMark{UringTag::kAccept, 0, listener.index}.Pack(), 0);
  UringRing::Mark(request, {});
}

void UringTransport::ResumeAccept(std::uint32_t index) {
  Listener& listener = *listeners_[index];
  listener.paused = false;
  if (!listener.stopped && !listener.armed) ArmAccept(listener);
}

bool UringTransport::CompleteAccept(const UringCompletion& completion, Event& event) {
  Listener& listener = *listeners_[completion.mark.slot];
  if (!completion.has_more()) listener.armed = false;
  bool has_event = false;
  if (completion.result >= 0) {
    has_event = AcceptConnection(listener, OwnedFd(completion.result), event);
  } else {
    switch (-completion.result) {
      // Out of descriptors or memory: the client waits in the backlog while we wait.
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
      // Ours (the listener is broken); pausing keeps the loop alive and the log speaking.
      case EBADF:
      case EINVAL:
      case ENOTSOCK:
      case EFAULT:
        has_event =
            ReportAcceptFailure(listener, absl::ErrnoToStatus(-completion.result, "accept"), event);
        break;
      // ECANCELED is our own doing. The rest (ECONNABORTED, EPROTO, EPERM of a firewall, network
      // errors pending on the new socket, EINTR, EAGAIN) concerns one client that is gone: take the
      // next.
      default:
        break;
    }
  }
  if (listener.stopped && !listener.armed) {
    listener.fd = OwnedFd();
  } else if (!listener.armed && !listener.paused) {
    ArmAccept(listener);
  }
  return has_event;
}

bool UringTransport::AcceptConnection(Listener& listener, OwnedFd fd, Event& event) {
  if (listener.stopped) return false;  // closes it
  // Descriptors are given out lowest first, so the number tells how many there are.
  if (fd.get() >= descriptor_limit_) {
    SetResetOnClose(fd.get());
    return ReportAcceptFailure(
        listener,
        absl::ResourceExhaustedError(
            absl::StrCat("accept: ", fd.get(),
                         " descriptors are in use; the rest up to "
                         "RLIMIT_NOFILE is kept for other than clients. Raise LimitNOFILE=")),
        event);
  }
  std::optional<Endpoint> peer = PeerEndpointOf(fd.get());
  if (!peer.has_value()) return false;  // reset while it waited to be accepted
  Connection& connection = Allocate(std::move(fd), listener.receive_mode);
  if (connection.mode == ReceiveMode::kLent) ArmReceive(connection);
  ++counters_.accepted;
  event.kind = EventKind::kAccepted;
  event.id = IdOf(connection);
  event.listener = ListenerId{listener.index};
  event.peer = *std::move(peer);
  return true;
}

bool UringTransport::ReportAcceptFailure(Listener& listener, absl::Status status, Event& event) {
  ++counters_.accept_failures;
  PauseAccept(listener);
  if (!listener.paused) {
    listener.paused = true;
    wheel_.Schedule(now_ + options_.accept_retry_ns,
                    UringMark{UringTag::kAccept, 0, listener.index}.Pack());
  }
  event.kind = EventKind::kAcceptFailed;
  event.listener = ListenerId{listener.index};
  event.status = std::move(status);
  return !listener.stopped;
}

absl::StatusOr<ConnectionId> UringTransport::Connect(const ConnectOptions& options) {
  TANDEM_ASSIGN_OR_RETURN(const SocketAddress remote, ToSocketAddress(options.remote));
  TANDEM_ASSIGN_OR_RETURN(OwnedFd fd, OpenOutbound(options, remote, options_.sockets));
  Connection& connection = Allocate(std::move(fd), options.receive_mode);
  connection.state = State::kConnecting;
  connection.remote = std::make_unique<SocketAddress>(remote);
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_connect(request, connection.fd, connection.remote->get(), connection.remote->size);
  UringRing::Mark(request, {UringTag::kConnect, connection.generation, connection.slot});
  connection.connect_armed = true;
  ++counters_.requests_now;
  return IdOf(connection);
}

// ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, EADDRNOTAVAIL and the like all reach the owner as the
// status of OnConnected.
bool UringTransport::CompleteConnect(const UringCompletion& completion, Event& event) {
  Connection* const connection = FindMarked(completion.mark);
  if (connection == nullptr) return false;
  connection->connect_armed = false;
  if (connection->state == State::kEnding) {
    FinishIfQuiet(*connection);
    return false;
  }
  TANDEM_CHECK(connection->state == State::kConnecting);
  if (completion.result < 0) {
    queued_.push_back({EventKind::kConnected, IdOf(*connection), -completion.result});
    End(*connection, CloseReason::kFailed);
    return false;
  }
  ++counters_.connects;
  connection->state = State::kOpen;
  connection->remote = nullptr;
  if (connection->mode == ReceiveMode::kLent) ArmReceive(*connection);
  event.kind = EventKind::kConnected;
  event.id = IdOf(*connection);
  event.status = absl::OkStatus();
  return true;
}

}  // namespace tandem::reactor
