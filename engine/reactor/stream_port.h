// A core's transport as seen by those who are few and do not care which one it is: the links
// between the nodes. Calls happen per batch, so they may be virtual; the rules of transport.h hold.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "engine/base/ids.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

// Owner of one stream. Lives until its OnClosed has run.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void OnConnected(const absl::Status& status) = 0;  // outbound only
  virtual void OnReceived(ReceivedSlice slice) = 0;          // kLent
  virtual void OnReceivedDirect(std::size_t bytes) = 0;      // kDirect
  virtual void OnSent() = 0;
  virtual void OnClosed(CloseReason reason) = 0;
  // The answer to Detach(); the last event here. Dropping the handoff closes the connection.
  virtual void OnDetached(std::unique_ptr<Handoff> /*handoff*/) {}
};

// Takes accepted connections. Must answer each by StreamPort::Attach or Close before it returns.
class AcceptHandler {
 public:
  virtual ~AcceptHandler() = default;
  virtual void OnAccepted(ConnectionId id, const Endpoint& peer) = 0;
};

class StreamPort {
 public:
  virtual ~StreamPort() = default;
  virtual absl::StatusOr<ListenerId> Listen(const ListenOptions& options,
                                            AcceptHandler& handler) = 0;
  virtual void StopListening(ListenerId listener) = 0;
  virtual Endpoint LocalEndpoint(ListenerId listener) = 0;
  virtual absl::StatusOr<ConnectionId> Connect(const ConnectOptions& options,
                                               StreamHandler& handler) = 0;
  virtual void Attach(ConnectionId accepted, StreamHandler& handler) = 0;
  virtual void Send(ConnectionId id, std::span<const Fragment> fragments) = 0;
  virtual void Receive(ConnectionId id, MutableBytes memory) = 0;
  virtual void Release(const ReceivedSlice& slice) = 0;
  virtual void Close(ConnectionId id, CloseMode mode) = 0;
  // Moves a connection to another core of this node: Detach() here (no Send in flight, no Receive()
  // waiting; ends in OnDetached or OnClosed), carry the handoff over, Adopt() there.
  virtual void Detach(ConnectionId id) = 0;
  virtual ConnectionId Adopt(std::unique_ptr<Handoff> handoff, StreamHandler& handler) = 0;
};

}  // namespace tandem::reactor
