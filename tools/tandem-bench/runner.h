// Puts a Load on a transport: streams, turns, time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/reactor/transport.h"
#include "tools/tandem-bench/load.h"

namespace tandem::bench {

// One thread, one transport, all clients. Turn() does what a core of the broker does in a turn:
// reap, act, send once per connection that has something to say.
template <reactor::Transport T>
class Runner {
 public:
  Runner(T& transport, const Options& options, Load& load)
      : transport_(transport), options_(options), load_(load), streams_(load.size()) {}
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // `clock()` yields MonoNs. Returns when the next turn may begin: now or a deadline for Wait().
  template <class Clock>
  MonoNs Turn(Clock clock) {
    OpenSome(clock());
    Events<Clock> events{*this, clock};
    was_busy_ = transport_.Poll(clock(), events) != 0;
    load_.Tick(clock());
    Flush();
    return load_.NextDeadline();
  }

  // Whether the last turn had anything to do.
  bool was_busy() const noexcept { return was_busy_; }
  // Streams that are not closed yet. After Phase::kDone they close by themselves once what they had
  // to say is sent.
  std::size_t open_streams() const noexcept { return open_; }

 private:
  struct Stream {
    ConnectionId id = kNoConnection;
    ClientOutput in_flight;
    bool is_sending = false;
    bool is_connected = false;
    bool is_closing = false;
  };

  template <class Clock>
  struct Events : reactor::NullHandler {
    Events(Runner& owner, Clock& time) : runner(owner), clock(time) {}

    void OnConnected(ConnectionId id, const absl::Status& status) {
      runner.Connected(runner.IndexOf(id), status, clock());
    }
    void OnReceived(ConnectionId id, reactor::ReceivedSlice slice) {
      runner.load_.OnReceived(runner.IndexOf(id), slice.bytes, clock());
      runner.transport_.Release(slice);
    }
    void OnSent(ConnectionId id) { runner.Sent(runner.IndexOf(id), clock()); }
    void OnClosed(ConnectionId id, reactor::CloseReason reason) {
      runner.Closed(runner.IndexOf(id), reason, clock());
    }

    Runner& runner;
    Clock& clock;
  };

  std::uint32_t IndexOf(ConnectionId id) const {
    return index_of_slot_[static_cast<std::uint32_t>(static_cast<std::uint64_t>(id))];
  }

  // Connecting more at once than options_.connecting_max may overflow the backlogs of listeners.
  void OpenSome(MonoNs now) {
    load_.TakeReopening(reopening_);
    if (load_.phase() >= Phase::kDraining) return;
    while (connecting_ < options_.connecting_max && !reopening_.empty()) {
      Open(reopening_.back(), now);
      reopening_.pop_back();
    }
    if (load_.phase() != Phase::kConnecting) return;
    while (next_ < streams_.size() && connecting_ < options_.connecting_max) Open(next_++, now);
  }

  void Open(std::uint32_t index, MonoNs now) {
    load_.OnOpening(index, now);
    reactor::ConnectOptions connect{.remote = options_.hosts[load_.plan(index).host]};
    if (!options_.local_hosts.empty()) {
      connect.local_host = options_.local_hosts[index % options_.local_hosts.size()];
    }
    const absl::StatusOr<ConnectionId> id = transport_.Connect(connect);
    if (!id.ok()) {
      load_.OnClosed(index, id.status().ToString(), now);
      return;
    }
    const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(*id));
    if (slot >= index_of_slot_.size()) index_of_slot_.resize(slot + std::size_t{1});
    index_of_slot_[slot] = index;
    streams_[index] = Stream{.id = *id};
    ++open_;
    ++connecting_;
  }

  void Connected(std::uint32_t index, const absl::Status& status, MonoNs now) {
    --connecting_;
    if (!status.ok()) {
      load_.OnClosed(index, status.ToString(), now);
      return;
    }
    streams_[index].is_connected = true;
    load_.OnConnected(index, now);
  }

  void Sent(std::uint32_t index, MonoNs now) {
    streams_[index].is_sending = false;
    streams_[index].in_flight.Clear();
    load_.OnWritten(index, now);
    FlushOne(index);
  }

  void Closed(std::uint32_t index, reactor::CloseReason reason, MonoNs now) {
    --open_;
    streams_[index].id = kNoConnection;
    load_.OnClosed(index,
                   reason == reactor::CloseReason::kPeerClosed ? "the broker closed the connection"
                                                               : "the connection broke",
                   now);
  }

  void Flush() {
    load_.TakeDirty(dirty_);
    was_busy_ |= !dirty_.empty();
    for (const std::uint32_t index : dirty_) FlushOne(index);
  }

  void FlushOne(std::uint32_t index) {
    Stream& stream = streams_[index];
    Client& client = load_.client(index);
    if (stream.id == kNoConnection || stream.is_sending || stream.is_closing) return;
    if (!client.error().empty()) {
      Close(stream, reactor::CloseMode::kReset);
    } else if (!client.output().empty()) {
      std::swap(stream.in_flight, client.output());
      stream.is_sending = true;
      ClientOutput::Fragments fragments;
      const std::size_t count = stream.in_flight.ToFragments(client.shared_payload(), fragments);
      transport_.Send(
          stream.id, std::span(fragments).first(count),
          load_.IsWriteAwaited(index) ? reactor::SentNotice::kSoon : reactor::SentNotice::kLater);
    } else if (load_.phase() == Phase::kDone || load_.IsLeaving(index)) {
      Close(stream, reactor::CloseMode::kGraceful);
    }
  }

  void Close(Stream& stream, reactor::CloseMode mode) {
    stream.is_closing = true;
    transport_.Close(stream.id, mode);
  }

  T& transport_;
  const Options& options_;
  Load& load_;
  std::vector<Stream> streams_;
  std::vector<std::uint32_t> index_of_slot_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> reopening_;
  std::uint32_t next_ = 0;
  std::size_t connecting_ = 0;
  std::size_t open_ = 0;
  bool was_busy_ = false;
};

}  // namespace tandem::bench
