// How other threads wake a core that sleeps in its ring.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/reactor/owned_fd.h"
#include "engine/reactor/sleep_gate.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

class UringDoorbellSender;

// Shared by the transport it wakes and by the doorbells under way to it. The gate decides whether a
// doorbell is rung; a thread that turns a ring itself sends a message from ring to ring, which
// rides on its next enter; any other thread writes to the eventfd.
class UringWaker final : public Waker, public std::enable_shared_from_this<UringWaker> {
 public:
  UringWaker(OwnedFd event_fd, int ring_fd) : event_fd_(std::move(event_fd)), ring_fd_(ring_fd) {}

  void Wake() noexcept override;  // any thread

  // Any thread; not gated.
  void RingByEventFd() noexcept;

  SleepGate& gate() noexcept { return gate_; }
  int event_fd() const noexcept { return event_fd_.get(); }
  int ring_fd() const noexcept { return ring_fd_; }

 private:
  SleepGate gate_;
  const OwnedFd event_fd_;
  const int ring_fd_;
};

// A transport as the sender of doorbells.
class UringDoorbellSender {
 public:
  virtual void SendDoorbell(std::shared_ptr<UringWaker> to) = 0;

  // The sender whose loop this thread turns, or null.
  static UringDoorbellSender*& Current() noexcept;

 protected:
  ~UringDoorbellSender() = default;
};

}  // namespace tandem::reactor
