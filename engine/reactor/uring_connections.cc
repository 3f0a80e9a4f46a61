// The table of connections, and how a connection ends: closed, or handed to another core.
#include <cerrno>
#include <utility>

#include "engine/base/check.h"
#include "engine/reactor/uring_connection.h"

namespace tandem::reactor {
namespace {

constexpr std::uint32_t kNoSlot = UINT32_MAX;
// After cancelling, completions come within one enter; if not, something is stuck and is kicked
// again.
constexpr MonoNs kEndingTimeoutNs = kNanosecondsPerSecond;

}  // namespace

CloseReason ReasonOf(int error) noexcept {
  switch (error) {
    case ECONNRESET:
    case EPIPE:
      return CloseReason::kPeerReset;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return CloseReason::kTimedOut;
    default:
      return CloseReason::kFailed;
  }
}

ConnectionId UringTransport::IdOf(const Connection& connection) const noexcept {
  return ConnectionId{std::uint64_t{connection.generation} << 32 | connection.slot};
}

UringTransport::Connection& UringTransport::At(std::uint32_t slot) noexcept {
  return chunks_[slot / kConnectionsPerChunk][slot % kConnectionsPerChunk];
}

UringTransport::Connection* UringTransport::Find(ConnectionId id) noexcept {
  const auto word = static_cast<std::uint64_t>(id);
  const auto slot = static_cast<std::uint32_t>(word);
  if (slot / kConnectionsPerChunk >= chunks_.size()) return nullptr;
  Connection& connection = At(slot);
  const bool is_same = connection.state != State::kFree && connection.generation == word >> 32;
  return is_same ? &connection : nullptr;
}

UringTransport::Connection* UringTransport::FindMarked(const UringMark& mark) noexcept {
  if (mark.slot / kConnectionsPerChunk >= chunks_.size()) return nullptr;
  Connection& connection = At(mark.slot);
  const bool is_same = connection.state != State::kFree &&
                       (connection.generation & UringMark::kGenerationMask) == mark.generation;
  return is_same ? &connection : nullptr;
}

UringTransport::Connection& UringTransport::Allocate(OwnedFd fd, ReceiveMode mode) {
  if (free_first_ == kNoSlot) {
    const auto first = static_cast<std::uint32_t>(chunks_.size()) * kConnectionsPerChunk;
    chunks_.push_back(std::make_unique<Connection[]>(kConnectionsPerChunk));
    for (std::uint32_t i = 0; i < kConnectionsPerChunk; ++i) {
      chunks_.back()[i].slot = first + i;
      chunks_.back()[i].next_free = i + 1 < kConnectionsPerChunk ? first + i + 1 : kNoSlot;
    }
    free_first_ = first;
    free_last_ = first + kConnectionsPerChunk - 1;
  }
  Connection& connection = At(free_first_);
  free_first_ = std::exchange(connection.next_free, kNoSlot);
  if (free_first_ == kNoSlot) free_last_ = kNoSlot;
  connection.fd = fd.Release();
  connection.mode = mode;
  connection.state = State::kOpen;
  ++counters_.connections_now;
  return connection;
}

// The slot goes to the end of the free list: the longer it rests, the later its generations come
// round.
void UringTransport::Free(Connection& connection) {
  TANDEM_DCHECK(connection.is_quiet() && connection.fd < 0);
  DropSend(connection);
  wheel_.Cancel(connection.timer);
  const std::uint32_t slot = connection.slot;
  const std::uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.slot = slot;
  connection.generation = generation == 0 ? 1 : generation;
  connection.next_free = kNoSlot;
  if (free_last_ == kNoSlot) {
    free_first_ = slot;
  } else {
    At(free_last_).next_free = slot;
  }
  free_last_ = slot;
  --counters_.connections_now;
}

void UringTransport::Cancel(const Connection& connection, UringTag tag) {
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_cancel64(request, UringMark{tag, connection.generation, connection.slot}.Pack(), 0);
  UringRing::Mark(request, {});
}

void UringTransport::CancelRequests(Connection& connection) {
  if (connection.connect_armed) Cancel(connection, UringTag::kConnect);
  if (connection.send_armed) Cancel(connection, UringTag::kSend);
  CancelReceive(connection);
}

void UringTransport::Close(ConnectionId id, CloseMode mode) {
  Connection* const connection = Find(id);
  if (connection == nullptr) return;
  connection->closed_by_owner = true;
  if (mode == CloseMode::kReset) connection->reset_on_close = true;
  switch (connection->state) {
    case State::kOpen:
      if (mode == CloseMode::kGraceful && !connection->send_failed) {
        if (!connection->has_reason) {
          connection->has_reason = true;
          connection->reason = CloseReason::kLocal;
        }
        if (connection->send_armed) {
          connection->state = State::kFlushing;
          SetTimer(*connection, options_.flush_timeout_ns);
        } else {
          BeginLinger(*connection);
        }
        return;
      }
      break;
    case State::kFlushing:
    case State::kLingering:
      if (mode == CloseMode::kGraceful) return;
      break;
    case State::kEnding:
    case State::kEnded:
    case State::kFree:
      return;
    case State::kConnecting:
    case State::kDetaching:
    case State::kDetached:
      break;
  }
  End(*connection, CloseReason::kLocal);
}

void UringTransport::BeginLinger(Connection& connection) {
  connection.state = State::kLingering;
  // The FIN waits for the end of the turn: often the peer's is among the completions at hand, and
  // then a plain close does both.
  to_shut_down_.push_back(IdOf(connection));
  connection.paused = false;
  if (!connection.receive_armed && !connection.starved) ArmReceive(connection);
}

void UringTransport::ShutDownLingering() {
  for (const ConnectionId id : to_shut_down_) {
    Connection* const connection = Find(id);
    if (connection == nullptr || connection->state != State::kLingering) continue;
    ::shutdown(connection->fd,
               SHUT_WR);  // fails only if the peer is gone, which the receive tells too
    SetTimer(*connection, options_.linger_timeout_ns);
  }
  to_shut_down_.clear();
}

void UringTransport::End(Connection& connection, CloseReason reason) {
  if (!connection.has_reason) {
    connection.has_reason = true;
    connection.reason = reason;
  }
  connection.state = State::kEnding;
  connection.starved = false;
  CancelRequests(connection);
  if (!connection.is_quiet()) SetTimer(connection, kEndingTimeoutNs);
  FinishIfQuiet(connection);
}

void UringTransport::FinishIfQuiet(Connection& connection) {
  if (connection.state != State::kEnding || !connection.is_quiet()) return;
  connection.state = State::kEnded;
  if (connection.reset_on_close) SetResetOnClose(connection.fd);
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_close(request, std::exchange(connection.fd, -1));
  UringRing::Mark(request, {});
  wheel_.Cancel(std::exchange(connection.timer, kNoTimer));
  queued_.push_back({EventKind::kClosed, IdOf(connection), 0});
}

void UringTransport::SetTimer(Connection& connection, MonoNs delay_ns) {
  wheel_.Cancel(connection.timer);
  const UringMark mark{UringTag::kNothing, 0, connection.slot};
  connection.timer = wheel_.Schedule(now_ + delay_ns, mark.Pack());
}

// Timers are cancelled with their connection, so the one that fires is the one that was meant.
void UringTransport::OnConnectionTimer(Connection& connection) {
  connection.timer = kNoTimer;
  switch (connection.state) {
    case State::kOpen:       // a send failed, and the receive did not end
    case State::kFlushing:   // the peer takes no more
    case State::kLingering:  // the peer does not close
      End(connection, connection.reason);
      return;
    case State::kEnding:  // a cancelled request did not come back
      ::shutdown(connection.fd, SHUT_RDWR);
      connection.receive_cancelled = false;
      CancelRequests(connection);
      SetTimer(connection, kEndingTimeoutNs);
      return;
    default:
      return;
  }
}

void UringTransport::Detach(ConnectionId id) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state != State::kOpen) return;  // OnClosed is on its way
  TANDEM_CHECK_MSG(!connection->send_pending, "Detach with a send in flight");
  connection->state = State::kDetaching;
  connection->starved = false;
  if (connection->receive_armed) {
    CancelReceive(*connection);
  } else {
    FinishDetach(*connection);
  }
}

void UringTransport::FinishDetach(Connection& connection) {
  connection.state = State::kDetached;
  queued_.push_back({EventKind::kDetached, IdOf(connection), 0});
}

ConnectionId UringTransport::Adopt(std::unique_ptr<Handoff> handoff) {
  auto* const uring_handoff = dynamic_cast<UringHandoff*>(handoff.get());
  TANDEM_CHECK_MSG(uring_handoff != nullptr, "a handoff of another kind of transport, or none");
  Connection& connection = Allocate(uring_handoff->TakeFd(), uring_handoff->mode());
  if (connection.mode == ReceiveMode::kLent) ArmReceive(connection);
  return IdOf(connection);
}

}  // namespace tandem::reactor
