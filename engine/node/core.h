// One core of a node: drives its transport, its shard and its link to the other node in turns, and
// executes their effects.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/pace.h"
#include "engine/broker/shard.h"
#include "engine/net/buffer_pool.h"
#include "engine/net/connection.h"
#include "engine/node/access_log.h"
#include "engine/node/clock.h"
#include "engine/node/connection_limits.h"
#include "engine/node/core_counters.h"
#include "engine/node/drain_pace.h"
#include "engine/node/inbox.h"
#include "engine/node/mail.h"
#include "engine/node/merge_history.h"
#include "engine/node/partner_link.h"
#include "engine/reactor/stream_port.h"
#include "engine/reactor/transport.h"

namespace tandem::node {

struct CoreOptions {
  CoreId core{};
  std::uint16_t cores = 1;
  std::vector<reactor::ListenOptions> listeners;  // every core opens them all (SO_REUSEPORT)
  std::vector<ConnectionLimits*> limits;          // by listener
  broker::ShardOptions shard;
  broker::BrokerConfig broker;
  MergeHistory* merges = nullptr;  // of the node; null: nobody wants to know
  MonoNs spin_ns = 0;              // look for work this long before sleeping
  std::size_t mail_bytes_max = kMailBytesMax;
  MonoNs close_patience_ns =
      5 * kNanosecondsPerSecond;  // to send a last packet to somebody who does not read
};

// The mailboxes between all cores of a node.
class MailGrid {
 public:
  explicit MailGrid(std::uint16_t cores) : cores_(cores), wakers_(cores, nullptr) {
    for (std::size_t i = 0; i < std::size_t{cores} * cores; ++i)
      boxes_.push_back(std::make_unique<CoreMailbox>());
  }
  std::uint16_t cores() const noexcept { return cores_; }
  CoreMailbox& Between(CoreId from, CoreId to) {
    return *boxes_[Index(from) * std::size_t{cores_} + Index(to)];
  }
  // Set by each core's thread before any core takes its first turn.
  void SetWaker(CoreId core, reactor::Waker& waker) { wakers_[Index(core)] = &waker; }
  reactor::Waker& WakerOf(CoreId core) { return *wakers_[Index(core)]; }

 private:
  std::uint16_t cores_;
  std::vector<std::unique_ptr<CoreMailbox>> boxes_;
  std::vector<reactor::Waker*> wakers_;
};

// Lives on its core's thread, from construction to destruction; only `inbox` may be used from
// elsewhere.
//
// One turn: receive and decode -> shard -> mailboxes -> link -> timers -> end of turn -> one send
// per connection that has something -> wake the others -> sleep if nothing is left. Effects of the
// shard are executed after each event.
template <reactor::Transport T>
class Core final : private reactor::StreamPort {
 public:
  Core(const CoreOptions& options, T& transport, MailGrid& mail, Inbox& inbox,
       CoreCounters& counters, std::unique_ptr<PartnerLink> partner)
      : options_(options),
        transport_(transport),
        mail_(mail),
        inbox_(inbox),
        counters_(counters),
        shard_(options.shard, options_.broker, counters.broker),
        partner_(std::move(partner)) {}

  // Opens the listeners and the link.
  absl::Status Start();
  void Turn();
  // Refuses new clients, disconnects those that are here, says goodbye to the other node. Turn
  // until stopped().
  void Stop();
  // Moves the clients to the other node, so many a second, and turns new ones away.
  void BeginDrain(double clients_per_s);
  void EndDrain();
  bool stopped() const {
    return stopping_ && shard_.connections() == 0 && streams_open_ == 0 &&
           (!partner_ || partner_->stopped());
  }

  broker::Shard& shard() noexcept { return shard_; }
  const std::vector<reactor::ListenerId>& listeners() const noexcept { return listeners_; }

  // Called by the transport from Poll().
  void OnAccepted(reactor::ListenerId listener, ConnectionId id, const reactor::Endpoint& peer);
  void OnAcceptFailed(reactor::ListenerId listener, const absl::Status& status);
  void OnConnected(ConnectionId id, const absl::Status& status);
  void OnReceived(ConnectionId id, reactor::ReceivedSlice slice);
  void OnReceivedDirect(ConnectionId id, std::size_t bytes);
  void OnSent(ConnectionId id);
  void OnDetached(ConnectionId id, std::unique_ptr<reactor::Handoff> handoff);
  void OnClosed(ConnectionId id, reactor::CloseReason reason);

 private:
  // What a connection of the transport belongs to: a client, or somebody who uses the StreamPort.
  struct Stream {
    ConnectionId id = kNoConnection;
    std::unique_ptr<net::Connection> client;
    reactor::StreamHandler* handler = nullptr;
  };
  // Takes no packets: what comes is kept.
  struct NoSink {
    static bool wants_more() noexcept { return false; }
    static bool OnPacket(const mqtt::Packet&, broker::Buffer*) noexcept { return false; }
    static void OnMalformed(const mqtt::DecodeResult&) noexcept {}
  };
  // Takes decoded packets of one client to the shard.
  struct PacketSink {
    Core& core;
    net::Connection& connection;
    bool wants_more() const noexcept {
      return !connection.held && !connection.moving && !connection.closing && !connection.paused;
    }
    bool OnPacket(const mqtt::Packet& packet, broker::Buffer* block);
    void OnMalformed(const mqtt::DecodeResult& result) {
      core.shard_.OnMalformed(connection.id(), result);
      core.Execute();
    }
  };

