#include "tools/tandem-demo/interrupt.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace tandem::demo {

Interrupt::Interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  TANDEM_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  fd_ = reactor::OwnedFd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  TANDEM_CHECK(fd_.valid());
}

bool Interrupt::Came() noexcept {
  signalfd_siginfo info;
  if (read(fd_.get(), &info, sizeof info) == sizeof info) came_ = true;
  return came_;
}

}  // namespace tandem::demo
