// What the service manager that started this node hears of it: systemd's Type=notify, sd_notify(3).
#pragma once

#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::tandemd {

// One datagram for each thing to say, to the socket that the environment names. If there is none,
// or nobody takes what is said, nothing happens: a node never waits for its supervisor. For the
// main thread.
class Supervisor {
 public:
  // The values of NOTIFY_SOCKET (a path, or "@name" of an abstract socket) and WATCHDOG_USEC; null
  // where they are not set.
  Supervisor(const char* notify_socket, const char* watchdog_us);

  // All that can fail at a start has succeeded. Told once, also if the node starts anew.
  void Ready();
  void Stopping();
  // Words for people, told when they change.
  void State(std::string_view words);
  // To be called again and again while all is well. Tells it often enough for a watchdog that
  // waits.
  void Alive(MonoNs now);

 private:
  void Say(std::string_view what);

  std::string address_;  // of the socket, as in sockaddr_un; "": nobody wants to hear
  reactor::OwnedFd socket_;
  MonoNs alive_every_ns_ = 0;  // 0: no watchdog
  MonoNs alive_at_ = 0;
  bool told_ready_ = false;
  std::string told_state_;
};

}  // namespace tandem::tandemd
