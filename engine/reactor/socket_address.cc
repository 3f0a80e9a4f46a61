#include "engine/reactor/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace tandem::reactor {
namespace {

Endpoint FromV4(const in_addr& address, in_port_t port) {
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, text, sizeof text);
  return {text, ntohs(port)};
}

Endpoint FromV6(const sockaddr_in6& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    in_addr v4;
    std::memcpy(&v4, address.sin6_addr.s6_addr + 12, sizeof v4);
    return FromV4(v4, address.sin6_port);
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  Endpoint endpoint{text, ntohs(address.sin6_port)};
  char interface[IF_NAMESIZE];
  if (address.sin6_scope_id != 0 && if_indextoname(address.sin6_scope_id, interface) != nullptr) {
    absl::StrAppend(&endpoint.host, "%", interface);
  }
  return endpoint;
}

}  // namespace

absl::StatusOr<SocketAddress> ToSocketAddress(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = endpoint.host.empty()
                        ? EAI_NONAME
                        : getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(),
                                      &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", endpoint.host, "\" is no numeric address: ", gai_strerror(error)));
  }
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

Endpoint ToEndpoint(const SocketAddress& address) {
  switch (address.family()) {
    case AF_INET: {
      sockaddr_in v4;
      std::memcpy(&v4, &address.storage, sizeof v4);
      return FromV4(v4.sin_addr, v4.sin_port);
    }
    case AF_INET6: {
      sockaddr_in6 v6;
      std::memcpy(&v6, &address.storage, sizeof v6);
      return FromV6(v6);
    }
    default:
      return {};
  }
}

}  // namespace tandem::reactor
