// Sending: one request in flight per connection, continued until everything is with the kernel.
#include <algorithm>
#include <cerrno>

#include "engine/base/check.h"
#include "engine/reactor/uring_connection.h"

namespace tandem::reactor {
namespace {

constexpr int kSendFlags = MSG_WAITALL | MSG_NOSIGNAL;
// The kernel counts results in 31 bits; what is above goes with the next request.
constexpr std::size_t kSendBytesMax = std::size_t{1} << 30;
// After a failed send the peer's last bytes may still be received, so long.
constexpr MonoNs kDrainAfterFailureNs = kNanosecondsPerSecond;

}  // namespace

void UringTransport::Send(ConnectionId id, std::span<const Fragment> fragments) {
  Connection* const connection = Find(id);
  if (connection == nullptr) return;
  TANDEM_DCHECK(!connection->closed_by_owner);
  TANDEM_CHECK_MSG(!connection->send_pending, "Send before OnSent of the last one");
  TANDEM_CHECK_MSG(!fragments.empty() && fragments.size() <= kFragmentsMax,
                   "Send of none or too many fragments");
  TANDEM_CHECK_MSG(connection->state != State::kConnecting &&
                       connection->state != State::kDetaching &&
                       connection->state != State::kDetached,
                   "Send on a connection that is not open");
  if (connection->state != State::kOpen) return;  // OnClosed is on its way
  connection->send_pending = true;
  connection->send_left = 0;
  for (const Fragment& fragment : fragments) connection->send_left += fragment.size;
  TANDEM_CHECK_MSG(connection->send_left != 0, "Send of no bytes");
  ++counters_.sends;

  if (fragments.size() == 1) {
    connection->send_data = fragments[0].data;
  } else {
    ++counters_.gathered_sends;
    if (spare_records_.empty()) spare_records_.push_back(std::make_unique<SendRecord>());
    connection->send_record = std::move(spare_records_.back());
    spare_records_.pop_back();
    SendRecord& record = *connection->send_record;
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      record.pieces[i] = {const_cast<std::uint8_t*>(fragments[i].data), fragments[i].size};
    }
    record.header = {};
    record.header.msg_iov = record.pieces.data();
    record.header.msg_iovlen = fragments.size();
  }
  ArmSend(*connection);
}

void UringTransport::ArmSend(Connection& connection) {
  io_uring_sqe* const request = ring_->Prepare();
  if (connection.send_record != nullptr) {
    io_uring_prep_sendmsg(request, connection.fd, &connection.send_record->header, kSendFlags);
  } else {
    io_uring_prep_send(request, connection.fd, connection.send_data,
                       std::min(connection.send_left, kSendBytesMax), kSendFlags);
  }
  UringRing::Mark(request, {UringTag::kSend, connection.generation, connection.slot});
  connection.send_armed = true;
  ++counters_.requests_now;
}

void UringTransport::Advance(Connection& connection, std::size_t sent) {
  TANDEM_CHECK(sent <= connection.send_left);
  connection.send_left -= sent;
  counters_.sent_bytes += sent;
  if (connection.send_record == nullptr) {
    connection.send_data += sent;
    return;
  }
  msghdr& header = connection.send_record->header;
  while (sent != 0 && sent >= header.msg_iov->iov_len) {
    sent -= header.msg_iov->iov_len;
    ++header.msg_iov;
    --header.msg_iovlen;
  }
  if (sent != 0) {
    header.msg_iov->iov_base = static_cast<std::uint8_t*>(header.msg_iov->iov_base) + sent;
    header.msg_iov->iov_len -= sent;
  }
}

bool UringTransport::CompleteSend(const UringCompletion& completion, Event& event) {
  Connection* const connection = FindMarked(completion);
  TANDEM_CHECK_MSG(connection != nullptr, "a send outlived its connection");
  connection->send_armed = false;
  const int result = completion.result;
  if (result > 0) Advance(*connection, static_cast<std::size_t>(result));
  if (connection->state == State::kEnding) {
    FinishIfQuiet(*connection);
    return false;
  }
  if (result < 0 && result != -EAGAIN && result != -EINTR) {
    FailSend(*connection, -result);
    return false;
  }
  if (connection->send_left != 0) {
    ++counters_.short_sends;
    ArmSend(*connection);
    return false;
  }
  DropSend(*connection);
  if (connection->state == State::kFlushing) {
    BeginLinger(*connection);
    return false;
  }
  event.kind = EventKind::kSent;
  event.id = IdOf(*connection);
  return true;
}

// The peer reset the connection or is gone. What it sent before (a DISCONNECT, say) may still lie
// in the socket, so an armed receive goes on to its end, which is near.
void UringTransport::FailSend(Connection& connection, int error) {
  const CloseReason reason = ReasonOf(error);
  if (connection.state != State::kOpen || !connection.receive_armed ||
      connection.receive_cancelled) {
    End(connection, reason);
    return;
  }
  connection.send_failed = true;
  connection.has_reason = true;
  connection.reason = reason;
  SetTimer(connection, kDrainAfterFailureNs);
}

void UringTransport::DropSend(Connection& connection) {
  connection.send_pending = false;
  connection.send_left = 0;
  if (connection.send_record != nullptr)
    spare_records_.push_back(std::move(connection.send_record));
}

}  // namespace tandem::reactor
