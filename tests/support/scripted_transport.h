// A transport without a network: a test or benchmark puts bytes in and takes bytes out. Costs next
// to nothing, so what is counted around a core on it is the core's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/check.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

// Satisfies Transport, as far as clients of a core need it: no connecting, no direct receiving, no
// moving to other cores. Events happen in the next Poll(), in the order of the calls that led to
// them.
class ScriptedTransport {
 public:
  // The world's side. Connections are numbered from 0 and stay until the end.
  ConnectionId Accept() {
    const auto number = static_cast<std::uint64_t>(outputs_.size());
    outputs_.emplace_back();
    const ConnectionId id{std::uint64_t{1} << 32 | number};
    events_.push_back({Event::Kind::kAccepted, id, {}});
    return id;
  }
  // `bytes` must stay where they are until the next Poll().
  void Deliver(ConnectionId id, Bytes bytes) {
    events_.push_back({Event::Kind::kReceived, id, bytes});
  }
  // What was sent and not yet taken; the caller clears it.
  ByteBuffer& output(ConnectionId id) { return outputs_[Slot(id)]; }
  std::size_t lent() const noexcept { return lent_; }
  std::size_t sends() const noexcept { return sends_; }

  // The core's side.
  absl::StatusOr<ListenerId> Listen(const ListenOptions&) { return ListenerId{0}; }
  void StopListening(ListenerId) {}
  Endpoint LocalEndpoint(ListenerId) { return {}; }
  absl::StatusOr<ConnectionId> Connect(const ConnectOptions&) {
    return absl::UnimplementedError("nobody is there");
  }
  void Send(ConnectionId id, std::span<const Fragment> fragments, SentNotice = SentNotice::kSoon) {
    for (const Fragment& fragment : fragments) output(id).Append({fragment.data, fragment.size});
    events_.push_back({Event::Kind::kSent, id, {}});
    ++sends_;
  }
  void Release(const ReceivedSlice&) { --lent_; }
  void Receive(ConnectionId, MutableBytes) { TANDEM_CHECK_MSG(false, "not scripted"); }
  void PauseReceive(ConnectionId) {}
  void ResumeReceive(ConnectionId) {}
  void Detach(ConnectionId) { TANDEM_CHECK_MSG(false, "not scripted"); }
  ConnectionId Adopt(std::unique_ptr<Handoff>) {
    TANDEM_CHECK_MSG(false, "not scripted");
    return kNoConnection;
  }
  void Close(ConnectionId id, CloseMode) { events_.push_back({Event::Kind::kClosed, id, {}}); }

  template <TransportHandler Handler>
  std::size_t Poll(MonoNs, Handler& handler) {
    polled_.swap(events_);
    for (const Event& event : polled_) {
      switch (event.kind) {
        case Event::Kind::kAccepted:
          handler.OnAccepted(ListenerId{0}, event.id, Endpoint{"127.0.0.1", 1});
          break;
        case Event::Kind::kReceived:
          ++lent_;
          handler.OnReceived(event.id, {event.bytes, 0});
          break;
        case Event::Kind::kSent:
          handler.OnSent(event.id);
          break;
        case Event::Kind::kClosed:
          handler.OnClosed(event.id, CloseReason::kLocal);
          break;
      }
    }
    const std::size_t handled = polled_.size();
    polled_.clear();
    return handled;
  }
  void Submit() {}
  void Wait(MonoNs, MonoNs) {}
  Waker& waker() noexcept { return waker_; }

 private:
  struct Event {
    enum class Kind : std::uint8_t { kAccepted, kReceived, kSent, kClosed };
    Kind kind{};
    ConnectionId id{};
    Bytes bytes;
  };
  struct NoWaker : Waker {
    void Wake() noexcept override {}
  };

  static std::size_t Slot(ConnectionId id) noexcept {
    return static_cast<std::uint64_t>(id) & UINT32_MAX;
  }

  std::vector<ByteBuffer> outputs_;
  std::vector<Event> events_;
  std::vector<Event> polled_;
  std::size_t lent_ = 0;
  std::size_t sends_ = 0;
  NoWaker waker_;
};

static_assert(Transport<ScriptedTransport>);

}  // namespace tandem::reactor
