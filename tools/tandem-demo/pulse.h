// Wakes the main thread when something happened, so that it waits for events and not for time to
// pass.
#pragma once

#include <cstdint>

#include "engine/reactor/owned_fd.h"

namespace tandem::demo {

// Any thread may beat; one thread polls fd() for reading and calls Clear() before it looks at what
// happened.
class Pulse {
 public:
  Pulse();
  void Beat() noexcept;
  void Clear() noexcept;
  int fd() const noexcept { return fd_.get(); }

 private:
  reactor::OwnedFd fd_;  // eventfd
};

}  // namespace tandem::demo
