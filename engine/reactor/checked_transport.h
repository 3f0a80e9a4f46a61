// A transport that watches both sides of the seam and ends the process, with words, when one of
// them breaks a rule of transport.h. For debug builds and for whoever writes one more transport.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

// Satisfies Transport if `T` does, which it drives and does not own.
template <Transport T>
class CheckedTransport {
 public:
  explicit CheckedTransport(T& transport) : transport_(transport) {}
  CheckedTransport(const CheckedTransport&) = delete;
  CheckedTransport& operator=(const CheckedTransport&) = delete;

  // Slices that are out.
  std::size_t lent() const noexcept { return lent_.size(); }

  absl::StatusOr<ListenerId> Listen(const ListenOptions& options) {
    CheckThread();
    return transport_.Listen(options);
  }
  void StopListening(ListenerId listener) {
    CheckThread();
    transport_.StopListening(listener);
  }
  Endpoint LocalEndpoint(ListenerId listener) { return transport_.LocalEndpoint(listener); }
  absl::StatusOr<ConnectionId> Connect(const ConnectOptions& options) {
    CheckThread();
    absl::StatusOr<ConnectionId> id = transport_.Connect(options);
    if (id.ok()) Begin(*id);
    return id;
  }
  void Send(ConnectionId id, std::span<const Fragment> fragments,
            SentNotice notice = SentNotice::kSoon) {
    CheckThread();
    TANDEM_CHECK_MSG(!fragments.empty() && fragments.size() <= kFragmentsMax,
                     "Send of none or too many fragments");
    for (const Fragment& fragment : fragments)
      TANDEM_CHECK_MSG(fragment.size != 0, "Send of an empty fragment");
    if (Watched* const watched = Find(id)) {
      TANDEM_CHECK_MSG(!watched->closing, "Send after Close");
      TANDEM_CHECK_MSG(!watched->detaching, "Send after Detach");
      TANDEM_CHECK_MSG(watched->sending.empty(), "Send before OnSent of the last one");
      watched->sending.assign(fragments.begin(), fragments.end());
      watched->sent_hash = HashOf(watched->sending);
    }
    transport_.Send(id, fragments, notice);
  }
  void Release(const ReceivedSlice& slice) {
    CheckThread();
    TANDEM_CHECK_MSG(lent_.erase(slice.bytes.data()) == 1, "Release of a slice that is not lent");
    transport_.Release(slice);
  }
  void Receive(ConnectionId id, MutableBytes memory) {
    CheckThread();
    TANDEM_CHECK_MSG(!memory.empty(), "Receive into nothing");
    if (Watched* const watched = Find(id)) {
      TANDEM_CHECK_MSG(!watched->closing, "Receive after Close");
      TANDEM_CHECK_MSG(watched->direct_bytes == 0, "Receive before the last one has answered");
      watched->direct_bytes = memory.size();
    }
    transport_.Receive(id, memory);
  }
  void PauseReceive(ConnectionId id) {
    CheckThread();
    transport_.PauseReceive(id);
  }
  void ResumeReceive(ConnectionId id) {
    CheckThread();
    transport_.ResumeReceive(id);
  }
  void Detach(ConnectionId id) {
    CheckThread();
    if (Watched* const watched = Find(id)) {
      TANDEM_CHECK_MSG(watched->sending.empty(), "Detach with a send in flight");
      watched->detaching = true;
    }
    transport_.Detach(id);
  }
  ConnectionId Adopt(std::unique_ptr<Handoff> handoff) {
    CheckThread();
    TANDEM_CHECK_MSG(handoff != nullptr, "Adopt of nothing");
    const ConnectionId id = transport_.Adopt(std::move(handoff));
    Begin(id);
    return id;
  }
  void Close(ConnectionId id, CloseMode mode) {
    CheckThread();
    if (Watched* const watched = Find(id)) watched->closing = true;
    transport_.Close(id, mode);
  }
  template <TransportHandler Handler>
  std::size_t Poll(MonoNs now, Handler& handler) {
    CheckThread();
    CheckTime(now);
    TANDEM_CHECK_MSG(!std::exchange(polling_, true), "Poll from within an event");
    Watch<Handler> watch{*this, handler};
    const std::size_t events = transport_.Poll(now, watch);
    polling_ = false;
    return events;
  }
  void Submit() {
    CheckThread();
    transport_.Submit();
  }
  void Wait(MonoNs now, MonoNs deadline) {
    CheckThread();
    CheckTime(now);
    TANDEM_CHECK_MSG(!polling_, "Wait from within an event");
    transport_.Wait(now, deadline);
  }
  Waker& waker() noexcept { return transport_.waker(); }
  auto counters() const requires requires(const T& t) { t.counters(); }
  { return transport_.counters(); }

