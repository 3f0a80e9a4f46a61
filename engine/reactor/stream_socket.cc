#include "engine/reactor/stream_socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace tandem::reactor {
namespace {

absl::Status Failure(std::string_view what, const Endpoint& endpoint) {
  return absl::ErrnoToStatus(errno, absl::StrCat(ToAbsl(what), " ", ToString(endpoint)));
}

bool SetInt(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool SetText(int fd, int level, int name, const std::string& value) noexcept {
  return ::setsockopt(fd, level, name, value.data(), static_cast<socklen_t>(value.size())) == 0;
}

std::string CongestionControl(const StreamSocketOptions& options) {
  if (!options.congestion_control.empty()) return options.congestion_control;
  const char* const from_environment = std::getenv("TANDEM_TCP_CONGESTION");
  return from_environment == nullptr ? "" : from_environment;
}

absl::Status ApplyOptions(int fd, const StreamSocketOptions& options, const std::string& interface,
                          const Endpoint& endpoint) {
  if (!SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return Failure("TCP_NODELAY for", endpoint);
  if (options.not_sent_low_water_bytes != 0 &&
      !SetInt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
              static_cast<int>(options.not_sent_low_water_bytes))) {
    return Failure("TCP_NOTSENT_LOWAT for", endpoint);
  }
  if (options.keep_alive_idle_s != 0 &&
      (!SetInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
       !SetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(options.keep_alive_idle_s)))) {
    return Failure("SO_KEEPALIVE for", endpoint);
  }
  if (const std::string congestion = CongestionControl(options);
      !congestion.empty() && !SetText(fd, IPPROTO_TCP, TCP_CONGESTION, congestion)) {
    return Failure(absl::StrCat("congestion control \"", congestion, "\" for"), endpoint);
  }
  if (!interface.empty() && !SetText(fd, SOL_SOCKET, SO_BINDTODEVICE, interface)) {
    return Failure(absl::StrCat("binding to interface \"", interface, "\" for"), endpoint);
  }
  return absl::OkStatus();
}

// Blocking on purpose: io_uring waits for a blocking socket and fails at once on a non-blocking
// one.
OwnedFd OpenSocket(int family) {
  return OwnedFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
}

}  // namespace

absl::StatusOr<OwnedFd> OpenListener(const ListenOptions& listen,
                                     const StreamSocketOptions& options) {
  const Endpoint& endpoint = listen.endpoint;
  TANDEM_ASSIGN_OR_RETURN(const SocketAddress address, ToSocketAddress(endpoint));
  OwnedFd fd = OpenSocket(address.family());
  if (!fd.valid()) return Failure("socket for", endpoint);
  // A restart must not wait for the old connections' TIME_WAIT.
  if (!SetInt(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return Failure("SO_REUSEADDR for", endpoint);
  if (listen.reuse_port && !SetInt(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1))
    return Failure("SO_REUSEPORT for", endpoint);
  TANDEM_RETURN_IF_ERROR(ApplyOptions(fd.get(), options, listen.interface, endpoint));
  if (::bind(fd.get(), address.get(), address.size) != 0) return Failure("bind to", endpoint);
  if (::listen(fd.get(), listen.backlog) != 0) return Failure("listen on", endpoint);
  return fd;
}

absl::StatusOr<OwnedFd> OpenOutbound(const ConnectOptions& connect, const SocketAddress& remote,
                                     const StreamSocketOptions& options) {
  OwnedFd fd = OpenSocket(remote.family());
  if (!fd.valid()) return Failure("socket for", connect.remote);
  TANDEM_RETURN_IF_ERROR(ApplyOptions(fd.get(), options, connect.interface, connect.remote));
  if (connect.user_timeout_ms != 0 &&
      !SetInt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(connect.user_timeout_ms))) {
    return Failure("TCP_USER_TIMEOUT for", connect.remote);
  }
  if (!connect.local_host.empty()) {
    const Endpoint local{connect.local_host, 0};
    TANDEM_ASSIGN_OR_RETURN(const SocketAddress address, ToSocketAddress(local));
    // Chooses the port at connect, when the remote is known: more connections fit between two
    // addresses.
    SetInt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (::bind(fd.get(), address.get(), address.size) != 0) return Failure("bind to", local);
  }
  return fd;
}

Endpoint LocalEndpointOf(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getsockname(fd, address.get(), &address.size) != 0) return {};
  return ToEndpoint(address);
}

std::optional<Endpoint> PeerEndpointOf(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getpeername(fd, address.get(), &address.size) != 0) return std::nullopt;
  return ToEndpoint(address);
}

bool IsReset(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_CLOSE;
}

void SetResetOnClose(int fd) noexcept {
  const linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace tandem::reactor
