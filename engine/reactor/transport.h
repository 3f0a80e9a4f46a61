// The seam between a core's loop and whatever moves bytes: io_uring over kernel TCP, an in-memory
// world for tests, a kernel-bypass stack. Chosen at build time; no file descriptor shows above it.
//
// Rules for both sides
//  - It is told the time, which never goes back. Itself it reads the clock only to bound a
//    Poll().
//  - A transport lives and dies on its core's thread; only Waker::Wake may be called elsewhere.
//  - Poll() is the only place where handler methods run; no call below runs one in place.
//  - Memory given to Send() stays untouched until OnSent or OnClosed of that connection. At most
//    one Send is in flight per connection; a second one before OnSent is a bug of the caller.
//  - Received bytes are lent: every slice goes back by Release() exactly once, in any order, also
//    after OnClosed. Keep what you need by copying; a transport has few buffers.
//  - After Close() nothing but OnClosed comes for that connection; OnClosed is always the last
//    event, and frees the id. An id that was freed never comes back (generation), so a late call
//    with it does nothing.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"

namespace tandem::reactor {

enum class ListenerId : std::uint32_t {};

// An IP address and port, v4 or v6, in numbers.
struct Endpoint {
  std::string host;  // numeric: "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
std::string ToString(const Endpoint& endpoint);  // "127.0.0.1:1883", "[::1]:1883"
// The reverse: a numeric address and a port (0..65535). No names are looked up. InvalidArgument
// says what is wrong.
absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text);

struct Fragment {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

// How soon OnSent has to come.
enum class SentNotice : std::uint8_t {
  kSoon,   // as soon as it is known; ends a Wait()
  kLater,  // nobody waits for it: with a later Poll(), and it need not end a Wait()
};

// Received bytes on loan from the transport.
struct ReceivedSlice {
  Bytes bytes;
  std::uint32_t lease = 0;  // the transport's own mark
};

enum class CloseReason : std::uint8_t {
  kLocal,       // Close() was called here
  kPeerClosed,  // orderly end from the other side
  kPeerReset,   // reset, broken pipe
  kTimedOut,    // the kernel gave up (keepalive, user timeout)
  kFailed,      // anything else; the log has the error
};

enum class CloseMode : std::uint8_t {
  kGraceful,  // what was sent is delivered, then FIN
  kReset,     // RST at once; what the kernel still holds is dropped
};

enum class ReceiveMode : std::uint8_t {
  kLent,    // the transport's own buffers, as data comes: OnReceived(slice)
  kDirect,  // only into memory the owner gives by Receive(): OnReceivedDirect(bytes)
};

struct ListenOptions {
  Endpoint endpoint;
  std::string interface;   // bind to this NIC (SO_BINDTODEVICE); "" = by address
  bool reuse_port = true;  // every core listens on its own (SO_REUSEPORT)
  int backlog = 4096;
  ReceiveMode receive_mode = ReceiveMode::kLent;
};

struct ConnectOptions {
  Endpoint remote;
  std::string local_host;  // bind to this address first; "" = any
  std::string interface;
  ReceiveMode receive_mode = ReceiveMode::kLent;
  std::uint32_t user_timeout_ms = 0;  // TCP_USER_TIMEOUT; 0 = the kernel's
};

// A connection on its way to another core of the node, opaque. Moves only; destroyed undelivered,
// it closes.
class Handoff {
 public:
  virtual ~Handoff() = default;
};

// Wakes a sleeping core. Thread-safe, cheap when the core is awake.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void Wake() noexcept = 0;
};

// What a transport's user implements; a plain struct, called from Poll().
// clang-format off
template <class H>
concept TransportHandler = requires(H& h, ListenerId listener, ConnectionId id, const Endpoint& peer, absl::Status status,
                                    ReceivedSlice slice, std::size_t bytes, std::unique_ptr<Handoff> handoff,
                                    CloseReason reason) {
  h.OnAccepted(listener, id, peer);             // receiving has begun (kLent)
  h.OnAcceptFailed(listener, status);           // out of descriptors and the like; the listener goes on by itself
  h.OnConnected(id, status);                    // not ok: followed by OnClosed
  h.OnReceived(id, slice);                      // kLent
  h.OnReceivedDirect(id, bytes);                // kDirect: so many bytes (> 0) are in the memory of the last Receive()
  h.OnSent(id);                                 // the whole of the last Send; its memory may be reused
  h.OnDetached(id, std::move(handoff));         // the answer to Detach; the id is gone
  h.OnClosed(id, reason);
};
// clang-format on

// Handler for checking transports against the concept.
struct NullHandler {
  void OnAccepted(ListenerId, ConnectionId, const Endpoint&) {}
  void OnAcceptFailed(ListenerId, const absl::Status&) {}
  void OnConnected(ConnectionId, const absl::Status&) {}
  void OnReceived(ConnectionId, ReceivedSlice) {}
  void OnReceivedDirect(ConnectionId, std::size_t) {}
  void OnSent(ConnectionId) {}
  void OnDetached(ConnectionId, std::unique_ptr<Handoff>) {}
  void OnClosed(ConnectionId, CloseReason) {}
};
static_assert(TransportHandler<NullHandler>);

// clang-format off
template <class T>
concept Transport = requires(T& t, const ListenOptions& listen, const ConnectOptions& connect, ListenerId listener,
                             ConnectionId id, std::span<const Fragment> fragments, const ReceivedSlice& slice,
                             MutableBytes memory, CloseMode mode, std::unique_ptr<Handoff> handoff, NullHandler& handler,
                             MonoNs now, MonoNs deadline, SentNotice notice) {
  { t.Listen(listen) } -> std::same_as<absl::StatusOr<ListenerId>>;
  { t.StopListening(listener) } -> std::same_as<void>;
  { t.LocalEndpoint(listener) } -> std::same_as<Endpoint>;  // the port that port 0 became
  { t.Connect(connect) } -> std::same_as<absl::StatusOr<ConnectionId>>;
  { t.Send(id, fragments) } -> std::same_as<void>;    // 1..kFragmentsMax fragments, none empty; SentNotice::kSoon
  { t.Send(id, fragments, notice) } -> std::same_as<void>;
  { t.Release(slice) } -> std::same_as<void>;
  { t.Receive(id, memory) } -> std::same_as<void>;    // kDirect: one receive; memory is the transport's until its event
  { t.PauseReceive(id) } -> std::same_as<void>;       // kLent: data already reaped may still come; the end does not before ResumeReceive
  { t.ResumeReceive(id) } -> std::same_as<void>;
  { t.Detach(id) } -> std::same_as<void>;             // no send in flight; ends in OnDetached, also if the stream ends meanwhile; data may still come before
  { t.Adopt(std::move(handoff)) } -> std::same_as<ConnectionId>;  // receiving begins, in the mode it had
  { t.Close(id, mode) } -> std::same_as<void>;
  { t.Poll(now, handler) } -> std::same_as<std::size_t>;  // handles what is ready, bounded; how many events there were
  { t.Submit() } -> std::same_as<void>;               // once per turn: hands all new work to the kernel
  { t.Wait(now, deadline) } -> std::same_as<void>;    // submits, then sleeps until an event, Wake() or `deadline`
  { t.waker() } -> std::same_as<Waker&>;
};
// clang-format on

inline constexpr std::size_t kFragmentsMax = 64;

}  // namespace tandem::reactor
