#include "cluster/link_connection.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

std::string_view Explain(reactor::CloseReason reason) noexcept {
  switch (reason) {
    case reactor::CloseReason::kLocal:
      return "closed here";
    case reactor::CloseReason::kPeerClosed:
      return "closed by the other side";
    case reactor::CloseReason::kPeerReset:
      return "reset by the other side";
    case reactor::CloseReason::kTimedOut:
      return "timed out";
    case reactor::CloseReason::kFailed:
      return "failed";
  }
  return "failed";
}

}  // namespace

absl::Status LinkConnection::Dial(const reactor::ConnectOptions& options) {
  absl::StatusOr<ConnectionId> id = port_.Connect(options, *this);
  if (!id.ok()) {
    Fail(id.status());
    return id.status();
  }
  id_ = *id;
  closed_ = false;
  return absl::OkStatus();
}

void LinkConnection::Attach(ConnectionId accepted) {
  id_ = accepted;
  connected_ = true;
  closed_ = false;
  port_.Attach(accepted, *this);
}

void LinkConnection::Adopt(std::unique_ptr<reactor::Handoff> handoff) {
  connected_ = true;
  closed_ = false;
  id_ = port_.Adopt(std::move(handoff), *this);
}

bool LinkConnection::refused() const noexcept {
  // Transports report errno with its usual words; unreachable hosts and networks prove nothing
  // about the process.
  return failed_ && !connected_ &&
         FromAbsl(error_.message()).find("refused") != std::string_view::npos;
}

void LinkConnection::Receive(bool exact) {
  if (!connected_ || receiving_ || failed_ || closing_ || closed_) return;
  receiving_ = true;
  port_.Receive(id_, received_.Space(exact));
}

void LinkConnection::Flush() {
  if (!connected_ || closing_ || closed_ || failed_) return;
  const std::span<const reactor::Fragment> fragments = out_.Next();
  if (!fragments.empty()) port_.Send(id_, fragments);
}

void LinkConnection::Close(reactor::CloseMode mode) {
  if (closing_ || closed_) return;
  closing_ = true;
  port_.Close(id_, mode);
}

void LinkConnection::Detach() {
  TANDEM_CHECK(out_.empty() && !receiving_ && !received_.partial());
  if (closing_ || closed_ || failed_) return;
  port_.Detach(id_);
}

void LinkConnection::OnConnected(const absl::Status& status) {
  if (status.ok()) {
    connected_ = true;
  } else {
    Fail(status);
  }
}

void LinkConnection::OnReceived(reactor::ReceivedSlice slice) {
  port_.Release(slice);
  Fail(absl::InternalError("the transport lends its buffers where it should fill ours"));
}

void LinkConnection::OnReceivedDirect(std::size_t bytes) {
  receiving_ = false;
  bytes_received_ += bytes;
  received_.Filled(bytes);
}

void LinkConnection::OnSent() {
  out_.Sent();
  Flush();
}

void LinkConnection::OnClosed(reactor::CloseReason reason) {
  closed_ = true;
  receiving_ = false;
  if (!failed_) Fail(absl::UnavailableError(ToAbsl(Explain(reason))));
  out_.Clear();
}

void LinkConnection::OnDetached(std::unique_ptr<reactor::Handoff> handoff) {
  closed_ = true;
  handoff_ = std::move(handoff);
}

void LinkConnection::Fail(absl::Status error) {
  failed_ = true;
  error_ = std::move(error);
}

}  // namespace tandem::cluster
