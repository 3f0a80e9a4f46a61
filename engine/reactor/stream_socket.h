// TCP sockets with the options that an engine core wants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/reactor/owned_fd.h"
#include "engine/reactor/socket_address.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

// Applied to listeners and to outbound sockets; accepted ones inherit them from their listener,
// which saves a system call per option and connection. TCP_NODELAY is always set: we coalesce
// ourselves.
struct StreamSocketOptions {
  // TCP_NOTSENT_LOWAT: how much may wait unsent in the kernel; without it a stuck subscriber hides
  // megabytes there.
  std::uint32_t not_sent_low_water_bytes = 64 * 1024;
  // TCP_CONGESTION; "" = what the environment's TANDEM_TCP_CONGESTION says, else the system's. bbr
  // paces loopback traffic; benchmarks there want "reno".
  std::string congestion_control;
  // First keep-alive probe after this much silence, for connections without an MQTT keep alive; 0 =
  // never.
  std::uint32_t keep_alive_idle_s = 300;
};

// Bound and listening. Errors name the endpoint: FailedPrecondition (the port is taken),
// InvalidArgument or Unavailable (no such address, interface or congestion control),
// PermissionDenied, ResourceExhausted.
absl::StatusOr<OwnedFd> OpenListener(const ListenOptions& listen,
                                     const StreamSocketOptions& options);

// Unconnected, bound to the wanted local address and interface.
absl::StatusOr<OwnedFd> OpenOutbound(const ConnectOptions& connect, const SocketAddress& remote,
                                     const StreamSocketOptions& options);

Endpoint LocalEndpointOf(int fd);
// Nothing if the connection is gone already.
std::optional<Endpoint> PeerEndpointOf(int fd);

// True if the connection stands no more: it was reset, as we have not closed it yet.
bool IsReset(int fd) noexcept;

// From now on closing this socket drops what is unsent and sends RST.
void SetResetOnClose(int fd) noexcept;

}  // namespace tandem::reactor
