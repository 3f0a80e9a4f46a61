#include "tools/tandem-demo/port_block.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "tools/tandem-demo/port_holder.h"

namespace tandem::demo {
namespace {

constexpr int kBlocksTried = 100;

// First port that the kernel may give to an outgoing connection.
int EphemeralFirst() {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  int first = 32'768;
  range >> first;
  return first;
}

// Exclusive in this network namespace for as long as the descriptor is open.
absl::StatusOr<reactor::OwnedFd> LockBlock(std::uint16_t first) {
  const std::string name = absl::StrCat("tandem-demo-ports-", first);
  reactor::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // the leading 0 makes it abstract
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (!fd.valid() || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
    return absl::UnavailableError(absl::StrCat("ports ", first, " to ",
                                               first + PortBlock::kSize - 1,
                                               " are reserved by another demo that is running"));
  return fd;
}

absl::Status CheckFree(std::uint16_t port) {
  const reactor::OwnedFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;  // as the servers do: what is left of old connections is no obstacle
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd.valid() && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return absl::OkStatus();
  const int error = errno;
  if (error != EADDRINUSE)
    return absl::UnavailableError(
        absl::StrCat("cannot use port ", port, ": ", std::strerror(error)));
  return absl::UnavailableError(
      absl::StrCat("port ", port, " is taken by ",
                   PortHolder(port).value_or("a connection of some process on this host")));
}

}  // namespace

absl::StatusOr<PortBlock> PortBlock::TryReserve(std::uint16_t first) {
  TANDEM_ASSIGN_OR_RETURN(reactor::OwnedFd lock, LockBlock(first));
  for (std::uint16_t i = 0; i < kSize; ++i)
    TANDEM_RETURN_IF_ERROR(CheckFree(static_cast<std::uint16_t>(first + i)));
  return PortBlock(first, std::move(lock));
}

absl::StatusOr<PortBlock> PortBlock::Reserve(std::optional<std::uint16_t> wanted) {
  if (wanted) return TryReserve(*wanted);
  absl::Status problem = absl::UnavailableError("no ports below those of outgoing connections");
  for (int i = 0; i < kBlocksTried; ++i) {
    const int first = kFirst + i * kSize;
    if (first + kSize > EphemeralFirst()) break;
    auto block = TryReserve(static_cast<std::uint16_t>(first));
    if (block.ok()) return block;
    problem = block.status();
  }
  return absl::UnavailableError(
      absl::StrCat("no ten free ports in a row from ", kFirst, " on: ", problem.message()));
}

}  // namespace tandem::demo
