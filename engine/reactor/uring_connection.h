// The records behind UringTransport; for its own .cc files.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/reactor/socket_address.h"
#include "engine/reactor/uring_ring.h"
#include "engine/reactor/uring_transport.h"

namespace tandem::reactor {

enum class UringTransport::State : std::uint8_t {
  kFree,
  kConnecting,
  kOpen,
  kDetaching,  // waits for the end of its receive
  kDetached,   // the event is queued
  kFlushing,   // closed gracefully, the send in flight goes on
  kLingering,  // FIN sent or about to be; waits for the peer's, discards what comes
  kEnding,     // requests are cancelled; waits for their completions
  kEnded,      // the event is queued
};

// Slots come in chunks, so that records never move.
inline constexpr std::uint32_t kConnectionsPerChunk = 256;

// The pieces of one gathered send; the kernel reads them until its completion.
struct UringTransport::SendRecord {
  msghdr header{};
  std::array<iovec, kFragmentsMax> pieces{};
};

struct UringTransport::Connection {
  int fd = -1;
  std::uint32_t slot = 0;
  std::uint32_t generation = 1;
  std::uint32_t next_free = 0;

  State state = State::kFree;
  ReceiveMode mode = ReceiveMode::kLent;
  CloseReason reason = CloseReason::kLocal;
  bool has_reason : 1 = false;  // the first one counts
  bool closed_by_owner : 1 = false;
  bool reset_on_close : 1 = false;
  // Requests in the kernel.
  bool connect_armed : 1 = false;
  bool receive_armed : 1 = false;      // receive or poll
  bool receive_is_poll : 1 = false;    // of the armed one
  bool receive_is_large : 1 = false;   // of the armed one: its buffer group
  bool receive_cancelled : 1 = false;  // its end is on the way
  bool send_armed : 1 = false;
  bool send_quiet : 1 = false;  // of the armed one: its success has no completion
  // What the owner waits for.
  bool send_pending : 1 = false;
  bool send_failed : 1 = false;  // OnClosed follows once the peer's last bytes are read
  bool paused : 1 = false;
  bool starved : 1 = false;  // stands in `starved_`
  bool wants_large : 1 = false;
  std::uint8_t full_in_a_row = 0;   // receives that filled a small buffer
  std::uint8_t small_in_a_row = 0;  // receives that would have fitted into a small one

  std::uint8_t* direct_data = nullptr;
  std::size_t direct_size = 0;
  const std::uint8_t* send_data = nullptr;  // without record
  std::size_t send_left = 0;                // bytes, with or without record
  std::unique_ptr<SendRecord> send_record;
  std::unique_ptr<SocketAddress> remote;  // outbound, until connected
  TimerId timer = kNoTimer;

  bool is_quiet() const noexcept { return !connect_armed && !receive_armed && !send_armed; }
  bool wants_data() const noexcept { return state == State::kOpen || state == State::kDetaching; }
};

struct UringTransport::Listener {
  std::uint32_t index = 0;
  OwnedFd fd;
  ReceiveMode receive_mode = ReceiveMode::kLent;
  bool armed = false;
  bool cancelled = false;  // the armed accept's end is on the way
  bool stopped = false;
  bool paused = false;  // until its timer
};

// Carries a descriptor to another core's transport.
class UringHandoff final : public Handoff {
 public:
  UringHandoff(OwnedFd fd, ReceiveMode mode) : fd_(std::move(fd)), mode_(mode) {}
  OwnedFd TakeFd() noexcept { return std::move(fd_); }
  ReceiveMode mode() const noexcept { return mode_; }

 private:
  OwnedFd fd_;
  ReceiveMode mode_;
};

// Why a connection ended, by the errno of its receive or send:
//   ECONNRESET, EPIPE: the peer reset it, or closed while we were sending;
//   ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN: nobody answers any more;
//   anything else (EIO, EBADMSG, ENOBUFS of a send) should not happen: kFailed.
CloseReason ReasonOf(int error) noexcept;

}  // namespace tandem::reactor
