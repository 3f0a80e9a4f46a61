// Cap'n Proto RPC over a connection of the core's own transport: a VatNetwork of two, driven by the
// core's loop.
#pragma once

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <capnp/rpc.h>
#include <kj/async.h>

#include <deque>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/blob.h"
#include "cluster/link_connection.h"
#include "proto/peer/peer.capnp.h"

namespace tandem::cluster {

// Bytes of records that one connection has sent.
struct RpcTraffic {
  std::uint64_t bytes_copied = 0;
  std::uint64_t bytes_gathered = 0;  // sent from where they were
};

// Takes the frames of a lane that are not for the RPC system (peer.capnp, LaneFrame).
class FrameHandler {
 public:
  // May throw what reading `frame` throws. An error ends the connection.
  virtual absl::Status OnFrame(peer::LaneFrame::Reader frame) = 0;

 protected:
  ~FrameHandler() = default;
};

// One per connection, after its handshake. Lives inside KjLoop scopes only: made, used and
// destroyed in turns.
//
// Out: a message is built by the RPC system in segments of its own. A batch's blob is not among
// them: its place is held by a segment of the right size that points nowhere (Stage), and the
// blob's fragments are put in when the message is sent, so payloads go from the broker's memory to
// the kernel without a copy. In: messages are read where they were received.
class RpcLink final : private capnp::TwoPartyVatNetworkBase,
                      private capnp::TwoPartyVatNetworkBase::Connection {
 public:
  // `dialer` distinguishes the two sides. `bootstrap` is what the other side gets. With `handler`
  // each message stands in a LaneFrame.
  RpcLink(LinkConnection& connection, bool dialer, const FrameLimits& limits,
          capnp::Capability::Client bootstrap, FrameHandler* handler = nullptr);
  ~RpcLink() noexcept;
  KJ_DISALLOW_COPY(RpcLink);

  // The other side's bootstrap capability.
  capnp::Capability::Client remote();

  // Hands received frames to the RPC system or the handler, and asks for more unless the former is
  // behind. An error ends the connection.
  absl::Status Pump();
  // The RPC system has given the connection up.
  bool shut() const noexcept { return shut_; }

  // Sends a frame as `fill` makes it, of some `words`. Only with a handler, as the other side has
  // one then.
  void SendFrame(std::size_t words, absl::FunctionRef<void(peer::LaneFrame::Builder)> fill);

  // A placeholder for `blob`, to be adopted as a Data field of the very next message. Nothing may
  // be read through it.
  capnp::Orphan<capnp::Data> Stage(capnp::Orphanage orphanage, Blob blob);
  // The message that was to carry the blob has been sent, with it.
  bool staged() const noexcept { return staged_.has_value(); }

  // The slab that holds the received memory at `place`, while the call or handler that it came for
  // runs; null if none does.
  broker::BufferPtr SlabAt(const void* place) const;

  const RpcTraffic& traffic() const noexcept { return traffic_; }

 private:
  class Outgoing;
  class Incoming;

  kj::Maybe<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>> connect(
      capnp::rpc::twoparty::VatId::Reader ref) override;
  kj::Promise<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>> accept() override;
  capnp::rpc::twoparty::VatId::Reader getPeerVatId() override;
  kj::Own<capnp::OutgoingRpcMessage> newOutgoingMessage(unsigned first_segment_words) override;
  kj::Promise<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>> receiveIncomingMessage() override;
  kj::Promise<void> shutdown() override;

  kj::Own<capnp::TwoPartyVatNetworkBase::Connection> AsConnection();
  kj::Own<capnp::IncomingRpcMessage> Wrap(ReceiveBuffer::Frame frame);
  absl::StatusOr<bool> HandleFrame(const ReceiveBuffer::Frame& frame);

  LinkConnection& connection_;
  FrameHandler* const handler_;
  bool accepted_ = false;
  bool shut_ = false;
  capnp::MallocMessageBuilder peer_vat_id_;
  std::deque<ReceiveBuffer::Frame> frames_;  // received, not yet asked for
  kj::Maybe<kj::Own<kj::PromiseFulfiller<kj::Maybe<kj::Own<capnp::IncomingRpcMessage>>>>> waiting_;
  kj::Own<kj::PromiseFulfiller<kj::Own<capnp::TwoPartyVatNetworkBase::Connection>>> never_accepted_;
  std::optional<Blob> staged_;
  // Messages that are still read from; shared, because the last of them may outlive the link by a
  // moment.
  std::shared_ptr<std::vector<const Incoming*>> live_ =
      std::make_shared<std::vector<const Incoming*>>();
  RpcTraffic traffic_;
  // Last, so that it goes first.
  std::optional<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> system_;
};

}  // namespace tandem::cluster
