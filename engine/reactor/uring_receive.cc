// Receiving: one multishot request per connection into shared buffers, or one request into the
// owner's memory.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/base/check.h"
#include "engine/reactor/buffer_group.h"
#include "engine/reactor/uring_connection.h"

namespace tandem::reactor {
namespace {

// So many full small buffers in a row mean bulk data: each further one costs a completion and a
// parse of a torn packet.
constexpr std::uint8_t kFullBeforeLarge = 4;
// So many receives in a row that a small buffer could have held give the place among the large ones
// back.
constexpr std::uint8_t kSmallBeforeSmall = 32;
// Starved connections receive again when so much of the small buffers is free; fewer would starve
// them again at once.
constexpr std::uint32_t kRearmShare = 8;

}  // namespace

BufferGroup& UringTransport::GroupOf(const Connection& connection) noexcept {
  return connection.receive_is_large ? *large_ : *small_;
}

void UringTransport::ArmReceive(Connection& connection) {
  TANDEM_DCHECK(!connection.receive_armed);
  connection.receive_armed = true;
  connection.receive_is_large = connection.wants_large && large_->free_count() != 0;
  connection.receive_is_poll = !features().Has(UringFeature::kMultishotReceive);
  io_uring_sqe* const request = ring_->Prepare();
  UringTag tag = UringTag::kReceive;
  if (connection.receive_is_poll) {
    io_uring_prep_poll_add(request, connection.fd, POLLIN);
    tag = UringTag::kPoll;
  } else {
    io_uring_prep_recv_multishot(request, connection.fd, nullptr, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = GroupOf(connection).group();
  }
  UringRing::Mark(request, {tag, connection.generation, connection.slot});
  ++counters_.requests_now;
  ++counters_.receive_arms;
}

void UringTransport::ArmDirect(Connection& connection) {
  connection.receive_armed = true;
  connection.receive_is_poll = false;
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_recv(request, connection.fd, connection.direct_data, connection.direct_size, 0);
  UringRing::Mark(request, {UringTag::kReceive, connection.generation, connection.slot});
  ++counters_.requests_now;
  ++counters_.receive_arms;
}

void UringTransport::CancelReceive(Connection& connection) {
  if (!connection.receive_armed || connection.receive_cancelled) return;
  connection.receive_cancelled = true;
  Cancel(connection, connection.receive_is_poll ? UringTag::kPoll : UringTag::kReceive);
}

void UringTransport::Receive(ConnectionId id, MutableBytes memory) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state != State::kOpen) return;  // OnClosed is on its way
  TANDEM_CHECK_MSG(connection->mode == ReceiveMode::kDirect, "Receive on a connection that lends");
  TANDEM_CHECK_MSG(!connection->receive_armed, "Receive before the last one has answered");
  TANDEM_CHECK_MSG(!memory.empty(), "Receive into nothing");
  connection->direct_data = memory.data();
  // The kernel counts results in 31 bits.
  connection->direct_size = std::min(memory.size(), std::size_t{1} << 30);
  ArmDirect(*connection);
}

void UringTransport::PauseReceive(ConnectionId id) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state != State::kOpen) return;
  TANDEM_CHECK_MSG(connection->mode == ReceiveMode::kLent, "PauseReceive on a direct connection");
  connection->paused = true;
  connection->starved = false;
  CancelReceive(*connection);
}

void UringTransport::ResumeReceive(ConnectionId id) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state != State::kOpen || !connection->paused) return;
  connection->paused = false;
  if (!connection->receive_armed) ArmReceive(*connection);  // else its end re-arms
}

// The receive ended because no buffer was free: it waits until some are, in the order of starving.
void UringTransport::Starve(Connection& connection) {
  ++counters_.starvations;
  connection.starved = true;
  starved_.push_back(IdOf(connection));
}

void UringTransport::RearmStarved() {
  const bool has_small = small_->free_count() >= std::max(1u, small_->count() / kRearmShare);
  // Each may take a buffer at once, so no more receives are armed than there are buffers.
  std::uint32_t small_left = has_small ? small_->free_count() : 0;
  std::uint32_t large_left = large_->free_count();
  std::deque<ConnectionId> still_starved;
  for (const ConnectionId id : starved_) {
    Connection* const connection = Find(id);
    if (connection == nullptr || !connection->starved) continue;
    std::uint32_t& left = connection->wants_large && large_left != 0 ? large_left : small_left;
    if (left == 0) {
      still_starved.push_back(id);
      continue;
    }
    --left;
    connection->starved = false;
    if (!connection->receive_armed) ArmReceive(*connection);
  }
  starved_ = std::move(still_starved);
}

// Moves a connection between the buffer groups; its receive is ended and armed anew.
void UringTransport::NoteFill(Connection& connection, std::size_t size) {
  if (connection.receive_cancelled) return;  // is about to move, or pauses
  if (connection.receive_is_large) {
    connection.small_in_a_row = size <= small_->buffer_bytes()
                                    ? static_cast<std::uint8_t>(connection.small_in_a_row + 1)
                                    : std::uint8_t{0};
    if (connection.small_in_a_row < kSmallBeforeSmall) return;
  } else {
    connection.full_in_a_row = size == small_->buffer_bytes()
                                   ? static_cast<std::uint8_t>(connection.full_in_a_row + 1)
                                   : std::uint8_t{0};
    if (connection.full_in_a_row < kFullBeforeLarge || large_->free_count() == 0) {
      connection.full_in_a_row = std::min(connection.full_in_a_row, kFullBeforeLarge);
      return;
    }
  }
  connection.wants_large = !connection.receive_is_large;
  connection.full_in_a_row = 0;
  connection.small_in_a_row = 0;
  ++counters_.group_switches;
  CancelReceive(connection);
}

