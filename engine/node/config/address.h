// Where something listens or is reached: an IP address and a port.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::config {

// Always numeric: a name could resolve differently on each start, and to different families.
struct Address {
  std::string ip;          // "10.0.0.4", or "fe80::1" without brackets, as inet_ntop writes it
  std::uint16_t port = 0;  // 0: the kernel chooses (tests)

  bool is_ipv6() const noexcept { return ip.find(':') != std::string::npos; }
  // 127.0.0.0/8 or ::1: reachable from this host only.
  bool is_loopback() const;
  // 0.0.0.0 or ::, every address of this host.
  bool is_any() const { return ip == "0.0.0.0" || ip == "::"; }

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;
};

// An address without port in its shortest form; "localhost" is 127.0.0.1. Nothing if it is not
// numeric.
std::optional<std::string> ParseIp(std::string_view text);

// Reads "host:port" or "[v6]:port"; host is numeric or "localhost" (127.0.0.1). Nothing if it is
// neither.
std::optional<Address> ParseAddress(std::string_view text);

// "10.0.0.4:1883" or "[fe80::1]:1883": what ParseAddress reads.
std::string ToString(const Address& address);

}  // namespace tandem::config