  // StreamPort, for the link.
  absl::StatusOr<reactor::ListenerId> Listen(const reactor::ListenOptions& options,
                                             reactor::AcceptHandler& handler) override;
  void StopListening(reactor::ListenerId listener) override { transport_.StopListening(listener); }
  reactor::Endpoint LocalEndpoint(reactor::ListenerId listener) override {
    return transport_.LocalEndpoint(listener);
  }
  absl::StatusOr<ConnectionId> Connect(const reactor::ConnectOptions& options,
                                       reactor::StreamHandler& handler) override;
  void Attach(ConnectionId accepted, reactor::StreamHandler& handler) override;
  void Send(ConnectionId id, std::span<const reactor::Fragment> fragments) override {
    transport_.Send(id, fragments);
  }
  void Receive(ConnectionId id, MutableBytes memory) override { transport_.Receive(id, memory); }
  void Release(const reactor::ReceivedSlice& slice) override { transport_.Release(slice); }
  void Close(ConnectionId id, reactor::CloseMode mode) override { transport_.Close(id, mode); }
  void Detach(ConnectionId id) override { transport_.Detach(id); }
  ConnectionId Adopt(std::unique_ptr<reactor::Handoff> handoff,
                     reactor::StreamHandler& handler) override;

  static std::size_t SlotOf(ConnectionId id) noexcept {
    return static_cast<std::uint64_t>(id) & UINT32_MAX;
  }
  Stream* FindStream(ConnectionId id) noexcept;
  net::Connection* FindClient(ConnectionId id) noexcept;
  Stream& OpenStream(ConnectionId id);
  void ForgetStream(ConnectionId id);

  void OpenClient(ConnectionId id, std::uint32_t listener, const reactor::Endpoint& peer,
                  broker::Admission admission, ByteBuffer bytes);
  void NoteRefused(std::uint32_t listener, const reactor::Endpoint& peer,
                   const ConnectionLimits::Verdict& verdict);
  void Read(net::Connection& connection, Bytes bytes);
  void ReadOn(net::Connection& connection);
  void Withhold(net::Connection& connection, Bytes bytes);
  struct Drained {
    bool any = false;
    bool more_left = false;  // nobody wakes us for those
  };
  Drained DrainMail();
  void OnMail(CoreId from, Mail mail);
  void RunInbox();

  bool TurnPartner();
  void TurnDrain();
  void Execute();
  void ExecuteSend(const broker::Outbox& out, const broker::SendEffect& send);
  void ExecuteOn(net::Connection& connection, const broker::ConnectionEffect& effect);
  void MarkDirty(net::Connection& connection);
  void ReadReleased();
  void FlushDirty();
  void ReportFigures();
  void Flush(net::Connection& connection);
  reactor::SentNotice NoticeFor(const net::Connection& connection) const noexcept;
  void ResetLateClosers();
  void PublishMail();
  void NoteMailDepth(std::size_t bytes);
  void SleepUnlessBusy(bool busy, MonoNs ended);

  CoreOptions options_;
  T& transport_;
  MailGrid& mail_;
  Inbox& inbox_;
  CoreCounters& counters_;
  broker::Shard shard_;
  std::unique_ptr<PartnerLink> partner_;

  Now now_;
  MonoNs idle_since_ = 0;
  MonoNs report_at_ = 0;
  std::vector<reactor::ListenerId>
      listeners_;  // of clients; the index is the listener's in the configuration
  std::vector<std::pair<reactor::ListenerId, reactor::AcceptHandler*>> other_listeners_;
  std::vector<Stream> streams_;  // by slot
  std::size_t streams_open_ = 0;
  std::vector<ConnectionId> dirty_;
  std::vector<ConnectionId> flushing_;                   // dirty_ of before, while they are flushed
  net::OutputQueue::Fragments fragments_{};              // of the send being handed over
  std::deque<std::pair<MonoNs, ConnectionId>> closing_;  // by deadline
  std::vector<ConnectionId> read_on_;                    // held or paused no longer
  std::vector<ConnectionId> unread_;                     // to be read when clients wait no longer
  net::BufferPool pool_;
  bool partner_waits_ =
      false;  // records or acknowledgements were handed to the link since its last turn
  bool stopping_ = false;
  bool draining_ = false;
  bool mail_full_ = false;  // another core is slow to take what this one sends it
  DrainPace drain_pace_;
  LinePace refusal_lines_{10 * kNanosecondsPerSecond};
};

}  // namespace tandem::node

#include "engine/node/core_impl.h"  // the definitions, shared by all transports
