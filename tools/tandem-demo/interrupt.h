// SIGINT, SIGTERM and SIGHUP as something to wait for. To be made in main before any thread: all
// threads of the process then have the signals blocked.
#pragma once

#include "engine/reactor/owned_fd.h"

namespace tandem::demo {

class Interrupt {
 public:
  Interrupt();
  // Readable when a signal came.
  int fd() const noexcept { return fd_.get(); }
  // A signal has come, now or before.
  bool Came() noexcept;

 private:
  reactor::OwnedFd fd_;  // signalfd
  bool came_ = false;
};

}  // namespace tandem::demo
