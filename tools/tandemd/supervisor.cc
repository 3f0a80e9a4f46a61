#include "tools/tandemd/supervisor.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace tandem::tandemd {
namespace {

constexpr MonoNs kNanosecondsPerMicrosecond = 1'000;

// As the kernel wants it: an abstract name begins with 0.
std::string AddressOf(const char* notify_socket) {
  std::string address = notify_socket == nullptr ? "" : notify_socket;
  const bool is_absolute = address.starts_with('/') || address.starts_with('@');
  if (address.size() < 2 || address.size() >= sizeof(sockaddr_un::sun_path) || !is_absolute)
    return "";
  if (address.front() == '@') address.front() = '\0';
  return address;
}

MonoNs ParseMicroseconds(std::string_view text) {
  MonoNs us = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), us);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  return is_number && us > 0 && us < kNever / kNanosecondsPerMicrosecond
             ? us * kNanosecondsPerMicrosecond
             : 0;
}

}  // namespace

Supervisor::Supervisor(const char* notify_socket, const char* watchdog_us)
    : address_(AddressOf(notify_socket)) {
  if (address_.empty()) return;
  socket_ = reactor::OwnedFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Twice in its time, as sd_watchdog_enabled(3) advises.
  if (watchdog_us != nullptr) alive_every_ns_ = ParseMicroseconds(watchdog_us) / 2;
}

void Supervisor::Ready() {
  if (told_ready_) return;
  told_ready_ = true;
  Say("READY=1");
}

void Supervisor::Stopping() { Say("STOPPING=1"); }

void Supervisor::State(std::string_view words) {
  if (told_state_ == words) return;
  told_state_ = words;
  Say("STATUS=" + told_state_);
}

void Supervisor::Alive(MonoNs now) {
  if (alive_every_ns_ == 0 || (alive_at_ != 0 && now - alive_at_ < alive_every_ns_)) return;
  alive_at_ = now;
  Say("WATCHDOG=1");
}

void Supervisor::Say(std::string_view what) {
  if (address_.empty()) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  address_.copy(to.sun_path, sizeof to.sun_path);
  sendto(socket_.get(), what.data(), what.size(), MSG_NOSIGNAL,
         reinterpret_cast<const sockaddr*>(&to),
         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size()));
}

}  // namespace tandem::tandemd
