#include "engine/reactor/transport.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/reactor/socket_address.h"

namespace tandem::reactor {

std::string ToString(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return is_v6 ? absl::StrCat("[", endpoint.host, "]:", endpoint.port)
               : absl::StrCat(endpoint.host, ":", endpoint.port);
}

absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text) {
  const auto fail = [text](std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", Escaped(text), "\": ", ToAbsl(what),
        "; expected an address in numbers and a port, like 127.0.0.1:1883 or [::1]:1883"));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail("no port");
  std::string_view host = text.substr(0, colon);
  const bool is_bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (!is_bracketed && host.find(':') != std::string_view::npos)
    return fail("an IPv6 address wants brackets");

  const std::string_view port_text = text.substr(colon + 1);
  std::uint32_t port = 0;
  // SimpleAtoi alone would take blanks and signs.
  if (port_text.empty() || port_text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(port_text), &port) || port > UINT16_MAX) {
    return fail("the port is no number from 0 to 65535");
  }
  Endpoint endpoint{std::string(host), static_cast<std::uint16_t>(port)};
  if (!ToSocketAddress(endpoint).ok()) return fail("the host is no numeric address");
  return endpoint;
}

}  // namespace tandem::reactor
