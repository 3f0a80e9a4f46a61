// Who listens on a TCP port of this host, for an error message that helps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::demo {

// Inode of the socket that listens on `port`, from the text of /proc/net/tcp or /proc/net/tcp6.
std::optional<std::uint64_t> ListeningInode(std::string_view proc_net_tcp, std::uint16_t port);

// "haproxy (pid 4711)", or "somebody whose name only root may see"; nothing if nobody listens.
std::optional<std::string> PortHolder(std::uint16_t port);

}  // namespace tandem::demo
