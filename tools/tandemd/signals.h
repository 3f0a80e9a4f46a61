// Signals as events of the main thread.
#pragma once

#include <csignal>
#include <ctime>
#include <initializer_list>

namespace tandem::tandemd {

// Blocks the signals that the node answers, in this thread and all that it starts later; construct
// before any thread.
class SignalQueue {
 public:
  SignalQueue() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  // The next signal, or 0 after `milliseconds` without one.
  int Next(int milliseconds) const {
    const timespec timeout{.tv_sec = milliseconds / 1000,
                           .tv_nsec = (milliseconds % 1000) * 1'000'000L};
    const int signal = sigtimedwait(&set_, nullptr, &timeout);
    return signal < 0 ? 0 : signal;
  }

 private:
  sigset_t set_{};
};

}  // namespace tandem::tandemd
