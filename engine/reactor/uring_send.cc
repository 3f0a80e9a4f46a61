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
// Larger ones are likely to find no room, and what they hold is worth having back.
constexpr std::size_t kQuietBytesMax = 64 * 1024;
// After a failed send the peer's last bytes may still be received, so long.
constexpr MonoNs kDrainAfterFailureNs = kNanosecondsPerSecond;

}  // namespace

void UringTransport::Send(ConnectionId id, std::span<const Fragment> fragments, SentNotice notice) {
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
  ArmSend(*connection, notice);
}

void UringTransport::ArmSend(Connection& connection, SentNotice notice) {
  io_uring_sqe* const request = ring_->Prepare();
  if (connection.send_record != nullptr) {
    io_uring_prep_sendmsg(request, connection.fd, &connection.send_record->header, kSendFlags);
  } else {
    io_uring_prep_send(request, connection.fd, connection.send_data,
                       std::min(connection.send_left, kSendBytesMax), kSendFlags);
  }
  const UringMark mark = {UringTag::kSend, connection.generation, connection.slot};
  UringRing::Mark(request, mark);
  connection.send_armed = true;
  connection.send_quiet = notice == SentNotice::kLater && connection.send_left <= kQuietBytesMax &&
                          features().Has(UringFeature::kQuietSend);
  if (connection.send_quiet) {
    MakeQuiet(request);
    quiet_sends_.push_back(mark);
  }
  ++counters_.requests_now;
}

// A quiet send is executed by the very call that submits it, and its failure, if it fails, is among
// the completions that are there when that call returns. So it has succeeded once all of those
// have been seen.
void UringTransport::NoteSubmitted() {
  if (quiet_next_ != quiet_submitted_) return;  // those before come first
  quiet_sends_.erase(quiet_sends_.begin(),
                     quiet_sends_.begin() + static_cast<std::ptrdiff_t>(quiet_next_));
  quiet_next_ = quiet_submitted_ = 0;
  if (quiet_sends_.empty()) return;
  const std::optional<std::uint64_t> completions = ring_->CompletionsSoFar();
  if (!completions) return;
  quiet_settled_at_ = *completions;
  quiet_submitted_ = quiet_sends_.size();
}

// The completion that a quiet send that succeeded did not get.
bool UringTransport::TakeQuietSend(UringCompletion& completion) {
  if (quiet_next_ == quiet_submitted_ || ring_->counters().completions < quiet_settled_at_)
    return false;
  while (quiet_next_ != quiet_submitted_) {
    const UringMark mark = quiet_sends_[quiet_next_++];
    const Connection* const connection = FindMarked(mark);
    if (connection == nullptr || !connection->send_quiet) continue;  // it had one
    completion = {mark, static_cast<std::int32_t>(connection->send_left), 0};
    return true;
  }
  return false;
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
  Connection* const connection = FindMarked(completion.mark);
  TANDEM_CHECK_MSG(connection != nullptr, "a send outlived its connection");
  connection->send_armed = false;
  connection->send_quiet = false;
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
