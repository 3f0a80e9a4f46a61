// A lane after its handshake: records and their acknowledgements between two cores.
#pragma once

#include <kj/async.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "cluster/link_connection.h"
#include "cluster/rpc_link.h"
#include "cluster/stream_receiver.h"
#include "cluster/stream_sender.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "proto/peer/peer.capnp.h"

namespace tandem::cluster {

// The core that a lane ends at. Called in that core's turns.
class LaneHost {
 public:
  virtual ~LaneHost() = default;
  virtual const Now& now() const = 0;
  // Record `number` of the other node's core `stream`, in order, once.
  virtual void OnRecord(CoreId stream, std::uint64_t number, broker::PeerRecord&& record) = 0;
  // The other node has applied this core's records up to `number`; the sender knows already.
  virtual void OnApplied(std::uint64_t number) = 0;
};

// One connection of one lane, in one epoch. Lane l carries stream l of either node, as far as that
// node has a core l. The streams themselves live longer than the connection; they are suspended
// when it goes, and resume on the next.
//
// Each side opens its stream by a call. What goes all the time, batches and what becomes of them,
// are frames of their own beside the RPC system's messages, if both nodes know those; else calls.
//
// Destroyed in a KjLoop scope; the connection is then TakeConnection()'s to close.
class Lane final : private kj::TaskSet::ErrorHandler, private FrameHandler {
 public:
  struct Terms {
    std::uint16_t number = 0;
    std::uint64_t epoch = 0;
    bool dialer = false;
    bool frames = true;  // both nodes know LaneFrame
  };
  // `sender`: this node's stream l, or null. `receiver`: the other node's, or null.
  Lane(const Terms& terms, std::unique_ptr<LinkConnection> connection, StreamSender* sender,
       StreamReceiver* receiver, LaneHost& host);
  ~Lane() noexcept(false);

  // Once per turn, before the loop runs. An error ends the connection, and if it is IsFatal, the
  // epoch with it.
  absl::Status Pump();
  // Once per turn, before Send(). One end may have forgotten the connection, and its reset been
  // lost: then nothing comes any more. So the dialer, who alone can open another one, asks when it
  // has heard nothing for half of `patience`; and the lane fails if what this end waits for has not
  // come for `patience`. `excused`: this core stood still.
  void CheckHeard(MonoNs patience, bool excused);
  // Once per turn, after it: batches, acknowledgements, flush.
  void Send();
  // Send() would send something.
  bool HasWork() const;
  // When CheckHeard() and Send() must be called if nothing else happens; kNever if they need not.
  MonoNs NextDeadline() const noexcept { return std::min({flush_at_, check_at_, confirm_at_}); }

  static bool IsFatal(const absl::Status& status) { return absl::IsDataLoss(status); }
  std::unique_ptr<LinkConnection> TakeConnection() { return std::move(connection_); }
  const RpcTraffic& traffic() const noexcept { return rpc_->traffic(); }
  std::uint64_t bytes_received() const noexcept { return connection_->bytes_received(); }

 private:
  class LaneServer;
  class SinkServer;
  class AckServer;
  struct Shared;  // with the servers, which may live a little longer

  void Open();
  void SendBatch(const StreamSender::Batch& batch);
  void CallAppend(const StreamSender::Batch& batch);
  void Fill(const StreamSender::Batch& batch, peer::RecordSink::AppendParams::Builder out);
  void Confirm();
  void SendConfirm();
  void PutNumbers(peer::LaneFrame::Builder frame);
  void CallApplied(std::uint64_t number);
  void Ask();
  bool Awaits() const;
  void NoteAwaited();
  void Flush();
  absl::Status Append(peer::RecordSink::AppendParams::Reader batch);
  absl::Status Deliver(peer::RecordSink::AppendParams::Reader batch);
  absl::Status OnOpen(std::uint64_t epoch, std::uint16_t stream, peer::AckSink::Client acks);
  absl::Status OnFrame(peer::LaneFrame::Reader frame) override;
  absl::Status OnNumbers(std::uint64_t received, std::uint64_t applied);
  absl::Status OnAck(std::uint64_t number);
  void Fail(absl::Status error);
  void taskFailed(kj::Exception&& exception) override;

  const Terms terms_;
  std::unique_ptr<LinkConnection> connection_;
  StreamSender* sender_;
  StreamReceiver* receiver_;
  LaneHost& host_;
  std::shared_ptr<Shared> shared_;
  absl::Status error_;
  std::unique_ptr<RpcLink> rpc_;
  std::optional<peer::RecordSink::Client> sink_;  // once opened: where this node's records go
  std::optional<peer::AckSink::Client>
      acks_;                     // once the other side opened: where to confirm its records
  bool urgent_ = false;          // something was put into the queue that the other side waits for
  std::size_t awaited_ = 0;      // calls to open and ask whose returns have not come
  MonoNs awaited_since_ = 0;     // since when there are any, or batches without a receipt
  std::uint64_t confirmed_ = 0;  // of the other node's stream: the receipt that was sent last
  MonoNs confirm_at_ = kNever;   // when a receipt goes at the latest, if nothing takes it along
  MonoNs heard_at_ = 0;          // when the last bytes came
  MonoNs check_at_ = kNever;
  std::uint64_t heard_bytes_ = 0;
  MonoNs flush_at_ = kNever;  // when the rest goes at the latest
  kj::TaskSet tasks_;
};

}  // namespace tandem::cluster
