// A control connection after its handshake: heartbeats, the negotiation of an epoch, goodbye.
#pragma once

#include <kj/async.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "cluster/link_connection.h"
#include "cluster/pair.h"
#include "cluster/rpc_link.h"
#include "proto/peer/peer.capnp.h"

namespace tandem::cluster {

// What a heartbeat says besides its numbers.
struct BeatNote {
  std::uint64_t epoch = 0;
  bool ready = false;
  bool draining = false;
  std::vector<std::int64_t> figures;  // what the sender's broker counts
};

// Called in the turns of core 0. `path` is the connection's.
class ControlEvents {
 public:
  virtual ~ControlEvents() = default;
  virtual std::uint64_t OnBeat(std::size_t path, const FailureDetector::Beat& beat,
                               const BeatNote& note) = 0;
  virtual void OnEcho(std::size_t path, std::uint64_t received) = 0;
  virtual void OnProposal(std::size_t path,
                          const PairView& view) = 0;  // to be answered by ControlLink::Answer
  virtual void OnVerdict(std::size_t path, const PairVerdict& verdict) = 0;
  virtual void OnGoodbye(std::size_t path) = 0;
  virtual void OnGoodbyeHeard(std::size_t path) = 0;
};

// One per path, on core 0. Destroyed in a KjLoop scope; the connection is then TakeConnection()'s
// to close.
class ControlLink final : private kj::TaskSet::ErrorHandler {
 public:
  ControlLink(std::size_t path, std::unique_ptr<LinkConnection> connection, bool dialer,
              ControlEvents& events);
  ~ControlLink() noexcept(false);

  void SendBeat(const FailureDetector::Beat& beat, const BeatNote& note);
  void Propose(const PairView& view);
  void Answer(const PairVerdict& verdict);
  void SayGoodbye();

  // Once per turn, before the loop runs; an error ends the connection.
  absl::Status Pump();
  // Once per turn, after it.
  void Flush() { connection_->Flush(); }
  std::unique_ptr<LinkConnection> TakeConnection() { return std::move(connection_); }

 private:
  class Server;
  struct Shared;  // with the server, which may live a little longer

  void taskFailed(kj::Exception&& exception) override;

  std::size_t path_;
  std::unique_ptr<LinkConnection> connection_;
  ControlEvents& events_;
  std::shared_ptr<Shared> shared_;
  absl::Status error_;
  std::unique_ptr<RpcLink> rpc_;
  peer::Control::Client remote_ = nullptr;
  kj::TaskSet tasks_;
};

// A KJ exception in our error language.
absl::Status ToStatus(const kj::Exception& exception);

}  // namespace tandem::cluster
