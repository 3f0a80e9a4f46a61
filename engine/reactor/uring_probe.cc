// The part of UringRing that finds out what has no feature bit: it does the thing once, on the ring
// itself, between sockets that nobody else sees.
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/reactor/owned_fd.h"
#include "engine/reactor/pinned_memory.h"
#include "engine/reactor/uring_ring.h"

namespace tandem::reactor {
namespace {

constexpr int kProbeGroup = 60'000;  // buffer group id that the transport does not use
constexpr std::uint32_t kProbeBuffers = 4;
constexpr std::uint32_t kProbeBufferBytes = 64;

UringMark ProbeMark(std::uint32_t step) { return {UringTag::kNothing, 0, step}; }

// A buffer ring with a few buffers; registered while it lives.
class ProbeGroup {
 public:
  explicit ProbeGroup(io_uring* ring) : ring_(ring) {
    auto memory = PinnedMemory::Map(sizeof(io_uring_buf) * kProbeBuffers, HugePages::kOff);
    if (!memory.ok()) return;
    memory_ = std::move(*memory);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(memory_.data());
    registration.ring_entries = kProbeBuffers;
    registration.bgid = kProbeGroup;
    registered_ = io_uring_register_buf_ring(ring_, &registration, 0) == 0;
    if (!registered_) return;
    auto* const buffers = reinterpret_cast<io_uring_buf_ring*>(memory_.data());
    io_uring_buf_ring_init(buffers);
    for (std::uint32_t i = 0; i < kProbeBuffers; ++i) {
      io_uring_buf_ring_add(buffers, &bytes_[i * kProbeBufferBytes], kProbeBufferBytes,
                            static_cast<unsigned short>(i), kProbeBuffers - 1, static_cast<int>(i));
    }
    io_uring_buf_ring_advance(buffers, kProbeBuffers);
  }
  ~ProbeGroup() {
    if (registered_) io_uring_unregister_buf_ring(ring_, kProbeGroup);
  }
  bool registered() const { return registered_; }

 private:
  io_uring* ring_;
  PinnedMemory memory_;
  std::array<std::uint8_t, kProbeBuffers * kProbeBufferBytes> bytes_{};
  bool registered_ = false;
};

}  // namespace

bool UringRing::Await(UringCompletion& completion) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (Take(completion)) return true;
    SubmitAndWait(100 * kNanosecondsPerMillisecond);
  }
  return Take(completion);
}

bool UringRing::ProbeRingMessage() {
  io_uring_sqe* const request = Prepare();
  io_uring_prep_msg_ring(request, fd(), 0, ProbeMark(2).Pack(), 0);
  Mark(request, ProbeMark(1));
  // Two completions: the message itself, and the end of the request that sent it. A failure has
  // only the latter.
  bool arrived = false;
  bool sent = false;
  UringCompletion completion;
  while (!(sent && arrived) && Await(completion)) {
    if (completion.mark.slot == 2) arrived = true;
    if (completion.mark.slot == 1) {
      if (completion.result < 0) return false;
      sent = true;
    }
  }
  return sent && arrived;
}

bool UringRing::ProbeMultishotAccept() {
  const OwnedFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const OwnedFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Binding to a bare family lets the kernel choose a name outside the file system.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t size = sizeof address.sun_family;
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return false;
  size = sizeof address;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return false;
  if (::listen(listener.get(), 1) != 0) return false;
  if (::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return false;

  io_uring_sqe* const request = Prepare();
  io_uring_prep_multishot_accept(request, listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
  Mark(request, ProbeMark(1));
  bool works = false;
  UringCompletion completion;
  while (Await(completion)) {
    if (completion.mark.slot != 1) continue;
    if (completion.result >= 0) const OwnedFd accepted(completion.result);
    if (!completion.has_more()) break;
    works = true;
    io_uring_sqe* const cancel = Prepare();
    io_uring_prep_cancel64(cancel, ProbeMark(1).Pack(), 0);
    Mark(cancel, ProbeMark(2));
  }
  return works;
}

bool UringRing::ProbeBufferRing() { return ProbeGroup(&ring_).registered(); }

bool UringRing::ProbeMultishotReceive() {
  ProbeGroup group(&ring_);
  int pair[2];
  if (!group.registered() || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return false;
  const OwnedFd receiver(pair[0]);
  OwnedFd sender(pair[1]);
  if (::send(sender.get(), "x", 1, MSG_NOSIGNAL) != 1) return false;

  io_uring_sqe* const request = Prepare();
  io_uring_prep_recv_multishot(request, receiver.get(), nullptr, 0, 0);
  request->flags |= IOSQE_BUFFER_SELECT;
  request->buf_group = kProbeGroup;
  Mark(request, ProbeMark(1));
  bool works = false;
  UringCompletion completion;
  while (Await(completion)) {
    if (completion.mark.slot != 1) continue;
    if (!completion.has_more()) break;  // refused, or the end of the stream after the first round
    works = completion.result == 1 && completion.has_buffer();
    sender = OwnedFd();
  }
  return works;
}

// A send that is done says nothing; one that the socket has no room for says how far it came.
bool UringRing::ProbeQuietSend() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  const OwnedFd sender(pair[0]);
  const OwnedFd receiver(pair[1]);
  const std::vector<std::uint8_t> much(std::size_t{4} << 20);
  const auto send = [&](std::size_t bytes, std::uint32_t slot) {
    io_uring_sqe* const request = Prepare();
    io_uring_prep_send(request, sender.get(), much.data(), bytes, MSG_NOSIGNAL);
    MakeQuiet(request);
    Mark(request, ProbeMark(slot));
  };
  send(1, 1);
  send(much.size(), 2);
  UringCompletion completion;
  const bool came = Await(completion);
  return came && completion.mark.slot == 2 && completion.result > 0 &&
         static_cast<std::size_t>(completion.result) < much.size();
}

}  // namespace tandem::reactor