 private:
  using Fragments = absl::InlinedVector<Fragment, 2>;

  static std::size_t HashOf(const Fragments& fragments) {
    std::size_t hash = 0;
    for (const Fragment& fragment : fragments) {
      const absl::string_view content(reinterpret_cast<const char*>(fragment.data), fragment.size);
      hash = absl::HashOf(hash, content);
    }
    return hash;
  }

  // What is owed to one connection.
  struct Watched {
    Fragments sending;             // memory that must not change until OnSent or OnClosed
    std::size_t sent_hash = 0;     // of its content
    std::size_t direct_bytes = 0;  // size of the memory of a Receive that has not answered
    bool detaching = false;
    bool closing = false;  // by its owner: nothing but OnClosed may come

    void CheckUntouched() const {
      TANDEM_CHECK_MSG(sending.empty() || HashOf(sending) == sent_hash,
                       "memory changed between Send and OnSent");
    }
  };

  // The handler that the transport sees: checks the event, then hands it on.
  template <class Handler>
  struct Watch {
    CheckedTransport& checked;
    Handler& handler;

    void OnAccepted(ListenerId listener, ConnectionId id, const Endpoint& peer) {
      checked.Begin(id);
      handler.OnAccepted(listener, id, peer);
    }
    void OnAcceptFailed(ListenerId listener, const absl::Status& status) {
      TANDEM_CHECK_MSG(!status.ok(), "OnAcceptFailed without an error");
      handler.OnAcceptFailed(listener, status);
    }
    void OnConnected(ConnectionId id, const absl::Status& status) {
      checked.Live(id, "OnConnected");
      handler.OnConnected(id, status);
    }
    void OnReceived(ConnectionId id, ReceivedSlice slice) {
      checked.Live(id, "OnReceived");
      TANDEM_CHECK_MSG(!slice.bytes.empty(), "OnReceived of nothing");
      TANDEM_CHECK_MSG(checked.lent_.insert(slice.bytes.data()).second,
                       "OnReceived of memory that is lent already");
      handler.OnReceived(id, slice);
    }
    void OnReceivedDirect(ConnectionId id, std::size_t bytes) {
      Watched& watched = checked.Live(id, "OnReceivedDirect");
      TANDEM_CHECK_MSG(bytes != 0 && bytes <= watched.direct_bytes,
                       "OnReceivedDirect of nothing, or of more than was asked for");
      watched.direct_bytes = 0;
      handler.OnReceivedDirect(id, bytes);
    }
    void OnSent(ConnectionId id) {
      Watched& watched = checked.Live(id, "OnSent");
      TANDEM_CHECK_MSG(!watched.sending.empty(), "OnSent without a Send");
      watched.CheckUntouched();
      watched.sending.clear();
      handler.OnSent(id);
    }
    void OnDetached(ConnectionId id, std::unique_ptr<Handoff> handoff) {
      TANDEM_CHECK_MSG(checked.Live(id, "OnDetached").detaching, "OnDetached without a Detach");
      TANDEM_CHECK_MSG(handoff != nullptr, "OnDetached of nothing");
      checked.watched_.erase(id);
      handler.OnDetached(id, std::move(handoff));
    }
    void OnClosed(ConnectionId id, CloseReason reason) {
      Watched* const watched = checked.Find(id);
      TANDEM_CHECK_MSG(watched != nullptr, "OnClosed of a connection that is gone");
      watched->CheckUntouched();
      checked.watched_.erase(id);
      handler.OnClosed(id, reason);
    }
  };

  void CheckTime(MonoNs now) {
    TANDEM_CHECK_MSG(now >= std::exchange(now_, now), "time that goes back");
  }
  void CheckThread() const {
    TANDEM_CHECK_MSG(std::this_thread::get_id() == thread_, "a transport used by another thread");
  }
  void Begin(ConnectionId id) {
    TANDEM_CHECK_MSG(watched_.try_emplace(id).second, "an id that is in use");
  }
  // Late calls, with an id that is gone, are no mistake: they do nothing.
  Watched* Find(ConnectionId id) {
    const auto found = watched_.find(id);
    return found == watched_.end() ? nullptr : &found->second;
  }
  Watched& Live(ConnectionId id, std::string_view event) {
    Watched* const watched = Find(id);
    TANDEM_CHECK_MSG(watched != nullptr, event);
    TANDEM_CHECK_MSG(!watched->closing, event);
    return *watched;
  }

  T& transport_;
  const std::thread::id thread_ = std::this_thread::get_id();
  bool polling_ = false;
  MonoNs now_ = INT64_MIN;
  absl::flat_hash_map<ConnectionId, Watched> watched_;
  absl::flat_hash_set<const std::uint8_t*> lent_;
};

}  // namespace tandem::reactor
