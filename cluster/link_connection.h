// One connection to the other node, as bytes: frames come out of received slabs, fragments go out.
// What the frames mean is the business of the handshake, and then of the RPC system.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/receive_buffer.h"
#include "cluster/send_queue.h"
#include "engine/reactor/stream_port.h"

namespace tandem::cluster {

// Belongs to a core. The transport's events are only noted when they come; the owner acts on them
// in its turn. Must live until closed() is true or the transport is gone, since the transport may
// hold its memory until then.
class LinkConnection final : public reactor::StreamHandler {
 public:
  explicit LinkConnection(reactor::StreamPort& port) : port_(port), received_(kHandshakeFrame) {}
  LinkConnection(const LinkConnection&) = delete;
  LinkConnection& operator=(const LinkConnection&) = delete;

  // One of these, once.
  absl::Status Dial(const reactor::ConnectOptions& options);
  void Attach(ConnectionId accepted);
  void Adopt(std::unique_ptr<reactor::Handoff> handoff);

  bool connected() const noexcept { return connected_; }
  // The connection can't be used any longer: it was refused, reset, closed. Says why.
  bool failed() const noexcept { return failed_; }
  const absl::Status& error() const noexcept { return error_; }
  // Nobody listens at the address that was dialed.
  bool refused() const noexcept;
  // The transport has let go; the object may be destroyed.
  bool closed() const noexcept { return closed_; }

  // From the handshake on: frames of this size.
  void SetLimits(const FrameLimits& limits) { received_.SetLimits(limits); }
  absl::StatusOr<std::optional<ReceiveBuffer::Frame>> NextFrame() { return received_.Next(); }
  // Asks for more bytes, if that is not under way; with `exact`, for no more than the frame that is
  // due.
  void Receive(bool exact);

  SendQueue& out() noexcept { return out_; }
  // Sends what waits, if nothing is under way.
  void Flush();
  bool sent_all() const noexcept { return out_.empty(); }

  void Close(reactor::CloseMode mode);
  // Moves to another core; only with nothing to send and no receive under way. Then detached()
  // becomes true.
  void Detach();
  bool receiving() const noexcept { return receiving_; }
  std::unique_ptr<reactor::Handoff> TakeHandoff() { return std::move(handoff_); }

  std::uint64_t bytes_received() const noexcept { return bytes_received_; }

  void OnConnected(const absl::Status& status) override;
  void OnReceived(reactor::ReceivedSlice slice) override;
  void OnReceivedDirect(std::size_t bytes) override;
  void OnSent() override;
  void OnClosed(reactor::CloseReason reason) override;
  void OnDetached(std::unique_ptr<reactor::Handoff> handoff) override;

 private:
  void Fail(absl::Status error);

  reactor::StreamPort& port_;
  ConnectionId id_ = kNoConnection;
  ReceiveBuffer received_;
  SendQueue out_;
  absl::Status error_;
  std::unique_ptr<reactor::Handoff> handoff_;
  bool connected_ = false;
  bool receiving_ = false;
  bool failed_ = false;
  bool closing_ = false;
  bool closed_ = true;  // nothing of it is in the transport yet
  std::uint64_t bytes_received_ = 0;
};

}  // namespace tandem::cluster
