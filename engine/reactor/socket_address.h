// Endpoints in the kernel's form.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/status/statusor.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const noexcept { return storage.ss_family; }
};

// InvalidArgument if the host is not a numeric IPv4 or IPv6 address (a scope as in "fe80::1%eth0"
// is understood). Never asks a name server.
absl::StatusOr<SocketAddress> ToSocketAddress(const Endpoint& endpoint);

// An IPv4 address that arrived at an IPv6 socket ("::ffff:10.0.0.1") comes out as IPv4. Anything
// but IP gives an empty endpoint.
Endpoint ToEndpoint(const SocketAddress& address);

}  // namespace tandem::reactor
