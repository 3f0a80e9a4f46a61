#include "engine/node/config/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>

namespace tandem::config {
namespace {

// `text` in the form inet_ntop writes, so that equal addresses are equal text; nothing if it is no
// address of `family`.
std::optional<std::string> Canonical(int family, const std::string& text) {
  in6_addr binary{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_pton(family, text.c_str(), &binary) != 1) return std::nullopt;
  if (inet_ntop(family, &binary, out.data(), out.size()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return port;
}

}  // namespace

bool Address::is_loopback() const { return ip.starts_with("127.") || ip == "::1"; }

std::optional<std::string> ParseIp(std::string_view text) {
  const std::string ip(text == "localhost" ? "127.0.0.1" : text);
  return Canonical(ip.find(':') == std::string::npos ? AF_INET : AF_INET6, ip);
}

std::optional<Address> ParseAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = ParseIp(host);
  const auto port = ParsePort(text.substr(colon + 1));
  if (!ip || !port) return std::nullopt;
  Address address{*ip, *port};
  if (address.is_ipv6() != bracketed)
    return std::nullopt;  // without brackets the port would be a guess
  return address;
}

std::string ToString(const Address& address) {
  const std::string port = ":" + std::to_string(address.port);
  return address.is_ipv6() ? "[" + address.ip + "]" + port : address.ip + port;
}

}  // namespace tandem::config