// Without multishot receive: the socket is readable, so one recv() here does not block.
bool UringTransport::CompletePoll(const UringCompletion& completion, Event& event) {
  Connection* const connection = FindMarked(completion.mark);
  if (connection == nullptr) return false;
  UringCompletion received{completion.mark, completion.result, 0};
  BufferGroup& group = GroupOf(*connection);
  std::uint16_t buffer = 0;
  if (completion.result >= 0) {
    if (!group.Take(buffer)) {
      received.result = -ENOBUFS;
    } else {
      const MutableBytes memory = group.Memory(buffer);
      const ssize_t size = ::recv(connection->fd, memory.data(), memory.size(), MSG_DONTWAIT);
      received.result = size < 0 ? -errno : static_cast<std::int32_t>(size);
      if (size > 0) {
        received.flags = IORING_CQE_F_BUFFER | std::uint32_t{buffer} << IORING_CQE_BUFFER_SHIFT;
      } else {
        group.PutBack(buffer);
      }
    }
  }
  return CompleteReceive(received, event);
}

bool UringTransport::CompleteReceive(const UringCompletion& completion, Event& event) {
  // A receive keeps its connection from being freed until it has ended, so there is one.
  Connection* const connection = FindMarked(completion.mark);
  TANDEM_CHECK_MSG(connection != nullptr, "a receive outlived its connection");
  const bool has_event = completion.result > 0 && TakeData(*connection, completion, event);
  if (!completion.has_more()) {
    connection->receive_armed = false;
    connection->receive_cancelled = false;
    AfterReceive(*connection, completion.result);
  }
  return has_event;
}

bool UringTransport::TakeData(Connection& connection, const UringCompletion& completion,
                              Event& event) {
  const auto size = static_cast<std::size_t>(completion.result);
  ++counters_.receives;
  counters_.received_bytes += size;
  event.id = IdOf(connection);
  if (!completion.has_buffer()) {
    event.kind = EventKind::kReceivedDirect;
    event.bytes = size;
    return connection.wants_data();
  }
  BufferGroup& group = GroupOf(connection);
  const std::uint16_t buffer = completion.buffer_id();
  const Bytes bytes = group.Lend(buffer, size);
  if (!connection.wants_data()) {
    group.Return(buffer);
    return false;
  }
  if (connection.state == State::kOpen) NoteFill(connection, size);
  event.kind = EventKind::kReceived;
  event.slice = {bytes, std::uint32_t{group.group()} << 16 | buffer};
  return true;
}

// A receive has ended with `result`: bytes, 0 for the end of the stream, or -errno.
void UringTransport::AfterReceive(Connection& connection, int result) {
  switch (connection.state) {
    case State::kOpen:
    case State::kFlushing:
    case State::kLingering:
      ContinueReceive(connection, result);
      return;
    case State::kDetaching:
      // Also at the end of the stream: what came before it has still to be read, by the owner
      // there, whose first receive sees the end again.
      FinishDetach(connection);
      return;
    case State::kEnding:
      FinishIfQuiet(connection);
      return;
    default:
      TANDEM_CHECK_MSG(false, "a receive without an open connection");
  }
}

// After a reset whoever asks first gets the error, and a send in flight keeps it to itself if it
// had sent something; the receive then sees what looks like an orderly end.
CloseReason UringTransport::ReasonOfEnd(const Connection& connection) {
  const bool was_reset = connection.send_armed && IsReset(connection.fd);
  return was_reset ? CloseReason::kPeerReset : CloseReason::kPeerClosed;
}

// Every result of a receive and what we do about it.
void UringTransport::ContinueReceive(Connection& connection, int result) {
  if (connection.paused && connection.state == State::kOpen) {
    // Whatever it is waits for ResumeReceive, the end of the stream too: the owner has not read yet
    // what came before it. The next receive sees it again, but for the error, which is told once.
    if (result < 0 && result != -ECANCELED && result != -EAGAIN && result != -EINTR &&
        result != -ENOBUFS && result != -ENOMEM && !connection.has_reason) {
      connection.has_reason = true;
      connection.reason = ReasonOf(-result);
    }
    return;
  }
  const bool is_lent = connection.mode == ReceiveMode::kLent || connection.state != State::kOpen;
  switch (result < 0 ? -result : 0) {
    case 0:
      if (result == 0) {
        // What we still flush may reach a peer that has only stopped sending.
        if (connection.state != State::kFlushing) End(connection, ReasonOfEnd(connection));
        return;
      }
      break;         // data, and the multishot is over (the completion queue was full)
    case ECANCELED:  // ours: pause, or another buffer group
    case EAGAIN:
    case EINTR:
      break;
    case ENOBUFS:
    case ENOMEM:
      if (is_lent) {
        Starve(connection);
        return;
      }
      break;
    default:
      End(connection, ReasonOf(-result));
      return;
  }
  if (is_lent) {
    ArmReceive(connection);
  } else if (result < 0 && result != -ECANCELED) {
    ArmDirect(connection);  // the owner still waits
  }
}

}  // namespace tandem::reactor
