#include "engine/reactor/uring_waker.h"

#include <unistd.h>

#include <cerrno>

namespace tandem::reactor {

UringDoorbellSender*& UringDoorbellSender::Current() noexcept {
  thread_local UringDoorbellSender* current = nullptr;
  return current;
}

void UringWaker::Wake() noexcept {
  if (!gate_.Notify()) return;
  if (UringDoorbellSender* const sender = UringDoorbellSender::Current(); sender != nullptr) {
    sender->SendDoorbell(shared_from_this());
  } else {
    RingByEventFd();
  }
}

void UringWaker::RingByEventFd() noexcept {
  const std::uint64_t one = 1;
  // The only failure of a blocking eventfd is a signal.
  while (::write(event_fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

}  // namespace tandem::reactor
